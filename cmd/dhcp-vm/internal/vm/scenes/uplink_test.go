package scenes

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/wire"
)

// TestT14_Uplink: giaddr and uplinks that are not of the plain kind.
func TestT14_Uplink(t *testing.T) {
	for _, s := range []scene{
		{"giaddr borrowed from a dummy link, unnumbered client link", unnumberedClients},
		{"unnumbered uplink: only a loopback address", unnumberedUplink},
		{"uplink by WireGuard", wireguard},
		{"uplink by GRE", gre},
		{"uplink by tun", tun},
		{"uplink by PPP", ppp},
		{"uplink with an MTU of 1280", smallMTU},
		{"the route to the server moves to another uplink", routeMoves},
		{"two uplinks of equal cost, of which one fails", ecmp},
	} {
		t.Run(s.name, s.play)
	}
}

const onLAN = `
[[interface]]
name = "lan"
servers = ["10.9.0.2"]
`

// dummy makes a dummy link with an address.
func (b *bed) dummy(name, prefix string) {
	b.t.Helper()
	need(b.t, "dummy links", b.router.Do(func() error {
		a := netlink.NewLinkAttrs()
		a.Name = name
		return netlink.LinkAdd(&netlink.Dummy{LinkAttrs: a})
	}))
	must(b.t, b.router.Up(name), b.router.Addr(name, prefix))
}

func unnumberedClients(t *testing.T) {
	b := newBed(t)
	b.dummy("dum0", "10.1.0.1/24")
	h := b.client(b.cable("lan"), "eth0")
	d := b.server("up", "", "10.9.0.1/24", "10.9.0.2", "10.1.0.1/24")
	b.start(onLAN + "dhcpv4.giaddr = \"dum0\"\ndhcpv4.option82 = { link_selection = \"subnet\" }\n")
	b.login(h, site{dev: "lan", giaddr: "10.1.0.1", source: "10.9.0.1", subnet: "10.1.0.0/24"}, d)
}

func unnumberedUplink(t *testing.T) {
	b := newBed(t)
	h := b.network("lan", "", "10.1.0.1/24")
	n := b.cable("up")
	must(t, b.router.Addr("lo", "10.255.0.1/32"), n.Addr("eth0", "10.9.0.2/32"),
		onLink(b.router, "10.9.0.2/32", "up", "10.255.0.1"), onLink(n, "10.255.0.1/32", "eth0", ""),
		n.Route("default", "10.255.0.1"))
	d := b.serve(n, "eth0", "10.9.0.2", "10.1.0.1/24")
	b.start(onLAN)
	b.login(h, site{dev: "lan", giaddr: "10.1.0.1", source: "10.255.0.1", subnet: "10.1.0.0/24"}, d)
}

// onLink makes a route to a prefix that is reached without a next hop.
func onLink(n *netns.NS, prefix, dev, src string) error {
	return n.Do(func() error {
		l, err := netlink.LinkByName(dev)
		if err != nil {
			return err
		}
		dst, err := netlink.ParseIPNet(prefix)
		if err != nil {
			return err
		}
		return netlink.RouteReplace(&netlink.Route{LinkIndex: l.Attrs().Index, Dst: dst, Src: net.ParseIP(src), Scope: netlink.SCOPE_LINK})
	})
}

// tunnelled plays a login whose server is behind a link without link-layer
// addresses: over a cable with 192.168.9.1 and .2, make joins "t0" of both ends.
func tunnelled(t *testing.T, what string, make func(b *bed, far *netns.NS) error) {
	b := newBed(t)
	h := b.network("lan", "", "10.1.0.1/24")
	far := b.cable("outer")
	must(t, b.router.Addr("outer", "192.168.9.1/30"), far.Addr("eth0", "192.168.9.2/30"))
	need(t, what, make(b, far))
	must(t, b.router.Up("t0"), b.router.Addr("t0", "10.9.0.1/24"), far.Up("t0"), far.Addr("t0", "10.9.0.2/24"),
		far.Route("default", "10.9.0.1"))
	d := b.serve(far, "t0", "10.9.0.2", "10.1.0.1/24")
	b.start(onLAN)
	s := site{dev: "lan", giaddr: "10.1.0.1", source: "10.9.0.1", subnet: "10.1.0.0/24"}
	b.login(h, s, d)
	b.renew(h, s, d)
}

func wireguard(t *testing.T) {
	tunnelled(t, "WireGuard", func(b *bed, far *netns.NS) error {
		ends := []*netns.NS{b.router, far}
		var file, public [2]string
		for i, n := range ends {
			key, err := ecdh.X25519().GenerateKey(rand.Reader)
			if err != nil {
				return err
			}
			public[i] = base64.StdEncoding.EncodeToString(key.PublicKey().Bytes())
			file[i] = filepath.Join(t.TempDir(), "key")
			secret := base64.StdEncoding.EncodeToString(key.Bytes())
			if err := errors.Join(os.WriteFile(file[i], []byte(secret), 0o600), n.Do(func() error {
				a := netlink.NewLinkAttrs()
				a.Name = "t0"
				return netlink.LinkAdd(&netlink.Wireguard{LinkAttrs: a})
			})); err != nil {
				return err
			}
		}
		for i, n := range ends {
			if _, err := n.Run(within(t, patience), "wg", "set", "t0", "private-key", file[i], "listen-port", "51820",
				"peer", public[1-i], "allowed-ips", "0.0.0.0/0", "endpoint", fmt.Sprintf("192.168.9.%d:51820", 2-i)); err != nil {
				return err
			}
		}
		return nil
	})
}

