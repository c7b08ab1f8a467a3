// Package netns makes network namespaces, joins them with links and runs functions and
// programs in them. It builds the networks of the lab and of the tests; unless Own is
// called, it must never touch the namespace that it was started in.
package netns

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// dir is where iproute2 looks for namespaces, so that `ip netns exec` finds
// those of this package.
const dir = "/run/netns"

// An NS is a network namespace. Make it with New; the zero value is invalid. It is safe for concurrent use.
type NS struct {
	Name string

	fd netns.NsHandle
	nl *netlink.Handle

	named  bool // it stands in dir
	mu     sync.Mutex
	closed bool
	procs  map[*Proc]struct{}
}

// An Option changes how New makes a namespace.
type Option func(*NS) error

// WithoutDAD switches IPv6 duplicate address detection off, so that addresses
// can be used at once.
func WithoutDAD() Option {
	return func(n *NS) error {
		return errors.Join(
			n.Sysctl("net/ipv6/conf/all/accept_dad", "0"),
			n.Sysctl("net/ipv6/conf/default/accept_dad", "0"),
		)
	}
}

// WithoutIPv6 switches IPv6 off on the links to come, which keeps router and
// neighbour discovery out of captures. A kernel may have no IPv6 at all.
func WithoutIPv6() Option {
	return func(n *NS) error {
		err := n.Sysctl("net/ipv6/conf/default/disable_ipv6", "1")
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
}

// WithoutLinkLocal has the links to come make no link-local addresses of their
// own, so that they have those that they are given.
func WithoutLinkLocal() Option {
	return func(n *NS) error {
		return errors.Join(
			n.Sysctl("net/ipv6/conf/default/addr_gen_mode", "1"), // IN6_ADDR_GEN_MODE_NONE
			n.Sysctl("net/ipv6/conf/default/accept_ra", "0"),
		)
	}
}

// New makes a namespace that `ip netns` knows by name, with its loopback up.
// The error wraps os.ErrExist if the name is taken. The caller must Close it.
func New(name string, opts ...Option) (*NS, error) {
	if err := create(name); err != nil {
		return nil, fmt.Errorf("make namespace %s: %w", name, err)
	}
	fd, err := netns.GetFromPath(filepath.Join(dir, name))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open namespace %s: %w", name, err), remove(name))
	}
	n, err := open(name, fd)
	if err != nil {
		return nil, errors.Join(err, remove(name))
	}
	n.named = true
	errs := []error{n.Up("lo")}
	for _, o := range opts {
		errs = append(errs, o(n))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// unnamed makes an empty namespace that ends with its last handle.
func unnamed() (*NS, error) {
	var fd netns.NsHandle
	err := onThread(func() (err error) {
		fd, err = netns.New()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make namespace: %w", err)
	}
	return open("unnamed", fd)
}

// open takes over a handle of a namespace.
func open(name string, fd netns.NsHandle) (*NS, error) {
	nl, err := netlink.NewHandleAt(fd)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("netlink in %s: %w", name, err), fd.Close())
	}
	return &NS{Name: name, fd: fd, nl: nl, procs: map[*Proc]struct{}{}}, nil
}

// Close ends the programs that were started in the namespace and are still
// running, and deletes it with its links. A second Close does nothing.
func (n *NS) Close() error {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return nil
	}
	n.closed = true
	procs := make([]*Proc, 0, len(n.procs))
	for p := range n.procs {
		procs = append(procs, p)
	}
	n.mu.Unlock()

	var wg sync.WaitGroup
	for _, p := range procs {
		wg.Go(p.Stop)
	}
	wg.Wait()
	n.nl.Close()
	if !n.named {
		return n.fd.Close()
	}
	return errors.Join(n.fd.Close(), remove(n.Name))
}

// Own returns the namespace that the caller is in, for tests in machines that are
// made for them. Close ends what was started in it, and leaves its links.
func Own() (*NS, error) {
	fd, err := netns.Get()
	if err != nil {
		return nil, fmt.Errorf("own namespace: %w", err)
	}
	return open("own", fd)
}

// Sweep deletes the namespaces whose names match the pattern, if the process
// whose number is the pattern's first group is gone: it died without closing
// them. Programs that still run in them are left alone.
func Sweep(pattern *regexp.Regexp) error {
	list, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, e := range list {
		m := pattern.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		if _, err := os.Stat("/proc/" + m[1]); errors.Is(err, os.ErrNotExist) {
			errs = append(errs, remove(e.Name()))
		}
	}
	return errors.Join(errs...)
}

// errGone is that of a function that has not returned.
var errGone = errors.New("the function has ended its goroutine, as t.FailNow does")

// Do runs f in the namespace, on a thread of its own that is not used for
// anything else. Sockets that f opens stay in the namespace; goroutines that it
// starts do not. f must not call runtime.UnlockOSThread.
func (n *NS) Do(f func() error) error { return n.run(f, true) }

// run runs f in the namespace, on a thread that goes back to where it was, or that ends
// with f: programs that it has started for others would end with it, by their parent
// death signal.
func (n *NS) run(f func() error, back bool) error {
	return onThread(func() error {
		home, err := netns.Get()
		if err != nil {
			return fmt.Errorf("own namespace: %w", err)
		}
		defer func() { _ = home.Close() }()
		if err := netns.Set(n.fd); err != nil {
			return fmt.Errorf("enter namespace %s: %w", n.Name, err)
		}
		err = f()
		if back && netns.Set(home) == nil {
			runtime.UnlockOSThread()
		}
		return err
	})
}

// onThread runs f on a thread that ends with it, unless f unlocks it, so that what f
// changes of the thread cannot leak to others.
func onThread(f func() error) error {
	done, err := make(chan struct{}), errGone
	go func() {
		defer close(done)
		runtime.LockOSThread()
		err = f()
	}()
	<-done
	return err
}

// create makes the namespace as iproute2 does: a bind mount of a thread's
// namespace onto a file in a directory that shares its mounts, so that a
// deletion reaches the mount namespaces of `ip netns exec`.
func create(name string) error {
	if name == "" || filepath.Base(name) != name {
		return fmt.Errorf("%q is no file name", name)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := share(); err != nil {
		return err
	}
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := onThread(func() error { return mountNew(path) }); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// mountNew makes a namespace and mounts it on a file. The thread goes back to where it
// was.
func mountNew(path string) error {
	home, err := netns.Get()
	if err != nil {
		return fmt.Errorf("own namespace: %w", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return errors.Join(fmt.Errorf("unshare: %w", err), home.Close())
	}
	from := fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid())
	err = unix.Mount(from, path, "none", unix.MS_BIND, "")
	if netns.Set(home) == nil {
		runtime.UnlockOSThread()
	}
	return errors.Join(err, home.Close())
}

// share makes dir a shared mount point.
func share() error {
	err := unix.Mount("", dir, "none", unix.MS_SHARED|unix.MS_REC, "")
	if err == nil {
		return nil
	}
	if !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("share %s: %w", dir, err)
	}
	if err := unix.Mount(dir, dir, "none", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s: %w", dir, err)
	}
	if err := unix.Mount("", dir, "none", unix.MS_SHARED|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("share %s: %w", dir, err)
	}
	return nil
}

func remove(name string) error {
	path := filepath.Join(dir, name)
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", path, err)
	}
	return os.Remove(path)
}
