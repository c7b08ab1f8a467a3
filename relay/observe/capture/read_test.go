package capture

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

var (
	client4 = netip.MustParseAddrPort("0.0.0.0:68")
	all4    = netip.MustParseAddrPort("255.255.255.255:67")
	client6 = netip.MustParseAddrPort("[fe80::1]:546")
	all6    = netip.MustParseAddrPort("[ff02::1:2]:547")

	hello = []byte("hello")
	mac   = []byte{0x02, 0, 0, 0, 0, 0x01}
)

// udp4 is an IPv4 packet with a UDP datagram in it.
func udp4(payload []byte) []byte {
	b := []byte{
		0x45, 0, 0, byte(28 + len(payload)), // version and IHL, TOS, total length
		0, 1, 0, 0, // identification, no fragment
		64, 17, 0, 0, // TTL, UDP, checksum
		0, 0, 0, 0, // source
		255, 255, 255, 255, // destination
		0, 68, 0, 67, // ports
		0, byte(8 + len(payload)), 0, 0, // length, no checksum
	}
	return append(b, payload...)
}

// udp6 is an IPv6 packet with a UDP datagram in it, behind other headers, of
// which first is the type of the first.
func udp6(payload []byte, first byte, headers ...byte) []byte {
	b := []byte{0x60, 0, 0, 0, 0, byte(len(headers) + 8 + len(payload)), first, 1}
	b = append(b, client6.Addr().AsSlice()...)
	b = append(b, all6.Addr().AsSlice()...)
	b = append(b, headers...)
	b = append(b, 0x02, 0x22, 0x02, 0x23, 0, byte(8+len(payload)), 0xab, 0xcd) // ports 546 and 547, length, checksum
	return append(b, payload...)
}

// ether is an Ethernet frame from mac, with the type that the tags and the
// packet call for.
func ether(packet []byte, tags ...uint16) []byte {
	b := append([]byte{255, 255, 255, 255, 255, 255}, mac...)
	for i, t := range tags {
		kind := uint16(0x8100)
		if i < len(tags)-1 {
			kind = 0x88a8
		}
		b = binary.BigEndian.AppendUint16(b, kind)
		b = binary.BigEndian.AppendUint16(b, 0x2000|t)
	}
	kind := uint16(0x0800)
	if packet[0]>>4 == 6 {
		kind = 0x86dd
	}
	return append(binary.BigEndian.AppendUint16(b, kind), packet...)
}

func with(b []byte, at int, octets ...byte) []byte {
	b = slices.Clone(b)
	copy(b[at:], octets)
	return b
}

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

