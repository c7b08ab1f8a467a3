package watch

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"dhcp-relay/giaddr"
)

// patience is for a machine that is busy; what is awaited comes within 300 ms.
const patience = 10 * time.Second

// skip skips a test for want of something. With RELAY_TEST_NOSKIP=1 only what
// the kernel lacks may be missing, with RELAY_TEST_NOSKIP=all nothing.
func skip(t testing.TB, want string, err error) {
	t.Helper()
	if noSkip := os.Getenv("RELAY_TEST_NOSKIP"); noSkip == "all" || noSkip != "" && !errors.Is(err, unix.EOPNOTSUPP) {
		t.Fatalf("missing %s: %v", want, err)
	}
	t.Skipf("missing %s: %v", want, err)
}

// namespace puts the calling test into a network namespace of its own, which
// ends with it: the thread is never given back.
func namespace(t testing.TB) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		skip(t, "CAP_SYS_ADMIN and network namespaces", err)
	}
}

// elsewhere returns another network namespace.
func elsewhere(t testing.TB) *os.File {
	t.Helper()
	type result struct {
		file *os.File
		err  error
	}
	made := make(chan result)
	go func() {
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			made <- result{nil, err}
			return
		}
		file, err := os.Open("/proc/thread-self/ns/net")
		made <- result{file, err}
	}()
	r := <-made
	if r.err != nil {
		t.Fatal(r.err)
	}
	t.Cleanup(func() { _ = r.file.Close() })
	return r.file
}

// must is for what only sets the stage.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// addVeth makes a pair of links, both up.
func addVeth(t testing.TB, name, peer string) netlink.Link {
	t.Helper()
	err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrsOf(name), PeerName: peer})
	if errors.Is(err, unix.EOPNOTSUPP) {
		skip(t, "veth devices", err)
	}
	must(t, err)
	for _, n := range []string{name, peer} {
		must(t, netlink.LinkSetUp(byName(t, n)))
	}
	return byName(t, name)
}

func attrsOf(name string) netlink.LinkAttrs {
	a := netlink.NewLinkAttrs()
	a.Name = name
	return a
}

func byName(t testing.TB, name string) netlink.Link {
	t.Helper()
	l, err := netlink.LinkByName(name)
	must(t, err)
	return l
}

func address(t testing.TB, s string) *netlink.Addr {
	t.Helper()
	a, err := netlink.ParseAddr(s)
	must(t, err)
	if a.IP.To4() == nil {
		a.Flags = unix.IFA_F_NODAD
	}
	return a
}

// A bed is a Watcher at work.
type bed struct {
	*Watcher
	pictures chan []giaddr.Link
	calls    atomic.Int64
}

// watching makes a Watcher of the calling namespace and runs it for the length
// of the test. It also checks that nothing is left of it.
func watching(t testing.TB) *bed {
	t.Helper()
	leaks := goleak.IgnoreCurrent()
	w, err := New()
	must(t, err)
	b := &bed{Watcher: w, pictures: make(chan []giaddr.Link, 10000)}
	b.run(t, leaks)
	return b
}

func (b *bed) run(t testing.TB, leaks goleak.Option) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- b.Run(ctx, func() {
			b.calls.Add(1)
			b.pictures <- b.Links()
		})
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			t.Error("Run does not end")
		}
		must(t, b.Close())
		goleak.VerifyNone(t, leaks)
	})
}

// await returns the first picture that is as wanted, and fails the test if none
// comes.
func (b *bed) await(t testing.TB, what string, ok func([]giaddr.Link) bool) []giaddr.Link {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case links := <-b.pictures:
			if ok(links) {
				return links
			}
		case <-late:
			t.Fatalf("%s: not seen; the picture is %+v", what, b.Links())
		}
	}
}

// link waits for a picture in which the link of that name is as wanted.
func (b *bed) link(t testing.TB, name, what string, ok func(giaddr.Link) bool) giaddr.Link {
	t.Helper()
	var found giaddr.Link
	b.await(t, name+" "+what, func(links []giaddr.Link) bool {
		i := slices.IndexFunc(links, func(l giaddr.Link) bool { return l.Name == name })
		if i < 0 || !ok(links[i]) {
			return false
		}
		found = links[i]
		return true
	})
	return found
}

func (b *bed) gone(t testing.TB, name string) {
	t.Helper()
	b.await(t, name+" gone", func(links []giaddr.Link) bool {
		return !slices.ContainsFunc(links, func(l giaddr.Link) bool { return l.Name == name })
	})
}

func has(prefix string) func(giaddr.Link) bool {
	p := netip.MustParsePrefix(prefix)
	return func(l giaddr.Link) bool {
		return slices.ContainsFunc(l.Addrs, func(a giaddr.Addr) bool { return a.Prefix == p && !a.Tentative })
	}
}

func hasNot(prefix string) func(giaddr.Link) bool {
	return func(l giaddr.Link) bool { return !has(prefix)(l) }
}

func whatever(giaddr.Link) bool { return true }
