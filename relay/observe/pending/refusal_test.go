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

// In DHCPv6 a status says so, in answer to what is asked of this server, and where the
// client gets no lease beside it.
func TestRefusals6(t *testing.T) {
	t.Parallel()
	ia := func(code uint16, head int, options ...byte) []byte {
		return dhcp6.AppendOption(nil, code, append(make([]byte, head), options...))
	}
	status := func(code byte) []byte { return []byte{0, 13, 0, 2, 0, code} }
	lease := func(lifetime byte) []byte {
		v := make([]byte, 24)
		v[23] = lifetime
		return dhcp6.AppendOption(nil, 5, v)
	}
	for name, tc := range map[string]struct {
		typ, answer dhcp6.Type
		options     []byte
		want        health.State
	}{
		"no addresses in an Advertise":    {dhcp6.Solicit, dhcp6.Advertise, status(2), health.Refusing},
		"in its IA":                       {dhcp6.Solicit, dhcp6.Advertise, ia(3, 12, status(2)...), health.Refusing},
		"not on link":                     {dhcp6.Request, dhcp6.Reply, ia(3, 12, status(4)...), health.Refusing},
		"use multicast":                   {dhcp6.Request, dhcp6.Reply, status(5), health.Refusing},
		"an address of no time":           {dhcp6.Renew, dhcp6.Reply, ia(3, 12, slices.Concat(lease(0), status(2))...), health.Refusing},
		"a temporary address":             {dhcp6.Request, dhcp6.Reply, ia(4, 4, slices.Concat(lease(9), status(2))...), health.Answering},
		"a lease, and no prefix":          {dhcp6.Request, dhcp6.Reply, slices.Concat(ia(3, 12, lease(9)...), ia(25, 12, status(6)...)), health.Answering},
		"no prefix, which nobody has":     {dhcp6.Solicit, dhcp6.Advertise, ia(25, 12, status(6)...), health.Answering},
		"no binding":                      {dhcp6.Renew, dhcp6.Reply, ia(3, 12, status(3)...), health.Answering},
		"not on link, to a Confirm":       {dhcp6.Confirm, dhcp6.Reply, status(4), health.Answering},
		"not on link, to a Rebind":        {dhcp6.Rebind, dhcp6.Reply, ia(3, 12, status(4)...), health.Answering},
		"an offer":                        {dhcp6.Solicit, dhcp6.Advertise, ia(3, 12, lease(9)...), health.Answering},
		"options that are cut off":        {dhcp6.Solicit, dhcp6.Advertise, []byte{0, 13, 0, 9, 0}, health.Answering},
		"information, with no lease":      {dhcp6.InformationRequest, dhcp6.Reply, nil, health.Answering},
		"what the client did not ask for": {dhcp6.InformationRequest, dhcp6.Reply, status(2), health.Answering},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t)
			p.now = time.Second
			for client := range byte(6) {
				duid := dhcp6.AppendOption(nil, 1, []byte{0, 3, 0, 1, client})
				in := agent.Ingress{Link: 2, Src: netip.MustParseAddrPort("[fe80::11]:546"), Dst: agent.AllRelays(), Unasked: true}
				request := slices.Concat([]byte{byte(tc.typ), 0, 0, client}, duid)
				if r := p.relay(heard{family: dhcp.V6, in: in, data: request}); r != agent.Relayed {
					t.Fatal(r)
				}
				reply := slices.Concat([]byte{byte(tc.answer), 0, 0, client}, duid, tc.options)
				in = agent.Ingress{Link: 9, Src: netip.MustParseAddrPort("[2001:db8:9::2]:547"), Dst: netip.MustParseAddr("2001:db8:9::1")}
				if r := p.relay(heard{family: dhcp.V6, in: in, data: relay6(dhcp6.RelayReply, "2001:db8:1::1", "fe80::11", reply)}); r != agent.Relayed {
					t.Fatal(r)
				}
				p.now += health.RefusingAfter
			}
			h := &p.state.Servers[2].Health
			h.Judge(p.now, p.start.Add(p.now))
			if got := h.State(); got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}