func TestDecode(t *testing.T) {
	t.Parallel()
	whole4 := Packet{Src: client4, Dst: all4, Payload: hello}
	whole6 := Packet{Src: client6, Dst: all6, Payload: hello}
	from := func(p Packet, vlans ...uint16) Packet { p.MAC, p.VLANs = mac, vlans; return p }
	skip := func(s Skip, vlans ...uint16) Packet { return Packet{MAC: mac, VLANs: vlans, Skip: s} }
	known := func(s Skip, src, dst netip.AddrPort) Packet { return Packet{MAC: mac, Skip: s, Src: src, Dst: dst} }
	const eth, sll, sll2 = layers.LinkTypeEthernet, layers.LinkTypeLinuxSLL, layers.LinkTypeLinuxSLL2
	tests := []struct {
		name  string
		link  layers.LinkType
		frame []byte
		cut   bool
		want  Packet
	}{
		{name: "Ethernet", link: eth, frame: ether(udp4(hello)), want: from(whole4)},
		{name: "R1542-8 padding of the frame", link: eth, frame: join(ether(udp4(hello)), make([]byte, 18)), want: from(whole4)},
		{name: "the padding was not captured", link: eth, frame: ether(udp4(hello)), cut: true, want: from(whole4)},
		{name: "VLAN 20", link: eth, frame: ether(udp4(hello), 20), want: from(whole4, 20)},
		{name: "three tags", link: eth, frame: ether(udp4(hello), 7, 0, 4094), want: from(whole4, 7, 0, 4094)},
		{name: "a tag is cut off", link: eth, frame: ether(udp4(hello), 20)[:16], want: skip(Other)},
		{name: "IPv6 in VLAN 30", link: eth, frame: ether(udp6(hello, 17), 30), want: from(whole6, 30)},
		{name: "R8200-2 hop-by-hop and destination options", link: eth, frame: ether(udp6(hello, 0, join(
			[]byte{60, 1}, make([]byte, 14), // next header, 1 times 8 octets beyond the first 8
			[]byte{17, 0}, make([]byte, 6))...)), want: from(whole6)},
		{name: "ARP", link: eth, frame: with(ether(udp4(hello)), 12, 0x08, 0x06), want: skip(Other)},
		{name: "TCP", link: eth, frame: with(ether(udp4(hello)), 14+9, 6), want: skip(Other)},
		{name: "nothing but the addresses", link: eth, frame: ether(udp4(hello))[:12], want: Packet{Skip: Other}},
		{name: "first fragment", link: eth, frame: with(ether(udp4(hello), 20), 18+6, 0x20, 0), want: Packet{MAC: mac, VLANs: []uint16{20}, Skip: Fragment, Src: client4, Dst: all4}},
		{name: "last fragment", link: eth, frame: with(ether(udp4(hello)), 14+6, 0, 185), want: skip(Fragment)},
		{name: "DF is no fragment", link: eth, frame: with(ether(udp4(hello)), 14+6, 0x40, 0), want: from(whole4)},
		{name: "fragment of IPv6", link: eth, frame: ether(udp6(hello, 44, 17, 0, 0, 1, 0, 0, 0, 9)), want: known(Fragment, client6, all6)},
		{name: "later fragment of IPv6", link: eth, frame: ether(udp6(hello, 44, 17, 0, 0, 8, 0, 0, 0, 9)), want: skip(Fragment)},
		{name: "cut off", link: eth, frame: ether(udp4(hello))[:44], cut: true, want: known(CutOff, client4, all4)},
		{name: "cut off before the ports", link: eth, frame: ether(udp4(hello))[:37], cut: true, want: skip(CutOff)},
		{name: "IP total length beyond the frame", link: eth, frame: ether(udp4(hello))[:44], want: known(BadLength, client4, all4)},
		{name: "IP total length 0, left to the card", link: eth, frame: with(ether(udp4(hello)), 14+2, 0, 0), want: from(whole4)},
		{name: "IP header of 4 octets", link: eth, frame: with(ether(udp4(hello)), 14, 0x41), want: skip(BadLength)},
		{name: "CVE-2015-8605 UDP length beyond the packet", link: eth, frame: with(ether(udp4(hello)), 34+4, 0, 99), want: known(BadLength, client4, all4)},
		{name: "CVE-2015-8605 UDP length 7", link: eth, frame: with(ether(udp4(hello)), 34+4, 0, 7), want: known(BadLength, client4, all4)},
		{name: "UDP length below the packet's", link: eth, frame: with(ether(udp4(hello)), 34+4, 0, 10), want: from(Packet{Src: client4, Dst: all4, Payload: []byte("he")})},
		{name: "R8200-1 IPv6 without checksum", link: eth, frame: with(ether(udp6(hello, 17)), 14+46, 0, 0), want: known(NoChecksum, client6, all6)},
		{name: "raw IPv4", link: layers.LinkTypeRaw, frame: udp4(hello), want: whole4},
		{name: "raw IPv6", link: layers.LinkTypeRaw, frame: udp6(hello, 17), want: whole6},
		{name: "raw nothing", link: layers.LinkTypeRaw, want: Packet{Skip: Other}},
		{name: "loopback", link: layers.LinkTypeNull, frame: join([]byte{2, 0, 0, 0}, udp4(hello)), want: whole4},
		{name: "loopback cut off", link: layers.LinkTypeLoop, frame: []byte{2, 0, 0}, want: Packet{Skip: Other}},
		{name: "cooked broadcast", link: sll, frame: join([]byte{
			0, 1, 0, 1, 0, 6, // broadcast, Ethernet, address of 6 octets
			0x02, 0, 0, 0, 0, 0x01, 0, 0, 0x08, 0x00, // address, IPv4
		}, udp4(hello)), want: from(whole4)},
		{name: "cooked and sent by the host", link: sll, frame: join([]byte{
			0, 4, 0, 1, 0, 6, 0x02, 0, 0, 0, 0, 0x01, 0, 0, 0x08, 0x00,
		}, udp4(hello)), want: Packet{MAC: mac, Outgoing: true, Src: client4, Dst: all4, Payload: hello}},
		{name: "cooked without address, tagged", link: sll, frame: join([]byte{
			0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x81, 0x00, 0, 20, 0x08, 0x00,
		}, udp4(hello)), want: Packet{VLANs: []uint16{20}, Src: client4, Dst: all4, Payload: hello}},
		{name: "cooked 2", link: sll2, frame: join([]byte{
			0x86, 0xdd, 0, 0, 0, 0, 0, 7, // IPv6, interface 7
			0, 1, 2, 6, 0x02, 0, 0, 0, 0, 0x01, 0, 0, // Ethernet, multicast, address of 6 octets
		}, udp6(hello, 17)), want: Packet{MAC: mac, Index: 7, Src: client6, Dst: all6, Payload: hello}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got Packet
			if !got.decode(tt.frame, tt.cut, tt.link) {
				t.Fatal("unknown link type")
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.AddrPort{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("packet (-want +got):\n%s", diff)
			}
		})
	}
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)

func info(frame []byte) gopacket.CaptureInfo {
	return gopacket.CaptureInfo{Timestamp: start, CaptureLength: len(frame), Length: len(frame)}
}

