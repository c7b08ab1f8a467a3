package relay

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/dhcp"
)

// What was counted of an interface that is deleted, and of a server that a reload
// removes, ends after a while; nothing else does.
func TestCountsOfWhatIsGoneEnd(t *testing.T) {
	t.Parallel()
	s := netns.NewSpace(t)
	far := netns.NewSpace(t)
	for _, name := range []string{"ppp0", "ppp1"} {
		s.Veth(name, far, name)
	}
	server := func(a string) agent.Server { return agent.Server{Addr: netip.MustParseAddrPort(a)} }
	p := agent.Policy{
		Servers:    []agent.Server{server("192.0.2.1:67"), server("192.0.2.2:67")},
		Interfaces: []agent.Interface{{Name: "ppp*", Servers: []int{0, 1}, V4: agent.Interface4{Common: agent.Common{SourcePort: 67}}}},
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
	for _, name := range []string{"ppp0", "ppp1", ""} {
		m.Link(name).Count(dhcp.V4, dhcp.Requests, 1, agent.NoGiaddr)
	}
	s.Must(s.NL.LinkDel(s.Link("ppp1")))
	within(t, "the interface is no longer served", func() bool {
		snap, _ := e.View()
		return !slices.ContainsFunc(snap.Links, func(l *agent.Link) bool { return l.Host.Name == "ppp1" })
	})
	p.Servers, p.Interfaces = p.Servers[:1:1], []agent.Interface{{Name: "ppp*", Servers: []int{0}, V4: agent.Interface4{Common: agent.Common{SourcePort: 67}}}}
	if err := e.Reload(ctx, p); err != nil {
		t.Fatal(err)
	}
	left := func() (links, servers []string) {
		all, _ := m.Links()
		for _, l := range all {
			links = append(links, l.Name())
		}
		for _, n := range m.Servers() {
			servers = append(servers, n.Addr.String())
		}
		return links, servers
	}
	if links, servers := left(); len(links) != 3 || len(servers) != 2 {
		t.Errorf("at once: %v, %v", links, servers)
	}
	m.Sweep(time.Now().Add(time.Hour))
	links, servers := left()
	if !slices.Equal(links, []string{"other", "ppp0"}) || !slices.Equal(servers, []string{"192.0.2.1:67"}) {
		t.Errorf("then: %v, %v", links, servers)
	}
}
