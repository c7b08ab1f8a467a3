package scene

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"

	"dhcp-relay/cmd/lab/ladder"
	"dhcp-relay/cmd/lab/wire"
)

// event6 is a message on its way.
func event6(t *testing.T, from, to, on, src, dst string, d dhcpv6.DHCPv6) ladder.Event {
	t.Helper()
	p := wire.Packet{Src: netip.MustParseAddrPort(src), Dst: netip.MustParseAddrPort(dst), Payload: d.ToBytes()}
	f, err := wire.Decode(p.Frame())
	if err != nil {
		t.Fatal(err)
	}
	m, err := dhcpv6.FromBytes(f.Payload)
	if err != nil {
		t.Fatal(err)
	}
	return ladder.Event{At: time.Unix(1, 0), From: from, To: to, On: []string{on}, Frame: f, Arrived: f, Message6: m}
}

// wrapped6 is a message in a relay's, as the relay of the lab has it.
func wrapped6(typ dhcpv6.MessageType, m dhcpv6.DHCPv6, alter func(*dhcpv6.RelayMessage)) dhcpv6.DHCPv6 {
	r := &dhcpv6.RelayMessage{MessageType: typ, LinkAddr: net.ParseIP("2001:db8:1::1"), PeerAddr: net.ParseIP("fe80::a1")}
	r.AddOption(dhcpv6.OptInterfaceID([]byte(clientsA)))
	r.AddOption(dhcpv6.OptClientLinkLayerAddress(iana.HWTypeEthernet, net.HardwareAddr{2, 0, 0, 0, 0, 1}))
	r.AddOption(dhcpv6.OptRelayMessage(m))
	alter(r)
	return r
}

func TestRules6(t *testing.T) {
	const up, down = dhcpv6.MessageTypeRelayForward, dhcpv6.MessageTypeRelayReply
	message := func(typ dhcpv6.MessageType) *dhcpv6.Message {
		return &dhcpv6.Message{MessageType: typ, TransactionID: dhcpv6.TransactionID{1}}
	}
	solicit, advertise := message(dhcpv6.MessageTypeSolicit), message(dhcpv6.MessageTypeAdvertise)
	asis := func(*dhcpv6.RelayMessage) {}
	for _, tt := range []struct {
		name     string
		up       bool
		typ      dhcpv6.MessageType
		alter    func(*dhcpv6.RelayMessage)
		src, dst string // "": as it should be
		inner    dhcpv6.DHCPv6
		on       string
		want     string // part of the error; "" for none
	}{
		{name: "up", up: true},
		{name: "up, from the wrong port", up: true, src: "[2001:db8:9::1]:546", want: "expected 547 to 547"},
		{name: "up, from a link-local address", up: true, src: "[fe80::1]:547", want: "source"},
		{name: "up, other message inside", up: true, inner: message(dhcpv6.MessageTypeRequest), want: "octet by octet"},
		{name: "up, other peer", up: true, alter: func(r *dhcpv6.RelayMessage) { r.PeerAddr = net.ParseIP("fe80::a2") }, want: "peer-address"},
		{name: "up, other link", up: true, alter: func(r *dhcpv6.RelayMessage) { r.LinkAddr = net.IPv6zero }, want: "link-address"},
		{name: "up, hops", up: true, alter: func(r *dhcpv6.RelayMessage) { r.HopCount = 1 }, want: "hop-count 0"},
		{name: "up, no interface-id", up: true, alter: func(r *dhcpv6.RelayMessage) { r.Options.Del(dhcpv6.OptionInterfaceID) }, want: "interface-id"},
		{name: "up, no link-layer address", up: true, alter: func(r *dhcpv6.RelayMessage) { r.Options.Del(dhcpv6.OptionClientLinkLayerAddr) }, want: "client link-layer address"},
		{name: "up, no Relay-forward", up: true, typ: down, want: "expected a Relay-forward"},
		{name: "down"},
		{name: "down, to the relay's port", dst: "[fe80::a1]:547", want: "expected 547 to 546"},
		{name: "down, to another client", dst: "[fe80::a2]:546", want: "destination"},
		{name: "down, other message", inner: solicit, want: "octet by octet"},
		{name: "down, on another link", on: clientsB, want: "alone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := &stage{Lab: &Lab{nodes: []ladder.Node{{Name: "a1", MACs: []net.HardwareAddr{{2, 0, 0, 0, 0, 1}}}}}}
			or := func(s, otherwise string) string {
				if s != "" {
					return s
				}
				return otherwise
			}
			if tt.alter == nil {
				tt.alter = asis
			}
			var e ladder.Event
			var err error
			if tt.up {
				inner, typ := dhcpv6.DHCPv6(solicit), up
				if tt.inner != nil {
					inner = tt.inner
				}
				if tt.typ != 0 {
					typ = tt.typ
				}
				got := event6(t, "a1", relayNode, clientsA, "[fe80::a1]:546", "[ff02::1:2]:547", solicit)
				e = event6(t, relayNode, "s1", servers, or(tt.src, "[2001:db8:9::1]:547"), "[2001:db8:9::2]:547", wrapped6(typ, inner, tt.alter))
				st.events = []ladder.Event{got, e}
				err = st.rulesUp6(&e)
			} else {
				inner := dhcpv6.DHCPv6(advertise)
				if tt.inner != nil {
					inner = tt.inner
				}
				got := event6(t, "s1", relayNode, servers, "[2001:db8:9::2]:547", "[2001:db8:9::1]:547", wrapped6(down, inner, tt.alter))
				e = event6(t, relayNode, "a1", or(tt.on, clientsA), "[fe80::1]:547", or(tt.dst, "[fe80::a1]:546"), advertise)
				st.events = []ladder.Event{got, e}
				err = st.rulesDown6(&e)
			}
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestSubnets6AreApart(t *testing.T) {
	seen := map[netip.Prefix]bool{}
	for i := range 2 {
		for _, s := range subnets6(i) {
			if !s.prefix.Contains(s.first) || !s.prefix.Contains(s.last) || !s.first.Less(s.last) || s.delegated != s.delegated.Masked() || seen[s.delegated] {
				t.Errorf("server %d: %+v", i, s)
			}
			seen[s.delegated] = true
		}
	}
	for node, want := range map[string]string{"a1": "fe80::a1", "b1": "fe80::b1", "c1": "fe80::c1", outerNode: "fe80::99", "s2": "fe80::52"} {
		if got := linkLocal(node); got != netip.MustParseAddr(want) {
			t.Errorf("link-local address of %s: got %s, want %s", node, got, want)
		}
	}
}