func classic(t testing.TB, link layers.LinkType, frames ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := pcapgo.NewWriter(&b)
	if err := w.WriteFileHeader(262144, link); err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		if err := w.WritePacket(info(f), f); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// next is pcapng with a frame of each of two interfaces, the second one sent.
func next(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := pcapgo.NewNgWriterInterface(&b, pcapgo.NgInterface{Name: "vlan10", LinkType: layers.LinkTypeEthernet}, pcapgo.DefaultNgWriterOptions)
	if err != nil {
		t.Fatal(err)
	}
	second, err := w.AddInterface(pcapgo.NgInterface{Name: "uplink", LinkType: layers.LinkTypeRaw})
	if err != nil {
		t.Fatal(err)
	}
	one, two := ether(udp4(hello)), udp4([]byte("up"))
	if err := w.WritePacket(info(one), one); err != nil {
		t.Fatal(err)
	}
	i := info(two)
	i.InterfaceIndex = second
	opts := pcapgo.NgPacketOptions{Comments: []string{"relayed"}, Flags: &pcapgo.NgEpbFlags{Direction: pcapgo.NgEpbFlagDirectionOutbound}}
	if err := w.WritePacketWithOptions(i, two, opts); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return z.Bytes()
}

func readAll(b []byte) (all []Packet, err error) {
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, p)
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	pcap := []Packet{
		{Number: 1, Time: start, MAC: mac, VLANs: []uint16{20}, Src: client4, Dst: all4, Payload: hello},
		{Number: 2, Time: start, MAC: mac, Src: client6, Dst: all6, Payload: hello},
	}
	pcapng := []Packet{
		{Number: 1, Time: start, Interface: "vlan10", MAC: mac, Src: client4, Dst: all4, Payload: hello},
		{Number: 2, Time: start, Interface: "uplink", Outgoing: true, Src: client4, Dst: all4, Payload: []byte("up")},
	}
	old := classic(t, layers.LinkTypeEthernet, ether(udp4(hello), 20), ether(udp6(hello, 17)))
	tests := []struct {
		name string
		file []byte
		want []Packet
	}{
		{"pcap", old, pcap},
		{"pcap.gz", zipped(t, old), pcap},
		{"pcapng", next(t), pcapng},
		{"pcapng.gz", zipped(t, next(t)), pcapng},
		{"pcap without frames", classic(t, layers.LinkTypeEthernet), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := readAll(tt.file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
				t.Errorf("packets (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReaderErrors(t *testing.T) {
	t.Parallel()
	good := classic(t, layers.LinkTypeEthernet, ether(udp4(hello)), ether(udp4(hello)))
	frame := 16 + len(ether(udp4(hello)))
	tests := []struct {
		name string
		file []byte
		want string
		read int // packets before the error
	}{
		{"nothing", nil, "neither pcap nor pcapng", 0},
		{"text", []byte("[[interface]]\n"), "neither pcap nor pcapng", 0},
		{"no gzip", []byte{0x1f, 0x8b, 0, 0}, "neither pcap nor pcapng", 0},
		{"header cut off", good[:20], "neither pcap nor pcapng", 0},
		{"ends in a frame's header", good[:24+frame+8], "frame 2: the file ends in the middle of it", 1},
		{"ends after a frame's header", good[:24+frame+16], "frame 2: the file ends in the middle of it", 1},
		{"ends in a frame", good[:len(good)-1], "frame 2: the file ends in the middle of it", 1},
		{"frame longer than was sent", with(good, 24+8, 0xff, 0, 0, 0), "frame 1: the file is damaged", 0},
		{"pcapng ends in a frame", next(t)[:len(next(t))-6], "frame 2: the file ends in the middle of it", 1},
		{"link type", classic(t, layers.LinkTypeIEEE802_11, ether(udp4(hello))), "frame 1: link type 105 cannot be read; capture on Ethernet", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := readAll(tt.file)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if len(got) != tt.read {
				t.Errorf("%d packets before the error, want %d", len(got), tt.read)
			}
		})
	}
}

func TestSkipsHaveWords(t *testing.T) {
	t.Parallel()
	for s := range numSkips {
		if words := Skip(s).String(); (words == "") != (Skip(s) == Datagram) {
			t.Errorf("Skip %d says %q", s, words)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(classic(f, layers.LinkTypeEthernet, ether(udp4(hello), 20), ether(udp6(hello, 0, 17, 0, 0, 0, 0, 0, 0, 0))))
	f.Add(classic(f, layers.LinkTypeLinuxSLL2, make([]byte, 60)))
	f.Add(classic(f, layers.LinkTypeLinuxSLL, make([]byte, 60)))
	f.Add(classic(f, layers.LinkTypeNull, make([]byte, 60)))
	f.Add(next(f))
	f.Add(zipped(f, next(f)))
	f.Fuzz(func(t *testing.T, file []byte) {
		all, err := readAll(file)
		if err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
		for _, p := range all {
			if whole := p.Payload != nil; whole != (p.Skip == Datagram) || whole && (!p.Src.IsValid() || !p.Dst.IsValid()) {
				t.Errorf("%s: %+v", p.Skip, p)
			}
			if len(p.Payload) > len(file) && file[0] != 0x1f {
				t.Errorf("%d octets out of %d", len(p.Payload), len(file))
			}
		}
	})
}