func gre(t *testing.T) {
	tunnelled(t, "GRE tunnels", func(b *bed, far *netns.NS) error {
		add := func(n *netns.NS, local, remote string) error {
			return n.Do(func() error {
				a := netlink.NewLinkAttrs()
				a.Name = "t0"
				return netlink.LinkAdd(&netlink.Gretun{LinkAttrs: a, Local: net.ParseIP(local), Remote: net.ParseIP(remote), Ttl: 64})
			})
		}
		return errors.Join(add(b.router, "192.168.9.1", "192.168.9.2"), add(far, "192.168.9.2", "192.168.9.1"))
	})
}

// tun joins two tun devices by a goroutine each way, as a VPN daemon would.
func tun(t *testing.T) {
	tunnelled(t, "tun devices", func(b *bed, far *netns.NS) error {
		var ends [2]*os.File
		for i, n := range []*netns.NS{b.router, far} {
			err := n.Do(func() error {
				a := netlink.NewLinkAttrs()
				a.Name = "t0"
				dev := &netlink.Tuntap{LinkAttrs: a, Mode: netlink.TUNTAP_MODE_TUN, Flags: netlink.TUNTAP_NO_PI, Queues: 1, NonPersist: true}
				if err := netlink.LinkAdd(dev); err != nil {
					return err
				}
				ends[i] = dev.Fds[0]
				return nil
			})
			if err != nil {
				return err
			}
		}
		pump := func(from, to *os.File) {
			buf := make([]byte, 1<<16)
			for {
				n, err := from.Read(buf)
				if err != nil {
					return
				}
				_, _ = to.Write(buf[:n]) // what a tunnel loses is lost
			}
		}
		go pump(ends[0], ends[1])
		go pump(ends[1], ends[0])
		t.Cleanup(func() { _ = errors.Join(ends[0].Close(), ends[1].Close()) })
		return nil
	})
}

func smallMTU(t *testing.T) {
	b := newBed(t)
	h := b.network("lan", "", "10.1.0.1/24")
	d := b.server("up", "", "10.9.0.1/24", "10.9.0.2", "10.1.0.1/24")
	must(t, b.router.MTU("up", 1280), d.ns.MTU("eth0", 1280))
	b.start(onLAN)
	s := site{dev: "lan", giaddr: "10.1.0.1", source: "10.9.0.1", subnet: "10.1.0.0/24"}
	b.login(h, s, d)
	// RFC 3046, section 2.1: without option 82 rather than not at all. What does not
	// fit even so leaves in fragments, of which the tap reads no message.
	const room = 1280 - 20 - 8
	b.silence(h, d)
	must(t, h.tap.Send(large(h, room)), h.tap.Send(large(h, room+1)))
	b.judgeWire("at the server", d.tap, false, []string{"10.9.0.1:67 > 10.9.0.2:67 DISCOVER giaddr 10.1.0.1 hops 1"})
	offer := fmt.Sprintf("10.1.0.1:67 > %s:68 OFFER", h.Lease().Addr.Addr())
	b.judgeWire("at the client", h.tap, false, []string{offer, offer})
	b.count("lan", "request discover", "request discover", "reply offer", "reply offer")
	b.balance()
}

// large returns a Discover of so many octets, in a frame.
func large(h *host, size int) []byte {
	const full = 250
	m, err := dhcpv4.New(dhcpv4.WithHwAddr(h.MAC()), dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover))
	if err != nil {
		panic("scenes: discover without failing modifiers: " + err.Error())
	}
	for code := uint8(224); len(m.ToBytes()) != size; code++ {
		fill := full
		switch left := size - len(m.ToBytes()) - 2; {
		case code == 224: // what is short is padded, so its length tells nothing
		case left <= full:
			fill = left
		case left < full+2: // no room would be left for the next one's header
			fill = full / 2
		}
		m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(code), make([]byte, fill)))
	}
	p := wire.Packet{EtherSrc: h.MAC(), Src: client68, Dst: everyone67, Payload: m.ToBytes()}
	return p.Frame()
}

func routeMoves(t *testing.T) {
	b := newBed(t)
	h := b.network("lan", "", "10.1.0.1/24")
	n := b.cable("up1")
	must(t, netns.Veth(b.router, "up2", n, "eth1"), n.Addr("lo", "10.9.0.2/32"),
		b.router.Addr("up1", "10.8.1.1/24"), n.Addr("eth0", "10.8.1.2/24"),
		b.router.Addr("up2", "10.8.2.1/24"), n.Addr("eth1", "10.8.2.2/24"))
	by := []*dhcpd{b.serve(n, "eth0", "10.9.0.2", "10.1.0.1/24"), b.serve(n, "eth1", "10.9.0.2", "10.1.0.1/24")}
	must(t, b.router.Route("10.9.0.2/32", "10.8.1.2"), n.Route("default", "10.8.1.1"))
	b.start(onLAN)
	for _, i := range []int{0, 1, 0} {
		must(t, b.router.Route("10.9.0.2/32", fmt.Sprintf("10.8.%d.2", i+1)), n.Route("default", fmt.Sprintf("10.8.%d.1", i+1)))
		b.login(h, site{dev: "lan", giaddr: "10.1.0.1", source: fmt.Sprintf("10.8.%d.1", i+1), subnet: "10.1.0.0/24"}, by[i])
		b.nothing(h, by[1-i])
	}
}
