package wire

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"dhcp-relay/cmd/lab/netns"
)

func sample() *Packet {
	return &Packet{
		EtherSrc: net.HardwareAddr{2, 0, 0, 0, 0, 0x11},
		Src:      netip.MustParseAddrPort("10.1.0.2:68"),
		Dst:      netip.MustParseAddrPort("10.1.0.1:67"),
		ID:       7, DF: true,
		Payload: []byte("odd octets!"),
	}
}

func TestFrameIsWhatOthersRead(t *testing.T) {
	p := sample()
	p.Src, p.Dst = netip.MustParseAddrPort("10.1.0.2:5000"), netip.MustParseAddrPort("10.1.0.1:5001")
	g := gopacket.NewPacket(p.Frame(), layers.LayerTypeEthernet, gopacket.Default)
	if e := g.ErrorLayer(); e != nil {
		t.Fatal(e.Error())
	}
	ip, udp := g.Layer(layers.LayerTypeIPv4).(*layers.IPv4), g.Layer(layers.LayerTypeUDP).(*layers.UDP)
	if diff := cmp.Diff(p.Payload, udp.Payload); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	// Serialised again with computed checksums and lengths, it is the same frame.
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	buf := gopacket.NewSerializeBuffer()
	opt := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	eth := g.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
	if err := gopacket.SerializeLayers(buf, opt, eth, ip, udp, gopacket.Payload(udp.Payload)); err != nil {
		t.Fatal(err)
	}
	got := p.Frame()
	if diff := cmp.Diff(buf.Bytes()[:len(got)], got); diff != "" {
		t.Errorf("frame (-want +got):\n%s", diff)
	}
}

func TestDecode(t *testing.T) {
	tests := []struct {
		name  string
		alter func(*Packet)
		check func(f *Frame) bool
		err   error
	}{
		{"all right", func(*Packet) {}, func(f *Frame) bool {
			return f.IPSumOK && f.UDPSumOK && f.DHCP4() && f.DF && f.TTL == 64 && f.ID == 7 && string(f.Payload) == "odd octets!"
		}, nil},
		{"udp checksum wrong", func(p *Packet) { p.UDPSum = new(uint16(1)) }, func(f *Frame) bool { return f.IPSumOK && !f.UDPSumOK }, nil},
		{"udp checksum absent", func(p *Packet) { p.UDPSum = new(uint16(0)) }, func(f *Frame) bool { return f.UDPSumOK && f.UDPSum == 0 }, nil},
		{"ip checksum wrong", func(p *Packet) { p.IPSum = new(uint16(1)) }, func(f *Frame) bool { return !f.IPSumOK && f.UDPSumOK }, nil},
		{"ttl", func(p *Packet) { p.TTL = new(uint8(0)) }, func(f *Frame) bool { return f.TTL == 0 }, nil},
		{"ip options", func(p *Packet) { p.IPOptions = []byte{1, 1, 1, 0} }, func(f *Frame) bool { return f.IPSumOK && f.UDPSumOK && f.DHCP4() }, nil},
		{"vlan", func(p *Packet) { p.VLAN = 42 }, func(f *Frame) bool { return f.VLAN == 42 && f.DHCP4() }, nil},
		{"addresses default to those of a client", func(p *Packet) { p.Src, p.Dst = netip.AddrPort{}, netip.AddrPort{} }, func(f *Frame) bool {
			return f.IPSrc.IsUnspecified() && f.IPDst == netip.MustParseAddr("255.255.255.255") && f.UDPSumOK
		}, nil},
		{"udp length beyond the packet", func(p *Packet) { p.UDPLen = new(uint16(200)) }, func(f *Frame) bool { return f.UDPLen == 200 && f.Payload == nil }, ErrTruncated},
		{"udp length below a header", func(p *Packet) { p.UDPLen = new(uint16(7)) }, func(f *Frame) bool { return f.Payload == nil }, ErrTruncated},
		{"ip length beyond the frame", func(p *Packet) { p.IPLen = new(uint16(2000)) }, func(f *Frame) bool { return f.IPLen == 2000 && !f.UDP() }, ErrTruncated},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := sample()
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

func TestPaddingIsNotPayload(t *testing.T) {
	f, err := Decode(append(sample().Frame(), make([]byte, 20)...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample().Payload, f.Payload); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
}

func TestFragments(t *testing.T) {
	p := sample()
	p.DF, p.Payload = false, bytes.Repeat([]byte{0xab}, 40)
	var sizes, offsets []int
	for _, raw := range p.Fragments(20) {
		f, err := Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		if !f.Fragment() || !f.IPSumOK {
			t.Errorf("no fragment with a right checksum: %+v", f)
		}
		sizes, offsets = append(sizes, int(f.IPLen)-ipLen), append(offsets, int(f.FragOffset))
	}
	if diff := cmp.Diff([]int{16, 16, 16}, sizes); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 16, 32}, offsets); diff != "" {
		t.Errorf("offsets (-want +got):\n%s", diff)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(sample().Frame())
	p := sample()
	p.VLAN, p.IPOptions, p.UDPLen = 3, []byte{1, 1, 1, 0}, new(uint16(3))
	f.Add(p.Frame())
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := Decode(b)
		if err == nil && g.UDP() && len(g.Payload) != int(g.UDPLen)-udpLen {
			t.Errorf("payload of %d octets, UDP length %d", len(g.Payload), g.UDPLen)
		}
	})
}

