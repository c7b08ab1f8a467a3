package watch

import (
	"context"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/giaddr"
)

// patience is for a machine that is busy; what is awaited comes within 300 ms.
const patience = 30 * time.Second

// watcher makes a Watcher of the namespace.
func watcher(s *netns.Space, make func() (*Watcher, error)) *Watcher {
	s.T.Helper()
	var w *Watcher
	s.Do(func() (err error) {
		w, err = make()
		return err
	})
	return w
}

// A bed is a Watcher at work.
type bed struct {
	*Watcher
	pictures chan []giaddr.Link
	calls    atomic.Int64
}

// watching makes a Watcher of the namespace and runs it for the length of the
// test. It also checks that nothing is left of it.
func watching(s *netns.Space) *bed {
	s.T.Helper()
	leaks := goleak.IgnoreCurrent()
	b := &bed{Watcher: watcher(s, New), pictures: make(chan []giaddr.Link, 10000)}
	b.run(s.T, leaks)
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
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
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
