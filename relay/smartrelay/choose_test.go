package smartrelay

import (
	"net/netip"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/bootp"
)

// request returns a DHCPv4 message of a type from a client, 0 for BOOTP.
func request(typ bootp.Type, giaddr [4]byte) []byte {
	m := make([]byte, bootp.MinLen)
	m[0], m[1], m[2] = bootp.Request, 1, 6
	copy(m[24:], giaddr[:])
	copy(m[28:], mac)
	if typ != 0 {
		copy(m[bootp.HeaderLen:], []byte{99, 130, 83, 99, bootp.OptionMessageType, 1, byte(typ), bootp.OptionEnd})
	}
	return m
}

// What begins a conversation is a try, once it is relayed; what follows goes the same
// way; an answer ends the count.
func TestChooseAndNote(t *testing.T) {
	t.Parallel()
	p := agent.Policy{
		Servers:    []agent.Server{{Addr: netip.MustParseAddrPort("10.9.0.2:67")}},
		Interfaces: []agent.Interface{{Name: "d0", Servers: []int{0}, V4: agent.Interface4{Common: agent.Common{HopLimit: 4, SourcePort: 67}, SmartAfter: 1, Bootp: true}}},
	}
	host := []giaddr.Link{{Index: 2, Name: "d0", Type: 1, MTU: 1500, Up: true, Broadcast: true, MAC: []byte{2, 0, 0, 0, 0, 2}, Addrs: []giaddr.Addr{
		{Prefix: netip.MustParsePrefix("192.0.2.1/24")}, {Prefix: netip.MustParsePrefix("198.51.100.1/24")},
	}}}
	s, _ := agent.Compile(p, host)
	table := New(16)
	play := func(link int, m []byte, reason agent.Reason) (int, bool) {
		choice, try := table.Choose(s, link, m)
		table.Note(&agent.Verdict{Reason: reason, Link: s.Links[0]}, m, try)
		return choice, try
	}
	for _, step := range []struct {
		name   string
		link   int
		m      []byte
		r      agent.Reason
		choice int
		try    bool
	}{
		{"first DISCOVER, which is dropped", 2, request(bootp.Discover, [4]byte{}), agent.SecsBelow, 0, true},
		{"first DISCOVER", 2, request(bootp.Discover, [4]byte{}), agent.Relayed, 0, true},
		{"REQUEST", 2, request(bootp.DHCPRequest, [4]byte{}), agent.Relayed, 0, false},
		{"BOOTP counts as well", 2, request(0, [4]byte{}), agent.Relayed, 1, true},
		{"REQUEST after it", 2, request(bootp.DHCPRequest, [4]byte{}), agent.Relayed, 1, false},
		{"of another relay", 2, request(bootp.Discover, [4]byte{192, 0, 2, 9}), agent.Relayed, 0, false},
		{"another link", 3, request(bootp.Discover, [4]byte{}), agent.Relayed, 0, false},
		{"broken", 2, []byte{1}, agent.Short, 0, false},
	} {
		if choice, try := play(step.link, step.m, step.r); choice != step.choice || try != step.try {
			t.Errorf("%s: choice %d, try %v; want %d, %v", step.name, choice, try, step.choice, step.try)
		}
	}
	table.Note(&agent.Verdict{Link: s.Links[0], To: agent.ToFrame}, request(bootp.Offer, [4]byte{}), false)
	if choice, _ := table.Choose(s, 2, request(bootp.Discover, [4]byte{})); choice != 1 {
		t.Errorf("after an answer the choice is %d, want 1", choice)
	}
}
