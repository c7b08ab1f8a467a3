package confine

import (
	"slices"
	"testing"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
)

// What is on the list is a system call somewhere: a slip of the pen would be left out
// silently.
func TestEachCallIsKnown(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, name := range callNames() {
		_, amd := arch.X86_64.SyscallNames[name]
		_, arm := arch.AARCH64.SyscallNames[name]
		if !amd && !arm {
			t.Errorf("no architecture has %s", name)
		}
		if seen[name] {
			t.Errorf("%s stands on the list twice", name)
		}
		seen[name] = true
	}
	for _, name := range []string{"ptrace", "process_vm_readv", "unshare", "setns", "mount", "bpf", "io_uring_setup", "perf_event_open", "init_module", "keyctl", "setuid", "execveat", "userfaultfd", "pidfd_getfd"} {
		if seen[name] {
			t.Errorf("%s is allowed", name)
		}
	}
}

// Architectures have other names for the same: what Go uses of each is on the list.
func TestCallsOfEachArchitecture(t *testing.T) {
	t.Parallel()
	for _, a := range []struct {
		info    *arch.Info
		numbers []int // openat, fstatat, read, write, futex, clone, epoll_pwait, recvmmsg, sendmmsg, execve, getdents64, renameat
	}{
		{arch.X86_64, []int{257, 262, 0, 1, 202, 56, 281, 299, 307, 59, 217, 264}},
		{arch.AARCH64, []int{56, 79, 63, 64, 98, 220, 22, 243, 269, 221, 61, 38}},
	} {
		names := callNames()
		for _, c := range (Needs{}).conditional() {
			names = append(names, c.Name)
		}
		for _, n := range a.numbers {
			if name := a.info.SyscallNumbers[n]; !slices.Contains(names, name) {
				t.Errorf("%s: %d, which is %q, is not allowed", a.info.Name, n, name)
			}
		}
	}
}

// The filter fits each architecture that the relay is built for.
func TestFilterAssembles(t *testing.T) {
	t.Parallel()
	p := seccomp.Policy{DefaultAction: seccomp.ActionErrno, Syscalls: []seccomp.SyscallGroup{
		{Names: allowed(), NamesWithCondtions: Needs{}.conditional(), Action: seccomp.ActionAllow},
	}}
	if _, err := p.Assemble(); err != nil {
		t.Error(err)
	}
}
