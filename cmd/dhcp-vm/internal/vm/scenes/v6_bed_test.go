package scenes

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv6"

	"dhcp-relay/cmd/lab/client6"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/server6"
	"dhcp-relay/cmd/lab/wire"
)

// A host6 is a DHCPv6 client, with a tap on its link.
type host6 struct {
	*client6.Client

	ns  *netns.NS
	dev string
	tap *ear
}

// A dhcpd6 is a DHCPv6 server with a tap on its link.
type dhcpd6 struct {
	*server6.Server

	ns  *netns.NS
	tap *ear
}

// A site6 is a client network, as the servers must see it.
type site6 struct {
	dev    string // on the router, which is its Interface-Id
	link   string // link-address
	subnet string
	bare   bool // the link-layer address of the clients is not told
}

// lan6 is the site of the plain beds.
func lan6() site6 {
	return site6{dev: "lan", link: "2001:db8:1::1", subnet: "2001:db8:1::/64"}
}

const onLAN6 = `
[[interface]]
name = "lan"
servers = ["2001:db8:9::2"]
`

func newBed6(t *testing.T) *bed {
	t.Helper()
	b := bedWith(t, netns.WithoutDAD())
	need(t, "IPv6", b.router.Forward6())
	return b
}

// client6 returns a DHCPv6 client on a link of a namespace.
func (b *bed) client6(n *netns.NS, dev string) *host6 {
	b.t.Helper()
	c, err := client6.New(n, dev, client6.Config{Scale: 3})
	must(b.t, err)
	b.t.Cleanup(func() { _ = c.Close() }) // its link may be gone
	return &host6{c, n, dev, b.tap(n, dev)}
}

// network6 attaches a client network, and returns a client there.
func (b *bed) network6(dev, vrf, prefix string) *host6 {
	b.t.Helper()
	return b.client6(b.attach(dev, vrf, prefix), "eth0")
}

// server6 cables a server, 2001:db8:9::2, to a new link of the router.
func (b *bed) server6(dev, vrf string, subnets ...string) *dhcpd6 {
	b.t.Helper()
	n := b.attach(dev, vrf, "2001:db8:9::1/64")
	must(b.t, n.Addr("eth0", "2001:db8:9::2/64"), n.Route("default", "2001:db8:9::1"))
	return b.serve6(n, "eth0", subnets...)
}

// serve6 starts a DHCPv6 server on a link. It leases ::1000 to ::10ff.
func (b *bed) serve6(n *netns.NS, dev string, subnets ...string) *dhcpd6 {
	b.t.Helper()
	conf := server6.Config{ID: []byte{0, 3, 0, 1, 2, 0, 0, 0, 9, 2}} // DUID-LL
	for _, s := range subnets {
		p := netip.MustParsePrefix(s)
		at := func(last uint16) netip.Addr {
			a := p.Addr().As16()
			binary.BigEndian.PutUint16(a[14:], last)
			return netip.AddrFrom16(a)
		}
		conf.Subnets = append(conf.Subnets, server6.Subnet{Prefix: p.Masked(), First: at(0x1000), Last: at(0x10ff)})
	}
	d, err := server6.Start(n, dev, conf)
	must(b.t, err)
	b.t.Cleanup(func() { _ = d.Close() }) // a scene may have closed it
	return &dhcpd6{d, n, b.tap(n, dev)}
}

// login6 is login for DHCPv6.
func (b *bed) login6(h *host6, s site6, d *dhcpd6) netip.Addr {
	b.t.Helper()
	b.silence6(h, d)
	lease, err := h.Login(within(b.t, patience))
	must(b.t, err)
	if !netip.MustParsePrefix(s.subnet).Contains(lease.Addr) {
		b.t.Errorf("the client has %s, want an address of %s", lease.Addr, s.subnet)
	}
	if l := d.Lease(netip.PrefixFrom(lease.Addr, 128)); !bytes.Equal(l.Client, h.ID()) {
		b.t.Errorf("the server holds %s for %x, want for %x", lease.Addr, l.Client, h.ID())
	}
	info := fmt.Sprintf("hops 0 link %s peer %s interface-id %q", s.link, h.Local(), s.dev)
	if !s.bare {
		info += " mac " + h.MAC().String()
	}
	b.judge6("at the server", d.tap, []string{"SOLICIT " + info, "REQUEST " + info})
	b.judge6("at the client", h.tap, []string{"ADVERTISE", "REPLY"})
	b.count(s.dev, "request solicit", "request request", "reply advertise", "reply reply")
	b.balance()
	return lease.Addr
}

// silence6 forgets what the taps have heard.
func (b *bed) silence6(h *host6, d *dhcpd6) {
	b.t.Helper()
	for _, tap := range []*ear{h.tap, d.tap} {
		_, err := tap.Drain()
		must(b.t, err)
	}
}

// judge6 holds the DHCPv6 messages that a tap has heard from elsewhere against
// what is wanted, in any order.
func (b *bed) judge6(where string, tap *ear, want []string) {
	b.t.Helper()
	got := b.hears6(tap, len(want))
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		b.t.Errorf("%s (-want +got):\n%s", where, diff)
	}
}

// hears6 returns the DHCPv6 messages that a tap hears from elsewhere, and waits a
// moment for as many as are expected.
func (b *bed) hears6(tap *ear, expected int) []string {
	b.t.Helper()
	got := []string{}
	for end := time.Now().Add(patience / 5); ; time.Sleep(time.Millisecond) {
		frames, err := tap.Drain()
		must(b.t, err)
		for i := range frames {
			if f := &frames[i]; f.DHCP6() && !f.Outgoing {
				got = append(got, describe6(f))
			}
		}
		if len(got) >= expected || time.Now().After(end) {
			return got
		}
	}
}

// describe6 writes a message with what a relay has to do with.
func describe6(f *wire.Frame) string {
	d, err := dhcpv6.FromBytes(f.Payload)
	if err != nil {
		return fmt.Sprintf("%s > %s %v", f.Src(), f.Dst(), err)
	}
	r, ok := d.(*dhcpv6.RelayMessage)
	if !ok {
		return d.Type().String()
	}
	inner, err := r.GetInnerMessage()
	if err != nil {
		return fmt.Sprintf("%s without a message: %v", r.Type(), err)
	}
	s := fmt.Sprintf("%s hops %d link %s peer %s interface-id %q", inner.Type(), r.HopCount, r.LinkAddr, r.PeerAddr, r.Options.InterfaceID())
	if _, mac := r.Options.ClientLinkLayerAddress(); mac != nil {
		s += " mac " + mac.String()
	}
	return s
}
