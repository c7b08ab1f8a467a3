package relay

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"
	"weak"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/dhcp"
)

// TestIdleLoopsKeepNoOldState has both loops of a socket adopt a state, swaps it
// while they hear nothing, and looks whether the garbage collector can take it.
func TestIdleLoopsKeepNoOldState(t *testing.T) {
	s := netns.NewSpace(t)
	s.Up("lo")
	p := agent.Policy{
		Servers:    []agent.Server{{Addr: netip.MustParseAddrPort("192.0.2.1:67")}},
		Interfaces: []agent.Interface{{Name: "lo", Servers: []int{0}, V4: agent.Interface4{Common: agent.Common{SourcePort: 67}}}},
	}
	m := count.New()
	e := New(p, m, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- s.In(func() error { return e.Run(ctx, func() { close(ready) }) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}

	c := s.ListenUDP("udp4", "127.0.0.1:68")
	heard := func() uint64 {
		sum := uint64(0)
		links, _ := m.Links()
		for _, l := range links {
			sum += l.Total(dhcp.V4)
		}
		return sum
	}
	tell := func(want uint64) {
		t.Helper()
		for _, op := range []byte{1, 2} { // a loop each
			to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:67"))
			if _, err := c.WriteTo([]byte{op}, to); err != nil {
				t.Fatal(err)
			}
		}
		within(t, "both loops have heard", func() bool { return heard() == want })
	}
	swap := func() (gone func() bool) {
		t.Helper()
		snap := e.state.Load().Snap
		was, link := weak.Make(snap), weak.Make(snap.Links[0])
		if err := e.Reload(ctx, p); err != nil {
			t.Fatal(err)
		}
		return func() bool {
			runtime.GC()
			return was.Value() == nil && link.Value() == nil
		}
	}
	tell(2)
	within(t, "the first state is gone", swap())

	tell(4)
	var gone []func() bool
	for range 5 { // in quick succession
		gone = append(gone, swap())
	}
	for _, g := range gone {
		within(t, "all states but the last are gone", g)
	}
	tell(6) // the last one is adopted
}

// within polls until something holds.
func within(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}
