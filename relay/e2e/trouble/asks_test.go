package trouble

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/wire"
)

// askEvery is how often each of the two networks asks.
const askEvery = 400 * time.Millisecond

// The way in which clients ask, or a server answers; nil: as they should.
type (
	manner  func(node string, m *dhcpv4.DHCPv4)
	conduct func(m *dhcpv4.DHCPv4) (replies [][]byte, after time.Duration)
)

// clients ask on two networks all the time.
type clients struct {
	manner atomic.Pointer[manner]
	six    bool
	wg     sync.WaitGroup
}

// ask has clients ask until the test ends.
func (b *bed) ask(six bool) *clients {
	c := &clients{six: six}
	ctx, stop := context.WithCancel(b.ctx)
	b.t.Cleanup(func() { stop(); c.wg.Wait() })
	for _, node := range []string{"a1", "b1"} {
		mac, err := b.Node(node).MAC("eth0")
		b.must(err)
		tap, err := wire.Open(b.Node(node), "eth0")
		b.must(err)
		c.wg.Go(func() {
			defer func() { _ = tap.Close() }()
			tick := time.NewTicker(askEvery)
			defer tick.Stop()
			for n := 0; ; n++ {
				// A link that is down loses it, as it should.
				_ = tap.Send(c.frame(node, mac, byte(n%8)).Frame())
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
			}
		})
	}
	return c
}

// frame is what one of eight clients of a node sends.
func (c *clients) frame(node string, mac net.HardwareAddr, n byte) *wire.Packet {
	own := net.HardwareAddr{2, 0, 0, 1, mac[5], n}
	p := &wire.Packet{EtherSrc: own}
	if c.six {
		m, _ := dhcpv6.NewSolicit(own, dhcpv6.WithClientID(&dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: own}))
		p.Src = netip.AddrPortFrom(netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 14: mac[5], 15: 0x40 + n}), 546)
		p.Dst, p.Payload = netip.MustParseAddrPort("[ff02::1:2]:547"), m.ToBytes()
		return p
	}
	m, _ := dhcpv4.NewDiscovery(own)
	if f := c.manner.Load(); f != nil {
		(*f)(node, m)
	}
	p.Src, p.Dst = netip.AddrPortFrom(netip.IPv4Unspecified(), 68), netip.MustParseAddrPort("255.255.255.255:67")
	p.Payload = m.ToBytes()
	return p
}

// behave has the clients ask in some way.
func (c *clients) behave(f manner) { c.manner.Store(&f) }

// A host is a DHCP server of the test, which answers as it is told to.
type host struct {
	addr    netip.Addr
	conduct atomic.Pointer[conduct]
	conn    *net.UDPConn
	wg      sync.WaitGroup
}

// serve starts a server on a node, at one of its addresses.
func (b *bed) serve(node, addr string) *host {
	b.t.Helper()
	h := &host{addr: netip.MustParseAddr(addr)}
	h.behave(h.offer)
	b.must(b.Node(node).Do(func() error {
		lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) {
				_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
				_ = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_FREEBIND, 1)
			})
		}}
		c, err := lc.ListenPacket(context.Background(), "udp4", netip.AddrPortFrom(h.addr, 67).String())
		if err == nil {
			h.conn = c.(*net.UDPConn)
		}
		return err
	}))
	b.t.Cleanup(h.stop)
	h.wg.Go(h.run)
	return h
}

// stop ends the server, as if its process had died; again does nothing.
func (h *host) stop() {
	_ = h.conn.Close()
	h.wg.Wait()
}

func (h *host) behave(f conduct) { h.conduct.Store(&f) }

func (h *host) run() {
	buf := make([]byte, 1<<16)
	for {
		n, _, err := h.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m, err := dhcpv4.FromBytes(buf[:n])
		if err != nil {
			continue
		}
		replies, after := (*h.conduct.Load())(m)
		to := &net.UDPAddr{IP: m.GatewayIPAddr, Port: 67}
		send := func() {
			for _, r := range replies {
				_, _ = h.conn.WriteToUDP(r, to)
			}
		}
		if after == 0 {
			send()
			continue
		}
		time.AfterFunc(after, send)
	}
}

// offer is what a good server does.
func (h *host) offer(m *dhcpv4.DHCPv4) ([][]byte, time.Duration) {
	return [][]byte{h.reply(m, dhcpv4.MessageTypeOffer).ToBytes()}, 0
}

// reply answers a message.
func (h *host) reply(m *dhcpv4.DHCPv4, t dhcpv4.MessageType) *dhcpv4.DHCPv4 {
	r, err := dhcpv4.NewReplyFromRequest(m, dhcpv4.WithMessageType(t),
		dhcpv4.WithServerIP(h.addr.AsSlice()), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(h.addr.AsSlice())))
	if err != nil {
		panic(err)
	}
	if t != dhcpv4.MessageTypeNak {
		r.YourIPAddr = net.IPv4(m.GatewayIPAddr.To4()[0], m.GatewayIPAddr.To4()[1], 0, 150)
	}
	if o := m.Options.Get(dhcpv4.OptionRelayAgentInformation); o != nil {
		r.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionRelayAgentInformation, o))
	}
	return r
}
