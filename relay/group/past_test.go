package group_test

import (
	"net/netip"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/group"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// A bed is a relay with two servers in failover, and its past.
type bed struct {
	snap   *agent.Snapshot
	past   *group.Past
	names  *group.Names
	trials *group.Trials
	buf    agent.Buf
	in     agent.Ingress
	v      agent.Verdict
}

func newBed() *bed {
	p := policy(agent.Failover, 0)
	p.Interfaces = []agent.Interface{{
		Name: "d0", Servers: []int{0, 1, 2}, Groups: []int{0},
		V4: agent.Interface4{Common: agent.Common{HopLimit: 4, SourcePort: 67}, Bootp: true},
	}}
	host := []giaddr.Link{
		{Index: 2, Name: "d0", Type: 1, MTU: 1500, Up: true, Broadcast: true, MAC: []byte{2, 0, 0, 0, 0, 2}, Addrs: []giaddr.Addr{{Prefix: netip.MustParsePrefix("192.0.2.1/24")}}},
		{Index: 9, Name: "up", Type: 1, MTU: 1500, Up: true, Broadcast: true, MAC: []byte{2, 0, 0, 0, 0, 9}, Addrs: []giaddr.Addr{{Prefix: netip.MustParsePrefix("10.9.0.1/24")}}},
	}
	b := &bed{past: group.NewPast(), names: group.NewNames(), trials: group.NewTrials(p)}
	b.snap, _ = agent.Compile(*p, host)
	b.buf.Store = make([]byte, agent.Headroom+2048)
	return b
}

// relay moves a message, and returns the verdict.
func (b *bed) relay(m []byte, link int, src string) *agent.Verdict {
	b.in = agent.Ingress{Link: link, Src: netip.MustParseAddrPort(src), Dst: netip.MustParseAddr("192.0.2.1"), Standings: b.in.Standings}
	b.buf.Off = agent.Headroom
	b.buf.Len = copy(b.buf.Store[agent.Headroom:], m)
	r := b.past.Recall(b.snap, b.names, b.trials, dhcp.V4, b.buf.Bytes(), &b.in)
	b.snap.Decide4(&b.buf, &b.in, &b.v)
	b.past.Note(b.snap, b.names, &b.v, &b.in, r, b.buf.Bytes())
	return &b.v
}

func (b *bed) ask(t *testing.T, typ bootp.Type, options ...byte) uint64 {
	t.Helper()
	v := b.relay(message(bootp.Request, typ, options...), 2, "0.0.0.0:68")
	if v.Reason != agent.Relayed {
		t.Fatal(v.Reason)
	}
	return v.Asked & 7
}

func (b *bed) answer(t *testing.T, typ bootp.Type, from string, options ...byte) {
	t.Helper()
	m := message(bootp.Reply, typ, options...)
	copy(m[16:], []byte{192, 0, 2, 9})
	copy(m[24:], []byte{192, 0, 2, 1})
	if v := b.relay(m, 9, from); v.Reason != agent.Relayed {
		t.Fatal(v.Reason)
	}
}

func message(op byte, typ bootp.Type, options ...byte) []byte {
	m := make([]byte, bootp.MinLen)
	m[0], m[1], m[2] = op, 1, 6
	copy(m[28:], []byte{2, 0, 0, 0, 0, 1})
	copy(m[bootp.HeaderLen:], append(append([]byte{99, 130, 83, 99, bootp.OptionMessageType, 1, byte(typ)}, options...), bootp.OptionEnd))
	return m
}

// Who asks again asks all, and the request that follows goes the same way; who was
// given an address begins anew.
func TestR2131_13_TheRequestFollowsTheDiscover(t *testing.T) {
	t.Parallel()
	b := newBed()
	id := func(last byte) []byte { return []byte{54, 4, 10, 9, 0, last} }
	for _, s := range []struct {
		name string
		got  func() uint64
		want uint64
	}{
		{"first DISCOVER", func() uint64 { return b.ask(t, bootp.Discover) }, 1},
		{"second DISCOVER", func() uint64 { return b.ask(t, bootp.Discover) }, 7},
		{"REQUEST after an OFFER", func() uint64 {
			b.answer(t, bootp.Offer, "10.9.0.3:67", id(3)...)
			return b.ask(t, bootp.DHCPRequest, id(3)...)
		}, 7},
		{"DISCOVER after that", func() uint64 {
			b.answer(t, bootp.Ack, "10.9.0.3:67", id(3)...)
			return b.ask(t, bootp.Discover)
		}, 1},
		{"REQUEST for another", func() uint64 {
			b.answer(t, bootp.Offer, "10.9.0.2:67", id(2)...)
			return b.ask(t, bootp.DHCPRequest, id(4)...)
		}, 5},
		{"DISCOVER of who has taken an OFFER in vain", func() uint64 {
			return b.ask(t, bootp.Discover)
		}, 7},
		{"DISCOVER, DISCOVER after a NAK", func() uint64 {
			b.ask(t, bootp.Discover)
			b.answer(t, bootp.Nak, "10.9.0.2:67", id(2)...)
			return b.ask(t, bootp.Discover)
		}, 7},
		{"a server under another address that it has told", func() uint64 {
			b.answer(t, bootp.Ack, "10.9.0.3:67", id(77)...)
			b.ask(t, bootp.Discover)
			return b.ask(t, bootp.DHCPRequest, id(77)...)
		}, 3},
	} {
		if got := s.got(); got != s.want {
			t.Errorf("%s: %03b, want %03b", s.name, got, s.want)
		}
	}
}

// Once in a while one conversation goes to the servers that are down, too.
func TestTrial(t *testing.T) {
	t.Parallel()
	b := newBed()
	b.in.Standings = []agent.Standing{{Down: 1, Active: 1}, {}}
	next := func() uint64 {
		asked := b.ask(t, bootp.Discover)
		b.answer(t, bootp.Ack, "10.9.0.3:67")
		return asked
	}
	if got := next(); got != 2 {
		t.Errorf("%03b, want the active one", got)
	}
	b.trials.Set(b.in.Standings)
	if got := next(); got != 7 {
		t.Errorf("%03b when a trial is due, want all", got)
	}
	if got := next(); got != 2 {
		t.Errorf("%03b after the trial, want the active one", got)
	}
	b.in.Standings = []agent.Standing{{Late: 1, Active: 1}, {}}
	b.trials.Set(b.in.Standings)
	for i, want := range []uint64{7, 7, 7, 7, 2} {
		if got := next(); got != want {
			t.Errorf("%03b for client %d while one is late, want %03b", got, i, want)
		}
	}
	b.in.Standings = []agent.Standing{{Down: 1, Refusing: 1, Active: 1}, {}}
	b.trials.Set(b.in.Standings)
	if got := b.ask(t, bootp.Discover); got != 7 {
		t.Errorf("%03b when a trial is due, want the one that refuses, too", got)
	}
	b.answer(t, bootp.Nak, "10.9.0.2:67")
	if got := b.ask(t, bootp.Discover); got != 6 {
		t.Errorf("%03b after a NAK, want all but the one that refuses", got)
	}
	b.answer(t, bootp.Ack, "10.9.0.3:67")
	b.in.Standings = []agent.Standing{{Down: 7, Refusing: 7}, {}}
	if got := b.ask(t, bootp.Discover); got != 7 {
		t.Errorf("%03b where all refuse, want all", got)
	}
	b.answer(t, bootp.Ack, "10.9.0.3:67")
	b.in.Standings = []agent.Standing{{Down: 1, Active: 1}, {}}
	b.trials.Set([]agent.Standing{{}, {}})
	if got := next(); got != 2 {
		t.Errorf("%03b without a trial", got)
	}
}

func TestRecallAllocatesNothing(t *testing.T) {
	b := newBed()
	m := message(bootp.Request, bootp.DHCPRequest, 54, 4, 10, 9, 0, 3)
	reply := message(bootp.Reply, bootp.Ack, 54, 4, 10, 9, 0, 3)
	copy(reply[16:], []byte{192, 0, 2, 9})
	copy(reply[24:], []byte{192, 0, 2, 1})
	discover := message(bootp.Request, bootp.Discover)
	src, server := "0.0.0.0:68", "10.9.0.3:67"
	if n := testing.AllocsPerRun(100, func() {
		b.relay(discover, 2, src)
		b.relay(m, 2, src)
		b.relay(reply, 9, server)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
