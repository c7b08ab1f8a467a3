package pending_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// A client is one that asks two servers of a family, and gets replies.
type client struct {
	*testing.T
	*play
}

// ask relays a message with an xid, and options where given.
func (c client) ask(typ bootp.Type, xid byte, options ...byte) {
	c.Helper()
	in := agent.Ingress{Link: 2, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255"), Unasked: true}
	m := slices.Concat(message4(bootp.Request, xid, 1)[:240], []byte{53, 1, byte(typ)}, options, []byte{255})
	if r := c.relay(heard{family: dhcp.V4, in: in, data: m}); r != agent.Relayed {
		c.Fatal(r)
	}
}

// reply relays an offer to it from an address, with a Server Identifier unless id is "".
func (c client) reply(xid byte, from, id string) {
	c.Helper()
	c.now += time.Millisecond
	m := slices.Clone(message4(bootp.Reply, xid, 1)[:240])
	m = append(m, 53, 1, byte(bootp.Offer))
	if id != "" {
		m = append(append(m, 54, 4), netip.MustParseAddr(id).AsSlice()...)
	}
	copy(m[16:], []byte{10, 1, 0, 9})
	copy(m[24:], []byte{10, 1, 0, 1})
	in := agent.Ingress{Link: 9, Src: netip.MustParseAddrPort(from + ":67"), Dst: netip.MustParseAddr("10.1.0.1")}
	if r := c.relay(heard{family: dhcp.V4, in: in, data: append(m, 255)}); r != agent.Relayed {
		c.Fatal(r)
	}
}

// replies returns how many were credited to each of the DHCPv4 servers.
func (c client) replies() (n [2]uint64) {
	for i := range n {
		n[i] = c.state.Servers[i].Replies.Value()
	}
	return n
}

// states judges both DHCPv4 servers, and returns how they do.
func (c client) states() (s [2]health.Reading) {
	for i := range s {
		h := &c.state.Servers[i].Health
		h.Judge(c.now, c.start.Add(c.now))
		s[i] = h.Read()
	}
	return s
}

// A reply is of the server whose request it answers, whatever address it comes from.
func TestCredit(t *testing.T) {
	t.Parallel()
	const a, b, stranger = "10.9.0.2", "10.9.0.3", "10.9.0.66"
	for name, c := range map[string]struct {
		play func(c client)
		want [2]uint64
		from [2]string // what the last reply came from beside the server's own address
	}{
		"its own address":              {play: func(c client) { c.reply(1, b, stranger) }, want: [2]uint64{0, 1}},
		"its own address in option 54": {play: func(c client) { c.reply(1, stranger, b) }, want: [2]uint64{0, 1}, from: [2]string{1: stranger}},
		"nobody can tell":              {play: func(c client) { c.reply(1, stranger, stranger) }},
		"the other one has answered":   {play: func(c client) { c.reply(1, a, a); c.reply(1, stranger, "") }, want: [2]uint64{1, 1}, from: [2]string{1: stranger}},
		"the same, and then it comes first": {play: func(c client) {
			c.reply(1, a, a)
			c.reply(1, stranger, stranger)
			c.ask(bootp.Discover, 2)
			c.reply(2, stranger, stranger)
		}, want: [2]uint64{1, 2}, from: [2]string{1: stranger}},
		"without a request":            {play: func(c client) { c.reply(9, b, b) }, want: [2]uint64{0, 1}},
		"a stranger without a request": {play: func(c client) { c.reply(9, stranger, stranger) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c2 := client{t, newPlay(t)}
			c2.now = time.Second
			c2.ask(bootp.Discover, 1)
			c.play(c2)
			if got := c2.replies(); got != c.want {
				t.Errorf("credited %v, want %v", got, c.want)
			}
			for i, r := range c2.states() {
				if want, _ := netip.ParseAddr(c.from[i]); r.From != want {
					t.Errorf("server %d: from %v, want %v", i, r.From, want)
				}
			}
		})
	}
}

// An address that is listed for a server is its own.
func TestCreditOfAnswersFrom(t *testing.T) {
	t.Parallel()
	c := client{t, newPlay(t)}
	c.state.Snap.Policy.AnswersFrom = []agent.OtherAddress{{Server: 1, From: netip.MustParsePrefix("10.9.0.64/28")}}
	c.now = time.Second
	c.ask(bootp.Discover, 1)
	c.reply(1, "10.9.0.66", "10.9.0.66")
	c.reply(2, "10.9.0.67", "") // to nothing that is known
	if got := c.replies(); got != [2]uint64{0, 2} {
		t.Errorf("credited %v, want all to the second", got)
	}
	if s := c.states(); s[1].State != health.Answering || s[1].From.IsValid() {
		t.Errorf("%+v", s[1])
	}
}

// Servers are silent by what they were to answer: each by a Discover, none by a Request
// that may be for the other one, and by none that names another server.
func TestDue(t *testing.T) {
	t.Parallel()
	c := client{t, newPlay(t)}
	c.now = time.Second
	for xid := range byte(10) {
		c.ask(bootp.DHCPRequest, xid)
		c.ask(bootp.DHCPRequest, xid, 54, 4, 192, 0, 2, 99)
		c.ask(bootp.Release, xid)
	}
	c.now += time.Minute
	if s := c.states(); s[0].State.Well() != true || s[0].Requests != 0 {
		t.Errorf("%+v", s)
	}
	for xid := range byte(4) {
		c.ask(bootp.Discover, xid)
	}
	c.reply(1, "10.9.0.2", "10.9.0.2")
	c.now += health.SilentAfter
	if s := c.states(); s[0].State != health.Answering || s[1].State != health.Silent || s[1].Requests != 4 {
		t.Errorf("%+v", s)
	}
	for xid := range byte(4) {
		c.ask(bootp.Discover, xid)
		c.reply(xid, "10.9.0.66", "10.9.0.66")
	}
	c.now += health.SilentAfter
	if s := c.states(); s[0].State != health.Elsewhere || s[1].State != health.Elsewhere {
		t.Errorf("%+v, want that nobody knows", s)
	}
}

// What the kernel refuses to send is not answered, and what is dropped was heard.
func TestRefusedAndLost(t *testing.T) {
	t.Parallel()
	c := client{t, newPlay(t)}
	c.now = time.Second
	ask := func(fails bool) {
		in := agent.Ingress{Link: 2, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255"), Unasked: true}
		for xid := range byte(4) {
			c.relay(heard{family: dhcp.V4, in: in, data: message4(bootp.Request, xid, 1), fails: fails})
		}
		c.now += health.SilentAfter
	}
	ask(true)
	if s := c.states(); s[0].State != health.Unreachable {
		t.Errorf("%+v", s)
	}
	ask(false)
	m := message4(bootp.Reply, 1, 1)
	copy(m[24:], []byte{192, 0, 2, 250}) // giaddr of nobody
	back := agent.Ingress{Link: 9, Src: netip.MustParseAddrPort("10.9.0.2:67"), Dst: netip.MustParseAddr("10.1.0.1")}
	if r := c.relay(heard{family: dhcp.V4, in: back, data: m}); r == agent.Relayed {
		t.Fatal("a reply for nobody is relayed")
	}
	if s := c.states(); s[0].State != health.Dropped || s[1].State != health.Silent {
		t.Errorf("%+v", s)
	}
}

// In DHCPv6 the server is known by its DUID, whatever address it replied from before.
func TestCredit6(t *testing.T) {
	t.Parallel()
	const peer = "fe80::11"
	p := newPlay(t)
	p.now = time.Second
	ask := func(xid byte) {
		in := agent.Ingress{Link: 2, Src: netip.MustParseAddrPort("[" + peer + "]:546"), Dst: agent.AllRelays()}
		p.relay(heard{family: dhcp.V6, in: in, data: []byte{byte(dhcp6.Solicit), 0, 0, xid}})
	}
	reply := func(xid byte, from string, server byte) {
		t.Helper()
		in := agent.Ingress{Link: 9, Src: netip.AddrPortFrom(netip.MustParseAddr(from), 547), Dst: netip.MustParseAddr("2001:db8:9::1")}
		inner := append([]byte{byte(dhcp6.Advertise), 0, 0, xid}, dhcp6.AppendOption(nil, 2, []byte{0, 3, 0, 1, 2, 0, 0, 0, 0, server})...)
		if r := p.relay(heard{family: dhcp.V6, in: in, data: relay6(dhcp6.RelayReply, "2001:db8:1::1", peer, inner)}); r != agent.Relayed {
			t.Fatal(r)
		}
	}
	ask(1)
	reply(1, "2001:db8:9::3", 3)
	ask(2)
	reply(2, "2001:db8:9::66", 3)
	ask(3)
	reply(3, "2001:db8:9::66", 4)
	if a, b := p.state.Servers[2].Replies.Value(), p.state.Servers[3].Replies.Value(); a != 0 || b != 2 {
		t.Errorf("credited %d and %d, want 0 and 2", a, b)
	}
	h := &p.state.Servers[3].Health
	h.Judge(p.now, p.start)
	if from := h.Read().From; from != netip.MustParseAddr("2001:db8:9::66") {
		t.Errorf("from %v", from)
	}
}

// Where a server is silent that does not know the client, its silence says nothing, even
// of the only one.
func TestNotDueOfTheOnlyServer(t *testing.T) {
	t.Parallel()
	ask4 := func(ciaddr byte, options ...byte) func(byte) heard {
		return func(xid byte) heard {
			m := slices.Concat(message4(bootp.Request, xid, 1)[:240], options, []byte{255}, make([]byte, 60))
			if ciaddr != 0 {
				copy(m[12:], []byte{10, 1, 0, ciaddr})
			}
			return heard{in: agent.Ingress{Link: 2, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255")}, data: m}
		}
	}
	ask6 := func(typ dhcp6.Type) func(byte) heard {
		return func(xid byte) heard {
			in := agent.Ingress{Link: 2, Src: netip.MustParseAddrPort("[fe80::11]:546"), Dst: agent.AllRelays()}
			return heard{family: dhcp.V6, in: in, data: []byte{byte(typ), 0, 0, xid}}
		}
	}
	for name, c := range map[string]struct {
		ask func(xid byte) heard
		due bool
	}{
		"Discover":            {ask4(0, 53, 1, 1), true},
		"SELECTING":           {ask4(0, 53, 1, 3, 54, 4, 10, 9, 0, 2), true},
		"REBINDING":           {ask4(9, 53, 1, 3), true},
		"INIT-REBOOT":         {ask4(0, 53, 1, 3), false},
		"BOOTP":               {ask4(0), false},
		"Release":             {ask4(9, 53, 1, 7, 54, 4, 10, 9, 0, 2), false},
		"Solicit":             {ask6(dhcp6.Solicit), true},
		"Renew":               {ask6(dhcp6.Renew), true},
		"Information-request": {ask6(dhcp6.InformationRequest), true},
		"Rebind":              {ask6(dhcp6.Rebind), false},
		"Confirm":             {ask6(dhcp6.Confirm), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlayOf(t, `["10.9.0.2", "2001:db8:9::2"]`)
			p.now = time.Second
			for xid := range byte(health.SilentRequests) {
				h := c.ask(xid)
				if r := p.relay(h); r != agent.Relayed {
					t.Fatal(r)
				}
			}
			s := p.state.Servers[c.ask(0).family]
			p.now += health.SilentAfter
			if _, is := s.Health.Judge(p.now, p.start); (is == health.Silent) != c.due {
				t.Errorf("%v", is)
			}
		})
	}
}
