package confine

import (
	"errors"
	"runtime"
	"slices"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// callNames are the system calls of this program and of Go's runtime, by what they
// are for. Those that an architecture does not have are left out.
func callNames() []string {
	return []string{
		// Messages, and who waits for them.
		"recvmmsg", "sendmmsg", "recvmsg", "sendmsg", "recvfrom", "sendto", "epoll_pwait", "epoll_pwait2", "epoll_wait",
		"epoll_ctl", "epoll_create1", "eventfd2", "poll", "ppoll", "select", "pselect6", "futex", "read", "write",
		"bind", "connect", "listen", "accept", "accept4", "shutdown", "socketpair",
		"getsockname", "getpeername", "getsockopt", "setsockopt",
		// Time and signals.
		"clock_gettime", "clock_getres", "clock_nanosleep", "gettimeofday", "nanosleep", "time",
		"setitimer", "timer_create", "timer_settime", "timer_delete", "timerfd_create", "timerfd_settime",
		"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigaltstack", "restart_syscall",
		"kill", "tkill", "tgkill", "pidfd_open", "pidfd_send_signal",
		// Memory.
		"munmap", "madvise", "mincore", "mremap", "brk", "membarrier",
		// Threads and processes, and what they are.
		"execve", "exit", "exit_group", "wait4", "waitid", "sched_yield", "sched_getaffinity", "set_tid_address",
		"set_robust_list", "rseq", "arch_prctl", "getrandom", "uname", "sysinfo", "getcpu", "getrusage", "times",
		"getpid", "getppid", "gettid", "getpgid", "getpgrp", "getsid", "setpgid", "getuid", "geteuid", "getgid", "getegid",
		"getgroups", "getresuid", "getresgid", "getrlimit", "setrlimit", "prlimit64",
		// Files.
		"open", "openat", "openat2", "close", "close_range", "pread64", "pwrite64", "readv", "writev", "preadv", "pwritev", "lseek",
		"stat", "fstat", "lstat", "newfstatat", "fstatat", "statx", "statfs", "fstatfs", "access", "faccessat", "faccessat2",
		"getdents64", "getcwd", "readlink", "readlinkat", "mkdir", "mkdirat", "rename", "renameat", "renameat2",
		"unlink", "unlinkat", "link", "linkat", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown",
		"fchownat", "truncate", "ftruncate", "fsync", "fdatasync", "fcntl", "flock", "dup", "dup2", "dup3", "pipe",
		"pipe2", "umask", "memfd_create", "fadvise64", "sendfile", "splice", "copy_file_range",
		// To give up even more, as a program does that takes the place of this one.
		"capget", "capset", "prctl", "seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self",
	}
}

// spaces are the flags of clone that make namespaces.
const spaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// allowIf returns a system call that is allowed under a condition.
func allowIf(name string, argument uint32, op seccomp.Operation, v uint64) seccomp.NameWithConditions {
	return seccomp.NameWithConditions{Name: name, Conditions: seccomp.ArgumentConditions{{Argument: argument, Operation: op, Value: v}}}
}

// conditional are the calls of which some uses are allowed.
func (n Needs) conditional() []seccomp.NameWithConditions {
	all := []seccomp.NameWithConditions{
		allowIf("clone", 0, seccomp.BitsNotSet, spaces),
		allowIf("ioctl", 1, seccomp.NotEqual, unix.TIOCSTI), // to type on the terminal that it was started from
	}
	for _, family := range []uint64{unix.AF_UNIX, unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK, unix.AF_PACKET} {
		socket := allowIf("socket", 0, seccomp.Equal, family)
		// Landlock does not bound the ports of Multipath TCP. Go takes TCP instead.
		socket.Conditions = append(socket.Conditions, seccomp.Condition{Argument: 2, Operation: seccomp.NotEqual, Value: unix.IPPROTO_MPTCP})
		all = append(all, socket)
	}
	// New code is for what loads libraries alone.
	for _, name := range []string{"mmap", "mprotect"} {
		if !dynamic() {
			all = append(all, allowIf(name, 2, seccomp.BitsNotSet, unix.PROT_EXEC))
		}
	}
	return all
}

// allowed lists the calls that this architecture has.
func allowed() (names []string) {
	a, err := arch.GetInfo("")
	if err != nil {
		return nil
	}
	for _, name := range callNames() {
		if _, ok := a.SyscallNames[name]; ok {
			names = append(names, name)
		}
	}
	return names
}

// errNoCalls says that callNames is not known to be whole.
var errNoCalls = errors.New("the system calls of this architecture are not listed")

// filter has the kernel refuse all other system calls. They fail, and the process
// goes on: a call that nobody has thought of must not end it.
func (n Needs) filter() error {
	if !slices.Contains([]string{"amd64", "arm64"}, runtime.GOARCH) {
		return errNoCalls
	}
	names := allowed()
	if n.BPF {
		names = append(names, "bpf")
	}
	if dynamic() {
		names = append(names, "mmap", "mprotect")
	}
	f := seccomp.Filter{
		NoNewPrivs: true,
		// Without SPEC_ALLOW some kernels before 5.16 make the process slower for life.
		Flag: seccomp.FilterFlagTSync | seccomp.FilterFlag(unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW),
		Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionErrno,
			Syscalls: []seccomp.SyscallGroup{
				{Names: names, NamesWithCondtions: n.conditional(), Action: seccomp.ActionAllow},
				// Its flags cannot be looked at. C libraries take clone where there is none.
				{Names: []string{"clone3"}, Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS)},
			},
		},
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return seccomp.LoadFilter(f)
}