func TestTap(t *testing.T) {
	netns.Require(t)
	a, b := netns.Test(t, "a", netns.WithoutIPv6()), netns.Test(t, "b", netns.WithoutIPv6())
	if err := netns.Veth(a, "v0", b, "v0"); err != nil {
		t.Fatal(err)
	}
	ta, tb := open(t, a), open(t, b)
	sent := sample()
	sent.VLAN = 5
	before := time.Now()
	for range 2 {
		if err := ta.Send(sent.Frame()); err != nil {
			t.Fatal(err)
		}
	}
	got, err := tb.Find(5*time.Second, (*Frame).DHCP4)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sent.Frame(), got.Raw); diff != "" {
		t.Errorf("frame (-want +got):\n%s", diff)
	}
	if got.Outgoing || got.At.Before(before) || got.At.After(time.Now()) {
		t.Errorf("outgoing %v, at %v; want received, after %v", got.Outgoing, got.At, before)
	}
	rest, err := tb.Drain()
	if err != nil || len(rest) != 1 {
		t.Errorf("Drain: got %d frames, %v; want 1", len(rest), err)
	}
	if _, err := tb.Next(10 * time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Next on a silent link: got %v, want %v", err, os.ErrDeadlineExceeded)
	}
	if own, err := ta.Drain(); err != nil || len(own) != 0 {
		t.Errorf("own frames: got %d, %v; want 0", len(own), err)
	}
	if lost, err := tb.Lost(); err != nil || lost != 0 {
		t.Errorf("Lost: got %d, %v; want 0", lost, err)
	}
}

func TestTapSeesWholeChecksums(t *testing.T) {
	netns.Require(t)
	a, b := netns.Test(t, "a", netns.WithoutIPv6()), netns.Test(t, "b", netns.WithoutIPv6())
	err := errors.Join(netns.Veth(a, "v0", b, "v0"), a.Addr("v0", "10.1.0.1/24"), b.Addr("v0", "10.1.0.2/24"))
	if err != nil {
		t.Fatal(err)
	}
	tb := open(t, b)
	if err := a.Do(func() error {
		c, err := net.Dial("udp4", "10.1.0.2:67")
		if err != nil {
			return err
		}
		_, err = c.Write([]byte("from a socket"))
		return errors.Join(err, c.Close())
	}); err != nil {
		t.Fatal(err)
	}
	got, err := tb.Find(5*time.Second, (*Frame).DHCP4)
	if err != nil {
		t.Fatal(err)
	}
	if !got.UDPSumOK || got.UDPSum == 0 || string(got.Payload) != "from a socket" {
		t.Errorf("want a right checksum and the payload, got %+v", got)
	}
}

func open(t *testing.T, n *netns.NS) *Tap {
	t.Helper()
	tap, err := Open(n, "v0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tap.Close(); err != nil {
			t.Errorf("close tap: %v", err)
		}
	})
	return tap
}
