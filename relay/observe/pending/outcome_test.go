package pending_test

import (
	"net/netip"
	"testing"
	"time"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// message returns a DHCPv4 message of a client, or a reply to it by the only relay.
func message(op, typ byte, broadcast bool) heard {
	m := message4(op, 1, 1)
	m[242] = typ
	in := agent.Ingress{Link: 2, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255")}
	if broadcast {
		m[10] = 0x80 // flags
	}
	if op == bootp.Reply {
		in = agent.Ingress{Link: 9, Src: netip.MustParseAddrPort("10.9.0.2:67"), Dst: netip.MustParseAddr("10.1.0.1")}
		copy(m[16:], []byte{10, 1, 0, 50}) // yiaddr
		copy(m[24:], []byte{10, 1, 0, 1})  // giaddr
	}
	return heard{dhcp.V4, in, m, false}
}

// Of each request that expects an answer it is known what became of it, whether it
// left or not.
func TestEachRequestEndsOnce(t *testing.T) {
	t.Parallel()
	const discover, release = 1, 7
	for name, c := range map[string]struct {
		play                              func(p *play)
		expected, answered, silent, never uint64
	}{
		"answered": {func(p *play) {
			p.relay(message(bootp.Request, discover, false))
			p.relay(message(bootp.Reply, 2, false))
			p.relay(message(bootp.Reply, 2, false)) // of the other server
		}, 1, 1, 0, 0},
		"silent":                    {func(p *play) { p.relay(message(bootp.Request, discover, false)) }, 1, 0, 1, 0},
		"expects none":              {func(p *play) { p.relay(message(bootp.Request, release, false)) }, 0, 0, 0, 0},
		"the kernel refuses":        {func(p *play) { m := message(bootp.Request, discover, false); m.fails = true; p.relay(m) }, 1, 0, 0, 1},
		"the interface lost giaddr": {func(p *play) { p.bare(); p.relay(message(bootp.Request, discover, false)) }, 1, 0, 0, 1},
		"a limit": {func(p *play) {
			m := message(bootp.Request, discover, false)
			m.in.Refused = agent.ClientLimit
			p.relay(m)
		}, 0, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t)
			c.play(p)
			p.table.Sweep(time.Minute)
			l := p.state.Links[0]
			got := [4]uint64{l.Value(count.Expected, dhcp.V4), l.Value(count.Answered, dhcp.V4), l.Value(count.Unanswered, dhcp.V4), l.Value(count.Unsent, dhcp.V4)}
			if want := [4]uint64{c.expected, c.answered, c.silent, c.never}; got != want {
				t.Errorf("expected, answered, unanswered, unsent: %v, want %v", got, want)
			}
		})
	}
}

// bare takes the addresses off the client-facing link.
func (p *play) bare() {
	host := []giaddr.Link{{Index: 2, Name: "d0", Type: 1, MTU: 1500, Up: true, Broadcast: true, MAC: []byte{2, 0, 0, 0, 0, 2}}}
	snap, _ := agent.Compile(p.state.Snap.Policy, host)
	p.state.Snap, p.state.Plan, p.state.Number = snap, snap.Plan(host), 2
}

// A client that cannot take unicast yet says so by the broadcast flag. If the server
// clears it, the client never sees the reply and asks again.
func TestAServerThatClearsTheBroadcastFlag(t *testing.T) {
	t.Parallel()
	const discover, offer = 1, 2
	for name, c := range map[string]struct {
		asks, kept bool // the flag
		forced     bool // the interface sends all by broadcast
		answers    bool
		want       uint64
	}{
		"cleared":              {asks: true, answers: true, want: 2},
		"kept":                 {asks: true, kept: true, answers: true},
		"never set":            {answers: true},
		"no answer":            {asks: true},
		"the relay broadcasts": {asks: true, answers: true, forced: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t)
			if c.forced {
				p.configure(t, "\n[interface.dhcpv4]\nbroadcast = true\n")
			}
			for range 3 {
				p.relay(message(bootp.Request, discover, c.asks))
				if c.answers {
					if r := p.relay(message(bootp.Reply, offer, c.kept)); r != agent.Relayed {
						t.Fatalf("the offer: %v", r)
					}
				}
				p.now += 4 * time.Second
			}
			if got := p.state.Links[0].Value(count.BroadcastCleared, dhcp.V4); got != c.want {
				t.Errorf("counted %d repeated requests, want %d", got, c.want)
			}
		})
	}
}

// configure adds settings to the interface.
func (p *play) configure(t *testing.T, more string) {
	t.Helper()
	cfg, err := config.Parse("relay.toml", []byte("[[interface]]\nname = \"d0\"\nservers = [\"10.9.0.2\", \"10.9.0.3\"]\n"+more), config.Host{Hostname: "r"})
	if err != nil {
		t.Fatal(err)
	}
	host := []giaddr.Link{
		{Index: 2, Name: "d0", Type: 1, MTU: 1500, Up: true, Broadcast: true, MAC: []byte{2, 0, 0, 0, 0, 2}, Addrs: []giaddr.Addr{{Prefix: netip.MustParsePrefix("10.1.0.1/24")}}},
		{Index: 9, Name: "up", Type: 1, MTU: 1500, Up: true, Broadcast: true, MAC: []byte{2, 0, 0, 0, 0, 9}, Addrs: []giaddr.Addr{{Prefix: netip.MustParsePrefix("10.9.0.1/24")}}},
	}
	snap, _ := agent.Compile(cfg.Policy, host)
	p.state.Snap, p.state.Plan, p.state.Number = snap, snap.Plan(host), 2
}
