package scenes

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/wire"
)

// TestR8213_1_ESP: the kernel encrypts what passes between relay and server, and
// takes nothing from it in the clear.
func TestR8213_1_ESP(t *testing.T) {
	for _, s := range []scene{
		{"DHCPv4, one client and many at once", esp4},
		{"DHCPv6", esp6},
	} {
		t.Run(s.name, s.play)
	}
}

// protoESP is the protocol number of ESP (RFC 4303).
const protoESP = 50

// burst is how many clients ask at once: more than one send with UDP_SEGMENT
// carries.
const burst = 90

func esp4(t *testing.T) {
	b, h, d := plain(t)
	for _, relay := range []string{"10.9.0.1", "10.1.0.1"} { // whence requests leave, and giaddr
		need(t, "ESP", protect(b.router, d.ns, relay, "10.9.0.2", 67))
	}
	b.start(onLAN)
	wires := b.tap(d.ns, "eth0")

	lease, err := h.Login(within(t, patience))
	must(t, err)
	b.judgeLease(h, lan(), d, lease.Addr.Addr())
	b.count("lan", "request discover", "request request", "reply offer", "reply ack")
	b.balance()
	b.encrypted(wires, 2, 2)

	_, err = h.tap.Drain()
	must(t, err)
	for i := range burst {
		must(t, h.tap.Send(stranger(t, i)))
		b.count("lan", "request discover", "reply offer")
	}
	b.balance()
	b.encrypted(wires, burst, burst)
	if got := len(b.heard(h.tap, false, burst)); got != burst {
		t.Errorf("%d clients at once have %d offers", burst, got)
	}
}

func esp6(t *testing.T) {
	b, h, d := plain6(t)
	need(t, "ESP", protect(b.router, d.ns, "2001:db8:9::1", "2001:db8:9::2", 547))
	b.start(onLAN6)
	wires := b.tap(d.ns, "eth0")
	lease, err := h.Login(within(t, patience))
	must(t, err)
	if l := d.Lease(netip.PrefixFrom(lease.Addr, 128)); !bytes.Equal(l.Client, h.ID()) {
		t.Errorf("the server holds %s for %x, want for %x", lease.Addr, l.Client, h.ID())
	}
	b.count("lan", "request solicit", "request request", "reply advertise", "reply reply")
	b.balance()
	b.encrypted(wires, 2, 2)
}

// stranger returns a Discover of another client each, in a frame, that wants its
// answer by broadcast.
func stranger(t *testing.T, i int) []byte {
	t.Helper()
	mac := net.HardwareAddr{2, 0xe5, 0xb0, 0, 0, byte(i)}
	m, err := dhcpv4.NewDiscovery(mac, dhcpv4.WithBroadcast(true))
	must(t, err)
	p := wire.Packet{EtherSrc: mac, Src: client68, Dst: everyone67, Payload: m.ToBytes()}
	return p.Frame()
}

// encrypted wants a tap at the server to have heard so many packets of ESP each
// way, and no DHCP in the clear.
func (b *bed) encrypted(tap *ear, in, out int) {
	b.t.Helper()
	var gotIn, gotOut int
	for end := time.Now().Add(patience); (gotIn < in || gotOut < out) && time.Now().Before(end); time.Sleep(time.Millisecond) {
		frames, err := tap.Drain()
		must(b.t, err)
		for i := range frames {
			switch f := &frames[i]; {
			case f.DHCP4() || f.DHCP6():
				b.t.Errorf("in the clear: %s to %s", f.Src(), f.Dst())
			case f.Proto == protoESP && f.Outgoing:
				gotOut++
			case f.Proto == protoESP:
				gotIn++
			}
		}
	}
	if gotIn != in || gotOut != out {
		b.t.Errorf("the server heard %d packets of ESP and sent %d, want %d and %d", gotIn, gotOut, in, out)
	}
}

// protect has both ends encrypt what passes between a port of theirs, in
// transport mode, and refuse what comes in the clear. Each way has keys of its own.
func protect(relay, server *netns.NS, relayAddr, serverAddr string, port int) error {
	a, b := net.ParseIP(relayAddr), net.ParseIP(serverAddr)
	spi := 0x1000 + int(a[len(a)-1])<<4 + int(a[len(a)-3])<<12
	up, down := association(a, b, spi), association(b, a, spi+1)
	var errs []error
	for _, end := range []struct {
		ns      *netns.NS
		out, in *netlink.XfrmState
	}{{relay, up, down}, {server, down, up}} {
		errs = append(errs, end.ns.Do(func() error {
			return errors.Join(
				netlink.XfrmStateAdd(end.out), netlink.XfrmStateAdd(end.in),
				netlink.XfrmPolicyAdd(policy(end.out, netlink.XFRM_DIR_OUT, port)),
				netlink.XfrmPolicyAdd(policy(end.in, netlink.XFRM_DIR_IN, port)),
			)
		}))
	}
	return errors.Join(errs...)
}

// association is ESP with AES-CBC and HMAC-SHA-256 (RFC 8221, sections 5 and 6).
func association(src, dst net.IP, spi int) *netlink.XfrmState {
	key := func(n int) []byte { return bytes.Repeat([]byte{byte(spi), byte(spi >> 8), 0x5a, byte(n)}, n/4) }
	return &netlink.XfrmState{
		Src: src, Dst: dst, Proto: netlink.XFRM_PROTO_ESP, Mode: netlink.XFRM_MODE_TRANSPORT, Spi: spi, Reqid: spi, ReplayWindow: 128,
		Auth:  &netlink.XfrmStateAlgo{Name: "hmac(sha256)", Key: key(32), TruncateLen: 128},
		Crypt: &netlink.XfrmStateAlgo{Name: "cbc(aes)", Key: key(32)},
	}
}

// policy is that for what an association carries.
func policy(s *netlink.XfrmState, dir netlink.Dir, port int) *netlink.XfrmPolicy {
	host := func(a net.IP) *net.IPNet {
		if v4 := a.To4(); v4 != nil {
			return &net.IPNet{IP: v4, Mask: net.CIDRMask(32, 32)}
		}
		return &net.IPNet{IP: a, Mask: net.CIDRMask(128, 128)}
	}
	return &netlink.XfrmPolicy{
		Src: host(s.Src), Dst: host(s.Dst), Proto: netlink.Proto(wire.ProtoUDP), SrcPort: port, DstPort: port, Dir: dir,
		Tmpls: []netlink.XfrmPolicyTmpl{{Src: s.Src, Dst: s.Dst, Proto: s.Proto, Mode: s.Mode, Spi: s.Spi, Reqid: s.Reqid}},
	}
}
