package confine_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/elastic/go-seccomp-bpf"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/cap"

	"dhcp-relay/relay/host/confine"
)

// childVariable has the test's program be the process that is confined: it names what
// it is to try.
const childVariable = "CONFINE_TEST_CHILD"

// poorVariable has the child find a kernel without Landlock.
const poorVariable = "CONFINE_TEST_POOR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		child(dir)
		return
	}
	os.Exit(m.Run())
}

// A trial is what a confined process has found.
type trial struct {
	State   confine.State
	Threads []map[string]string // of /proc/self/task/*/status
	Errors  map[string]string   // by act; "" if it was done
}

// needs are those of a child, in directories below one.
func needs(dir string) confine.Needs {
	self, _ := os.Executable()
	return confine.Needs{
		Capabilities: []cap.Value{cap.NET_BIND_SERVICE, cap.NET_RAW},
		Read:         append(confine.Dirs(filepath.Join(dir, "read", "file")), "/proc"),
		Write:        []string{filepath.Join(dir, "write"), filepath.Join(dir, "none")},
		Run:          self,
		Listen:       []uint16{9867},
	}
}

// child confines itself, with threads that are there already, and tries things.
func child(dir string) {
	hold, held := make(chan struct{}), make(chan struct{})
	errs := make(chan error)
	for range 4 {
		go func() {
			runtime.LockOSThread()
			held <- struct{}{}
			<-hold
			errs <- open("/etc/shadow", os.O_RDONLY)
		}()
	}
	for range 4 {
		<-held
	}
	if os.Getenv(poorVariable) != "" {
		withoutLandlock()
	}
	box := confine.Open()
	t := trial{State: box.Apply(needs(dir)), Errors: make(map[string]string)}
	t.Threads = threads()
	for name, act := range acts(dir) {
		t.Errors[name] = text(act())
	}
	close(hold)
	for range 4 {
		t.Errors["open another file, on a thread from before"] = text(<-errs)
	}
	if err := json.NewEncoder(os.Stdout).Encode(t); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// withoutLandlock has the kernel know nothing of Landlock.
func withoutLandlock() {
	f := seccomp.Filter{NoNewPrivs: true, Flag: seccomp.FilterFlagTSync, Policy: seccomp.Policy{
		DefaultAction: seccomp.ActionAllow,
		Syscalls: []seccomp.SyscallGroup{{
			Names:  []string{"landlock_create_ruleset"},
			Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS),
		}},
	}}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := seccomp.LoadFilter(f); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// text says what an error comes down to.
func text(err error) string {
	var no unix.Errno
	switch {
	case err == nil:
		return ""
	case errors.As(err, &no):
		return unix.ErrnoName(no)
	}
	return err.Error()
}

func open(path string, flag int) error {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// acts are what a confined process tries: allowed ones are marked with a plus.
func acts(dir string) map[string]func() error {
	socket := func(family, typ int) func() error {
		return func() error {
			fd, err := unix.Socket(family, typ, 0)
			if err != nil {
				return err
			}
			return unix.Close(fd)
		}
	}
	listen := func(network, address string) func() error {
		return func() error {
			l, err := net.Listen(network, address)
			if err != nil {
				return err
			}
			return l.Close()
		}
	}
	in := func(parts ...string) string { return filepath.Join(append([]string{dir}, parts...)...) }
	return map[string]func() error{
		"+read a file":                      func() error { return open(in("read", "file"), os.O_RDONLY) },
		"+read a file by a link":            func() error { return open(in("read", "link"), os.O_RDONLY) },
		"+make a file":                      func() error { return open(in("write", "new"), os.O_CREATE|os.O_WRONLY) },
		"+rename a file":                    func() error { return rename(in("write")) },
		"+make a Unix socket":               listen("unix", in("write", "socket")),
		"+make a directory that is missing": func() error { return os.Mkdir(in("none"), 0o700) },
		"+listen on its TCP port":           listen("tcp", "127.0.0.1:9867"),
		"+open a packet socket":             socket(unix.AF_PACKET, unix.SOCK_DGRAM),
		"+open a low port": func() error {
			c, err := net.ListenPacket("udp", "127.0.0.1:67")
			if err != nil {
				return err
			}
			return c.Close()
		},
		"+open a netlink socket":  socket(unix.AF_NETLINK, unix.SOCK_RAW),
		"+run itself":             func() error { return run(os.Args[0], "-test.run=^$") },
		"write where it may read": func() error { return open(in("read", "file"), os.O_WRONLY) },
		"make a file elsewhere":   func() error { return open(in("other"), os.O_CREATE|os.O_WRONLY) },
		"read another file":       func() error { return open(in("outside"), os.O_RDONLY) },
		"listen on another port":  listen("tcp", "127.0.0.1:9868"),
		"connect by TCP":          func() error { _, err := net.Dial("tcp", "127.0.0.1:1"); return err },
		"run another program":     func() error { return run("/bin/true") },
		"trace a process":         func() error { return unix.PtraceSeize(os.Getppid()) },
		"signal another process":  func() error { return unix.Kill(os.Getppid(), 0) },
		"make namespaces":         func() error { return unix.Unshare(unix.CLONE_NEWNET) },
		"clone into namespaces":   cloneSpaces,
		"enter a namespace":       func() error { return unix.Setns(0, 0) },
		"mount":                   func() error { return unix.Mount("none", in("read"), "tmpfs", 0, "") },
		"become another user":     func() error { return unix.Setresuid(1, 1, 1) },
		canMakeCode + "make code": makeCode,
		"open an exotic socket":   socket(unix.AF_KEY, unix.SOCK_RAW),
		"load BPF programs":       func() error { _, _, e := unix.Syscall(unix.SYS_BPF, 0, 0, 0); return e },
		"set up io_uring":         func() error { _, _, e := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, 0, 0); return e },
		"force a buffer":          forceBuffer,
		"regain a capability":     regain,
	}
}

func rename(dir string) error {
	f, err := os.CreateTemp(dir, "x")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Rename(f.Name(), filepath.Join(dir, "renamed")))
}

