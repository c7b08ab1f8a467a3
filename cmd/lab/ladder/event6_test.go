package ladder

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"

	"dhcp-relay/cmd/lab/wire"
)

var five = []Node{
	{"c1", 0, []net.HardwareAddr{mac(1)}},
	{"outer", 1, []net.HardwareAddr{mac(0x10), mac(0x11)}},
	{"middle", 2, []net.HardwareAddr{mac(0x12), mac(0x13)}},
	{"inner", 3, []net.HardwareAddr{mac(0x14), mac(0x15)}},
	{"s1", 4, []net.HardwareAddr{mac(0x21)}},
}

// hear6 makes a frame as a tap at a relay hears it; to is 0 for a multicast.
func hear6(t *testing.T, ms float64, out bool, from, to byte, src, dst, at string, m dhcpv6.DHCPv6) heard {
	t.Helper()
	p := wire.Packet{EtherSrc: mac(from), Src: netip.MustParseAddrPort(src), Dst: netip.MustParseAddrPort(dst), Payload: m.ToBytes()}
	if to != 0 {
		p.EtherDst = mac(to)
	}
	f, err := wire.Decode(p.Frame())
	if err != nil {
		t.Fatal(err)
	}
	f.At, f.Outgoing = start.Add(time.Duration(ms*1e6)), out
	return heard{f, at, "mid"}
}

// ladder6 is an Advertise and its Solicit through two of three relays.
func ladder6(t *testing.T) []heard {
	t.Helper()
	make6 := func(typ dhcpv6.MessageType, mods ...dhcpv6.Modifier) *dhcpv6.Message {
		m, err := dhcpv6.NewMessage(append(mods, dhcpv6.WithClientID(&dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: mac(1)}))...)
		if err != nil {
			t.Fatal(err)
		}
		m.MessageType, m.TransactionID = typ, dhcpv6.TransactionID{1}
		return m
	}
	wrap := func(m dhcpv6.DHCPv6, typ dhcpv6.MessageType, link, peer string, opts ...dhcpv6.Option) dhcpv6.DHCPv6 {
		r, err := dhcpv6.EncapsulateRelay(m, typ, net.ParseIP(link), net.ParseIP(peer))
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range opts {
			r.AddOption(o)
		}
		return r
	}
	const fwd, rep = dhcpv6.MessageTypeRelayForward, dhcpv6.MessageTypeRelayReply
	id := dhcpv6.OptInterfaceID([]byte("clients-c"))
	sol := make6(dhcpv6.MessageTypeSolicit, dhcpv6.WithRapidCommit)
	adv := make6(dhcpv6.MessageTypeAdvertise, dhcpv6.WithIANA(dhcpv6.OptIAAddress{IPv6Addr: net.ParseIP("2001:db8:3::100")}))
	first := wrap(sol, fwd, "2001:db8:3::1", "fe80::c1", id, dhcpv6.OptClientLinkLayerAddress(iana.HWTypeEthernet, mac(1)))
	back := wrap(adv, rep, "2001:db8:3::1", "fe80::c1", id)
	return []heard{
		hear6(t, 0, false, 1, 0, "[fe80::c1]:546", "[ff02::1:2]:547", "outer", sol),
		hear6(t, 0.3, false, 0x11, 0x12, "[2001:db8:4::1]:547", "[2001:db8:4::2]:547", "middle", first),
		hear6(t, 0.5, false, 0x13, 0x14, "[2001:db8:5::1]:547", "[2001:db8:5::2]:547", "inner",
			wrap(first, fwd, "::", "2001:db8:4::1", &dhcpv6.OptionGeneric{OptionCode: 38, OptionData: []byte("x y")})),
		hear6(t, 1, false, 0x14, 0x13, "[2001:db8:5::2]:547", "[2001:db8:5::1]:547", "middle", wrap(back, rep, "::", "2001:db8:4::1")),
		hear6(t, 1.25, true, 0x12, 0x11, "[2001:db8:4::2]:547", "[2001:db8:4::1]:547", "middle", back),
		hear6(t, 1.5, true, 0x10, 1, "[fe80::1]:547", "[fe80::c1]:546", "outer", adv),
	}
}

func TestEvents6(t *testing.T) {
	var got []string
	for _, e := range events(five, ladder6(t)) {
		got = append(got, strings.Join([]string{e.From, e.Type, e.To, e.Counted(), e.Took.String()}, " "))
	}
	want := []string{
		"c1 SOLICIT outer solicit 0s", "outer SOLICIT middle relay_forward 300µs", "middle SOLICIT inner relay_forward 200µs",
		"inner ADVERTISE middle relay_reply 0s", "middle ADVERTISE outer advertise 250µs", "outer ADVERTISE c1 advertise 250µs",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestPrint6(t *testing.T) {
	var b strings.Builder
	if err := Print(&b, five, events(five, ladder6(t)), false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"c1 ── SOLICIT ─▶┃", "┃◀ ADVERTISE ─┃", "fe80::c1>ff02::1:2", "rapid commit", "forward(1", "peer fe80::c1",
		"interface=clients-c", "mac=02:00:00:00:00:01)", "subscriber=0x782079)", "reply(0", "around 1 more", "address 2001:db8:3::100", "relay options",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
	for line := range strings.Lines(b.String()) {
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
			t.Errorf("%d characters: %s", n, line)
		}
	}
}
