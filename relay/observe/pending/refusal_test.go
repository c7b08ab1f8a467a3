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
)

// A NAK to who asks for what the server has offered, or to who has asked for nothing, is
// a refusal; one to who asks for an address of elsewhere, or of before, is right.
func TestRefusals(t *testing.T) {
	t.Parallel()
	first := []byte{54, 4, 10, 9, 0, 2}
	for name, tc := range map[string]struct {
		typ    bootp.Type // what clients ask
		names  []byte
		answer bootp.Type
		grants bool // one is given a lease
		want   health.State
	}{
		"what it has offered":             {bootp.DHCPRequest, first, bootp.Nak, false, health.Refusing},
		"one is given a lease":            {bootp.DHCPRequest, first, bootp.Nak, true, health.Answering},
		"all are given one":               {bootp.DHCPRequest, first, bootp.Ack, false, health.Answering},
		"to Discovers":                    {bootp.Discover, nil, bootp.Nak, false, health.Refusing},
		"to who comes from elsewhere":     {bootp.DHCPRequest, nil, bootp.Nak, false, health.Answering},
		"offers":                          {bootp.Discover, nil, bootp.Offer, false, health.Answering},
		"what another server has offered": {bootp.DHCPRequest, []byte{54, 4, 10, 9, 0, 3}, bootp.Ack, false, health.Answering},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t)
			p.now = time.Second
			relay := func(op byte, client byte, typ bootp.Type, options []byte) {
				t.Helper()
				in := agent.Ingress{Link: 2, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255"), Unasked: true}
				m := slices.Concat(message4(op, client, client)[:240], []byte{53, 1, byte(typ)}, options, []byte{255})
				if op == bootp.Reply {
					in = agent.Ingress{Link: 9, Src: netip.MustParseAddrPort("10.9.0.2:67"), Dst: netip.MustParseAddr("10.1.0.1")}
					copy(m[24:], []byte{10, 1, 0, 1}) // giaddr
				}
				if r := p.relay(heard{family: dhcp.V4, in: in, data: m}); r != agent.Relayed {
					t.Fatal(r)
				}
			}
			for client := range byte(6) {
				relay(bootp.Request, client, tc.typ, tc.names)
				relay(bootp.Reply, client, tc.answer, first)
				p.now += health.RefusingAfter
			}
			if tc.grants {
				relay(bootp.Request, 9, tc.typ, tc.names)
				relay(bootp.Reply, 9, bootp.Ack, first)
			}
			h := &p.state.Servers[0].Health
			h.Judge(p.now, p.start.Add(p.now))
			if got := h.State(); got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}
