package ladder

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"dhcp-relay/cmd/lab/wire"
)

func mac(b byte) net.HardwareAddr { return net.HardwareAddr{2, 0, 0, 0, 0, b} }

var (
	three = []Node{
		{"a1", 0, []net.HardwareAddr{mac(1)}},
		{"relay", 1, []net.HardwareAddr{mac(0x10), mac(0x11)}},
		{"s1", 2, []net.HardwareAddr{mac(0x21)}},
		{"s2", 2, []net.HardwareAddr{mac(0x22)}},
	}
	start = time.Unix(1000, 0)
)

// hear makes a frame as a tap at the relay hears it.
func hear(t *testing.T, ms float64, out bool, p wire.Packet, mods ...dhcpv4.Modifier) heard {
	t.Helper()
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(mac(1)), dhcpv4.WithTransactionID(dhcpv4.TransactionID{1})}, mods...)...)
	if err != nil {
		t.Fatal(err)
	}
	if mt := m.MessageType(); mt == dhcpv4.MessageTypeOffer || mt == dhcpv4.MessageTypeAck || mt == dhcpv4.MessageTypeNak {
		m.OpCode = dhcpv4.OpcodeBootReply
	}
	p.Payload = m.ToBytes()
	f, err := wire.Decode(p.Frame())
	if err != nil {
		t.Fatal(err)
	}
	f.At, f.Outgoing = start.Add(time.Duration(ms*1e6)), out
	return heard{f, "relay", "clients"}
}

func packet(src, dst byte, from, to string) wire.Packet {
	p := wire.Packet{EtherSrc: mac(src), Src: netip.MustParseAddrPort(from), Dst: netip.MustParseAddrPort(to)}
	if dst != 0xff {
		p.EtherDst = mac(dst)
	}
	return p
}

func conversation(t *testing.T) []heard {
	gi, yi := dhcpv4.WithRelay(net.IPv4(10, 1, 0, 1)), dhcpv4.WithYourIP(net.IPv4(10, 1, 0, 100))
	mt := dhcpv4.WithMessageType
	info := dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.OptionRelayAgentInformation, []byte{1, 9, 'c', 'l', 'i', 'e', 'n', 't', 's', '-', 'a', 5, 4, 10, 1, 0, 0}))
	past := packet(1, 0x10, "10.1.0.100:68", "10.9.0.2:67")
	routed := packet(0x11, 0x21, "10.1.0.100:68", "10.9.0.2:67")
	routed.TTL = new(uint8(63))
	return []heard{
		hear(t, 0.4, true, packet(0x11, 0x21, "10.9.0.1:67", "10.9.0.2:67"), mt(dhcpv4.MessageTypeDiscover), gi, info),
		hear(t, 0, false, packet(1, 0xff, "0.0.0.0:68", "255.255.255.255:67"), mt(dhcpv4.MessageTypeDiscover)),
		hear(t, 2, false, packet(0x21, 0x11, "10.9.0.2:67", "10.1.0.1:67"), mt(dhcpv4.MessageTypeOffer), gi, yi, info),
		hear(t, 2.5, true, packet(0x10, 0xff, "10.1.0.1:67", "255.255.255.255:68"), mt(dhcpv4.MessageTypeOffer), gi, yi),
		hear(t, 50, false, past, mt(dhcpv4.MessageTypeRequest)),
		hear(t, 50.1, true, routed, mt(dhcpv4.MessageTypeRequest)),
		hear(t, 60, true, packet(0x10, 1, "10.1.0.1:67", "10.1.0.100:68"), mt(dhcpv4.MessageTypeNak)),
	}
}