func run(program string, args ...string) error {
	c := exec.Command(program, args...)
	c.Env = []string{}
	return c.Run()
}

func cloneSpaces() error {
	_, _, e := unix.RawSyscall6(unix.SYS_CLONE, unix.CLONE_NEWUTS|unix.CLONE_NEWUSER, 0, 0, 0, 0, 0)
	if e == 0 {
		return nil
	}
	return e
}

func makeCode() error {
	b, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	return unix.Munmap(b)
}

func forceBuffer() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 1<<20)
}

func regain() error {
	s := cap.GetProc()
	if err := s.SetFlag(cap.Permitted, true, cap.NET_ADMIN); err != nil {
		return err
	}
	if s.SetProc() == nil {
		return nil
	}
	return unix.EPERM
}

// threads reads what the kernel says of each thread.
func threads() (all []map[string]string) {
	files, _ := filepath.Glob("/proc/self/task/*/status")
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		m := make(map[string]string)
		for line := range strings.Lines(string(b)) {
			k, v, _ := strings.Cut(line, ":")
			if slices.Contains([]string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"}, k) {
				m[k] = strings.TrimSpace(v)
			}
		}
		all = append(all, m)
	}
	return all
}

// confined runs a child in a directory of its own.
func confined(t *testing.T, env ...string) (r trial) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("to give up capabilities, one must have them: run as root")
	}
	dir := t.TempDir()
	for _, d := range []string{"read", "write", "real"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{"read/file", "outside"} {
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("file", filepath.Join(dir, "read", "link")); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env, c.Stderr = append(append(os.Environ(), childVariable+"="+dir), env...), os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return r
}

func TestRSEC2_Confined(t *testing.T) {
	r := confined(t)
	if len(r.State.Missing) > 0 {
		t.Skipf("this kernel cannot do all: %v", r.State.Missing)
	}
	if len(r.Threads) < 5 {
		t.Errorf("%d threads, want those that were there before", len(r.Threads))
	}
	const kept = "0000000000002400" // CAP_NET_BIND_SERVICE, CAP_NET_RAW
	const none = "0000000000000000"
	want := map[string]string{
		"CapInh": none, "CapPrm": kept, "CapEff": kept, "CapBnd": kept, "CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2",
	}
	for i, got := range r.Threads {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("thread %d (-want +got):\n%s", i, diff)
		}
	}
	for name, got := range r.Errors {
		switch allowed := strings.HasPrefix(name, "+"); {
		case allowed && got != "":
			t.Errorf("%s: %s", name[1:], got)
		case !allowed && got != "EPERM" && got != "EACCES":
			t.Errorf("%s: %q, want it refused", name, got)
		}
	}
}

// On a kernel that lacks something the rest holds, and what is lacking is told.
func TestRSEC2_ConfinedAsFarAsCanBe(t *testing.T) {
	r := confined(t, poorVariable+"=1")
	if s := r.State; s.Landlock != 0 || !s.Seccomp || !s.NoNewPrivs || len(s.Missing) != 1 || !strings.HasPrefix(s.Missing[0], "files bounded by Landlock: ") {
		t.Errorf("%+v", s)
	}
	for name, want := range map[string]string{
		"trace a process": "EPERM", "make namespaces": "EPERM", "regain a capability": "EPERM",
		"read another file": "", // by the user alone
	} {
		if got := r.Errors[name]; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
