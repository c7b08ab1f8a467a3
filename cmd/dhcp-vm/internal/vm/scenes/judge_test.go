package scenes

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	diff "github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"dhcp-relay/cmd/lab/client"
	"dhcp-relay/cmd/lab/server"
	"dhcp-relay/cmd/lab/wire"
)

// A site is a client network, as servers and clients must see it.
type site struct {
	dev     string // on the router
	circuit string // suboption 1; "" for dev
	giaddr  string
	local   string // the source of replies to clients; "" for giaddr
	source  string // the source of requests to the servers
	subnet  string
}

// login lets a client of the site get an address, and holds all that comes of it
// against what should be: the lease at the server, each message at the servers
// and the client, and at last the counters. The first server answers; others
// only hear.
func (b *bed) login(h *host, s site, answers *dhcpd, hear ...*dhcpd) netip.Addr {
	b.t.Helper()
	all := append([]*dhcpd{answers}, hear...)
	b.silence(h, all...)
	lease, err := h.Login(within(b.t, patience))
	must(b.t, err)
	if !netip.MustParsePrefix(s.subnet).Contains(lease.Addr.Addr()) {
		b.t.Errorf("the client has %s, want an address of %s", lease.Addr, s.subnet)
	}
	b.judgeLease(h, s, answers, lease.Addr.Addr())
	for _, d := range all {
		up := fmt.Sprintf("%s:67 > %s:67", s.source, d.id)
		info := fmt.Sprintf("giaddr %s hops 1 circuit %q", s.giaddr, cmp.Or(s.circuit, s.dev))
		b.judgeWire("at the server "+d.id.String(), d.tap, false, []string{
			up + " DISCOVER " + info, up + " REQUEST " + info,
		})
	}
	down := fmt.Sprintf("%s:67 > %s:68", cmp.Or(s.local, s.giaddr), lease.Addr.Addr())
	b.judgeWire("at the client", h.tap, false, []string{down + " OFFER", down + " ACK"})
	b.count(s.dev, "request discover", "request request", "reply offer", "reply ack")
	b.balance()
	return lease.Addr.Addr()
}

// renew lets a client of the site renew past the relay, which sees nothing of it,
// and then rebind by broadcast, which the relay relays.
func (b *bed) renew(h *host, s site, d *dhcpd) {
	b.t.Helper()
	before := h.Lease().Addr
	lease, err := h.Renew(within(b.t, patience))
	must(b.t, err)
	b.balance()
	again, err := h.Rebind(within(b.t, patience))
	must(b.t, err)
	if lease.Addr != before || again.Addr != before {
		b.t.Errorf("renewed %s, rebound %s, want %s", lease.Addr, again.Addr, before)
	}
	b.judgeLease(h, s, d, before.Addr())
	b.count(s.dev, "request request", "reply ack")
	b.balance()
}

// follows waits until the relay serves a client again after a change, which it
// must within a second of it. The counters start anew, for the client asks while
// it may not be heard.
func (b *bed) follows(h *host, after string) {
	b.t.Helper()
	start := time.Now()
	must(b.t, h.Unplug())
	c, err := client.New(h.ns, h.dev, client.Config{Scale: 0.02, Tries: 200})
	must(b.t, err)
	_, err = c.Login(within(b.t, patience))
	took := time.Since(start)
	must(b.t, err, c.Close())
	b.t.Logf("%s: a client is served after %v", after, took.Round(time.Millisecond))
	if took > time.Second {
		b.t.Errorf("%s: a client is served after %v, want at most a second", after, took)
	}
	b.rebase()
}

// count wants messages to be relayed.
func (b *bed) count(dev string, messages ...string) {
	for _, m := range messages {
		b.want[dev+" "+m+" relayed"]++
	}
}

// silence forgets what the taps have heard.
func (b *bed) silence(h *host, servers ...*dhcpd) {
	b.t.Helper()
	_, err := h.tap.Drain()
	must(b.t, err)
	for _, d := range servers {
		_, err := d.tap.Drain()
		must(b.t, err)
	}
}

// judgeLease looks into the server's books.
func (b *bed) judgeLease(h *host, s site, d *dhcpd, a netip.Addr) {
	b.t.Helper()
	l := d.Lease(a)
	if l.State != server.Bound || l.MAC.String() != h.MAC().String() {
		b.t.Errorf("server %s holds %s as %s for %s, want it bound for %s", d.id, a, l.State, l.MAC, h.MAC())
	}
	circuit := cmp.Or(s.circuit, s.dev)
	if !bytes.Contains(l.AgentInfo, append([]byte{1, byte(len(circuit))}, circuit...)) {
		b.t.Errorf("server %s has option 82 %q, want circuit-id %q in it", d.id, l.AgentInfo, circuit)
	}
}

// judgeWire holds the messages that a tap has heard from elsewhere, or sent
// itself, against what is wanted, in any order. Copies may be on their way yet.
func (b *bed) judgeWire(where string, tap *ear, outgoing bool, want []string) {
	b.t.Helper()
	got := b.heard(tap, outgoing, len(want))
	slices.Sort(got)
	slices.Sort(want)
	if d := diff.Diff(want, got); d != "" {
		b.t.Errorf("%s (-want +got):\n%s", where, d)
	}
}

// heard returns the messages that a tap has heard so far, and waits a moment for
// as many as are expected.
func (b *bed) heard(tap *ear, outgoing bool, expected int) []string {
	b.t.Helper()
	got := []string{}
	for end := time.Now().Add(patience / 5); ; time.Sleep(time.Millisecond) {
		frames, err := tap.Drain()
		must(b.t, err)
		for i := range frames {
			if f := &frames[i]; f.DHCP4() && f.Outgoing == outgoing {
				got = append(got, b.describe(f))
			}
		}
		if len(got) >= expected || time.Now().After(end) {
			return got
		}
	}
}

// describe writes a message with what a relay has to do with.
func (b *bed) describe(f *wire.Frame) string {
	m, err := dhcpv4.FromBytes(f.Payload)
	if err != nil {
		return fmt.Sprintf("%s > %s %v", f.Src(), f.Dst(), err)
	}
	s := fmt.Sprintf("%s > %s %s", f.Src(), f.Dst(), m.MessageType())
	if f.VLAN != 0 {
		s = fmt.Sprintf("vlan %d %s", f.VLAN, s)
	}
	if !f.IPSumOK || !f.UDPSumOK {
		s += " with a wrong checksum"
	}
	if m.OpCode == dhcpv4.OpcodeBootReply {
		if m.RelayAgentInfo() != nil {
			s += " with option 82"
		}
		return s
	}
	s += fmt.Sprintf(" giaddr %s hops %d", m.GatewayIPAddr, m.HopCount)
	if info := m.RelayAgentInfo(); info != nil {
		s += fmt.Sprintf(" circuit %q", info.Get(dhcpv4.AgentCircuitIDSubOption))
	}
	return s
}