func TestEvents(t *testing.T) {
	var got []string
	for _, e := range events(three, conversation(t)) {
		got = append(got, e.From+" "+e.Type+" "+e.To+" "+e.Took.String())
	}
	want := []string{
		"a1 DISCOVER relay 0s", "relay DISCOVER s1 400µs",
		"s1 OFFER relay 0s", "relay OFFER a1 500µs",
		"a1 REQUEST s1 0s", // routed past the relay: one event
		"relay NAK a1 0s",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestPrint(t *testing.T) {
	want := strings.TrimPrefix(`
      ms  relay client                relay               server     addresses, option 82
     0.0         a1 ───── DISCOVER ────▶┃                          0.0.0.0>255.255.255.255
     0.4 +0.40                          ┃───── DISCOVER ────▶s1    10.9.0.1>10.9.0.2 giaddr 10.1.0.1
                                        ┃                          82[circuit=clients-a link=10.1.0.0]
     2.0                                ┃◀───── OFFER ───────s1    10.9.0.2>10.1.0.1 yiaddr 10.1.0.100 giaddr 10.1.0.1
                                        ┃                          82[circuit=clients-a link=10.1.0.0]
     2.5 +0.50   a1 ◀───── OFFER ───────┃                          10.1.0.1>255.255.255.255 yiaddr 10.1.0.100
                                        ┃                          giaddr 10.1.0.1
    50.0         a1 ───── REQUEST ──────╂───────────────────▶s1    10.1.0.100>10.9.0.2
    60.0         a1 ◀────── NAK ────────┃                          10.1.0.1>10.1.0.100
`, "\n")
	if diff := cmp.Diff(want, ladder(t, three, conversation(t), false)); diff != "" {
		t.Errorf("ladder (-want +got):\n%s", diff)
	}
}

func TestPrintChain(t *testing.T) {
	four := []Node{
		{"c1", 0, []net.HardwareAddr{mac(1)}},
		{"outer", 1, []net.HardwareAddr{mac(0x10)}},
		{"inner", 2, []net.HardwareAddr{mac(0x11)}},
		{"s1", 3, []net.HardwareAddr{mac(0x21)}},
	}
	want := strings.TrimPrefix(`
      ms  relay client      relay outer   relay inner     server     addresses, option 82
     0.0         c1 ─ DISCOVER ─▶┃             ┃                   0.0.0.0>255.255.255.255
     1.0 +1.00                   ┃─ DISCOVER ─▶┃                   10.2.0.9>10.2.0.1
`, "\n")
	frames := []heard{
		{hear(t, 0, false, packet(1, 0xff, "0.0.0.0:68", "255.255.255.255:67"), dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover)).frame, "outer", "clients"},
		{hear(t, 1, true, packet(0x10, 0x11, "10.2.0.9:67", "10.2.0.1:67"), dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover)).frame, "outer", "clients"},
	}
	if diff := cmp.Diff(want, ladder(t, four, frames, false)); diff != "" {
		t.Errorf("ladder (-want +got):\n%s", diff)
	}
}

func TestPrintFitsAndColors(t *testing.T) {
	long := dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.OptionRelayAgentInformation, append([]byte{6, 200}, make([]byte, 200)...)))
	frames := append(conversation(t), hear(t, 70, true, packet(0x11, 0x21, "10.9.0.1:67", "10.9.0.2:67"), long))
	for _, line := range strings.Split(ladder(t, three, frames, false), "\n") {
		if n := utf8.RuneCountInString(line); n > width {
			t.Errorf("%d characters, want at most %d: %s", n, width, line)
		}
	}
	colored := ladder(t, three, frames, true)
	for _, want := range []string{"\x1b[1;36m DISCOVER \x1b[0m", "\x1b[1;32m OFFER \x1b[0m", "\x1b[1;31m NAK \x1b[0m"} {
		if !strings.Contains(colored, want) {
			t.Errorf("no %q in the colored ladder", want)
		}
	}
}

func TestSuboption(t *testing.T) {
	for _, tt := range []struct {
		name string
		code byte
		v    []byte
		want string
	}{
		{"circuit", 1, []byte("eth0"), "circuit=eth0"},
		{"remote, octets", 2, []byte{0, 1}, "remote=0x0001"},
		{"link", 5, []byte{10, 1, 0, 0}, "link=10.1.0.0"},
		{"link, wrong length", 5, []byte{10, 1}, "link=0a01"},
		{"flags unicast", 10, []byte{0x80}, "flags=unicast"},
		{"flags broadcast", 10, []byte{0}, "flags=broadcast"},
		{"server id", 11, []byte{10, 1, 0, 1}, "server-id=10.1.0.1"},
		{"vss name", 151, []byte("\x00red"), "vss=red"},
		{"vss vpn-id", 151, []byte{1, 0, 0, 0, 0, 0, 0, 9}, "vss=0100000000000009"},
		{"unknown", 77, []byte("x"), "77=x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := suboption(tt.code, tt.v); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func ladder(t *testing.T, nodes []Node, frames []heard, color bool) string {
	t.Helper()
	var b strings.Builder
	if err := Print(&b, nodes, events(nodes, frames), color); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
