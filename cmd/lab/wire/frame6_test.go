package wire

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

func sample6() *Packet {
	return &Packet{
		EtherSrc: net.HardwareAddr{2, 0, 0, 0, 0, 0x11},
		Src:      netip.MustParseAddrPort("[fe80::11]:546"),
		Dst:      netip.MustParseAddrPort("[ff02::1:2]:547"),
		ID:       7,
		Payload:  []byte("odd octets!"),
	}
}

func TestFrame6IsWhatOthersRead(t *testing.T) {
	p := sample6()
	p.Src, p.Dst = netip.MustParseAddrPort("[fe80::11]:5000"), netip.MustParseAddrPort("[ff02::1:2]:5001")
	g := gopacket.NewPacket(p.Frame(), layers.LayerTypeEthernet, gopacket.Default)
	if e := g.ErrorLayer(); e != nil {
		t.Fatal(e.Error())
	}
	eth := g.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
	ip, udp := g.Layer(layers.LayerTypeIPv6).(*layers.IPv6), g.Layer(layers.LayerTypeUDP).(*layers.UDP)
	if diff := cmp.Diff("33:33:00:01:00:02", eth.DstMAC.String()); diff != "" {
		t.Errorf("group (-want +got):\n%s", diff)
	}
	// Serialised again with computed checksums and lengths, it is the same frame.
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	buf := gopacket.NewSerializeBuffer()
	opt := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opt, eth, ip, udp, gopacket.Payload(udp.Payload)); err != nil {
		t.Fatal(err)
	}
	got := p.Frame()
	if diff := cmp.Diff(buf.Bytes()[:len(got)], got); diff != "" {
		t.Errorf("frame (-want +got):\n%s", diff)
	}
}

func TestDecode6(t *testing.T) {
	tests := []struct {
		name  string
		alter func(*Packet)
		check func(f *Frame) bool
		err   error
	}{
		{"all right", func(*Packet) {}, func(f *Frame) bool {
			return f.UDPSumOK && f.DHCP6() && !f.DHCP4() && f.TTL == 64 && string(f.Payload) == "odd octets!"
		}, nil},
		{"checksum wrong", func(p *Packet) { p.UDPSum = new(uint16(1)) }, func(f *Frame) bool { return !f.UDPSumOK }, nil},
		{"checksum absent", func(p *Packet) { p.UDPSum = new(uint16(0)) }, func(f *Frame) bool { return !f.UDPSumOK && f.UDPSum == 0 }, nil},
		{"hop limit and class", func(p *Packet) { p.TTL, p.TOS = new(uint8(8)), 0xb8 }, func(f *Frame) bool { return f.TTL == 8 && f.TOS == 0xb8 }, nil},
		{"hop-by-hop options", func(p *Packet) { p.Ext = append([]byte{17, 1, 1, 12}, make([]byte, 12)...) }, func(f *Frame) bool { return f.DHCP6() && f.UDPSumOK }, nil},
		{"hop-by-hop options too long", func(p *Packet) { p.Ext = []byte{17, 255, 1, 4, 0, 0, 0, 0} }, func(f *Frame) bool { return !f.DHCP6() }, ErrTruncated},
		{"vlan", func(p *Packet) { p.VLAN = 42 }, func(f *Frame) bool { return f.VLAN == 42 && f.DHCP6() }, nil},
		{"length beyond the frame", func(p *Packet) { p.IPLen = new(uint16(2000)) }, func(f *Frame) bool { return !f.UDP() }, ErrTruncated},
		{"udp length beyond the packet", func(p *Packet) { p.UDPLen = new(uint16(200)) }, func(f *Frame) bool { return f.Payload == nil }, ErrTruncated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := sample6()
			tt.alter(p)
			f, err := Decode(p.Frame())
			if !errors.Is(err, tt.err) {
				t.Errorf("error: got %v, want %v", err, tt.err)
			}
			if !tt.check(&f) {
				t.Errorf("unexpected %+v", f)
			}
		})
	}
}

func TestFragments6(t *testing.T) {
	p := sample6()
	p.Payload = bytes.Repeat([]byte{0xab}, 40)
	var offsets []int
	for i, raw := range p.Fragments(20) {
		f, err := Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		if !f.Fragment() || f.MF != (i < 2) || f.ID != 7 || f.UDP() {
			t.Errorf("no fragment: %+v", f)
		}
		offsets = append(offsets, int(f.FragOffset))
	}
	if diff := cmp.Diff([]int{0, 16, 32}, offsets); diff != "" {
		t.Errorf("offsets (-want +got):\n%s", diff)
	}
}
