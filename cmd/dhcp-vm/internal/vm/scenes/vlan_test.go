package scenes

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/wire"
)

// silent is how long a scene listens for what must not come.
const silent = 300 * time.Millisecond

// TestT10_VLAN: 802.1Q sub-interfaces on one trunk.
func TestT10_VLAN(t *testing.T) {
	for _, s := range []scene{
		{"tagged clients of two VLANs on one trunk", taggedClients},
		{"a VLAN without a sub-interface: nothing is relayed", absentVLAN},
		{"an untagged client where only sub-interfaces are served", untaggedBeside},
		{"an untagged client on the parent, which is served too", untaggedParent},
		{"priority-tagged frames are untagged ones", priorityTagged},
		{"QinQ", qinq},
		{"circuit-id from the VLAN", vlanTemplate},
		{"a sub-interface comes, goes and comes again while relaying", subInterfaceComesAndGoes},
		{"a bridge that filters VLANs, its SVIs as client interfaces", filteringBridge},
		{"macvlan as client interface", macvlan},
		{"a bond whose member fails", bond},
	} {
		t.Run(s.name, s.play)
	}
}

const onTrunk = `
[[interface]]
name = "trunk.*"
servers = ["10.9.0.2"]
`

// trunk cables a trunk to a new namespace, and a server for 10.10.0.0/24,
// 10.20.0.0/24 and 10.30.0.0/24.
func (b *bed) trunk() (*netns.NS, *dhcpd) {
	b.t.Helper()
	n := b.cable("trunk")
	return n, b.server("up", "", "10.9.0.1/24", "10.9.0.2", "10.10.0.1/24", "10.20.0.1/24", "10.30.0.1/24")
}

// vlan makes a sub-interface and returns its name.
func (b *bed) vlan(n *netns.NS, parent string, id uint16) string {
	b.t.Helper()
	name := fmt.Sprintf("%s.%d", parent, id)
	need(b.t, "802.1Q devices", n.VLAN(parent, name, id))
	return name
}

// sub makes a sub-interface of the router's trunk.
func (b *bed) sub(id uint16) {
	b.t.Helper()
	must(b.t, b.router.Addr(b.vlan(b.router, "trunk", id), fmt.Sprintf("10.%d.0.1/24", id)))
}

// tagged returns a client whose frames bear a tag.
func (b *bed) tagged(n *netns.NS, id uint16) *host {
	b.t.Helper()
	return b.client(n, b.vlan(n, "eth0", id))
}

// vlanSite is the network of a sub-interface.
func vlanSite(id uint16) site {
	return site{
		dev: fmt.Sprintf("trunk.%d", id), giaddr: fmt.Sprintf("10.%d.0.1", id),
		source: "10.9.0.1", subnet: fmt.Sprintf("10.%d.0.0/24", id),
	}
}

func taggedClients(t *testing.T) {
	b := newBed(t)
	n, d := b.trunk()
	b.sub(10)
	b.sub(20)
	ten, twenty, parent := b.tagged(n, 10), b.tagged(n, 20), b.tap(n, "eth0")
	b.start(onTrunk)
	for id, h := range map[uint16]*host{10: ten, 20: twenty} {
		_, err := parent.Drain()
		must(t, err)
		a := b.login(h, vlanSite(id), d)
		down := fmt.Sprintf("vlan %d 10.%d.0.1:67 > %s:68", id, id, a)
		b.judgeWire("on the trunk", parent, false, []string{down + " OFFER", down + " ACK"})
	}
	for _, h := range []*host{ten, twenty} {
		b.nothing(h, d)
	}
}

func absentVLAN(t *testing.T) {
	b := newBed(t)
	n, d := b.trunk()
	b.sub(10)
	stranger, known := b.tagged(n, 30), b.tagged(n, 10)
	b.start(onTrunk)
	b.ignored(stranger, d)
	b.login(known, vlanSite(10), d)
}

// ignored lets a client ask, of whom nothing may reach the server.
func (b *bed) ignored(h *host, d *dhcpd) {
	b.t.Helper()
	b.silence(h, d)
	must(b.t, h.tap.Send(discover(h, 0)))
	time.Sleep(silent)
	b.nothing(h, d)
	b.balance()
}

// nothing wants nothing of the relay on the wire.
func (b *bed) nothing(h *host, d *dhcpd) {
	b.t.Helper()
	for where, tap := range map[string]*ear{"at the server": d.tap, "at the client": h.tap} {
		frames, err := tap.Drain()
		must(b.t, err)
		for i := range frames {
			if f := &frames[i]; f.DHCP4() && !f.Outgoing {
				b.t.Errorf("%s: want nothing, got %s", where, b.describe(f))
			}
		}
	}
}

// discover returns a Discover of the client in a frame with a tag control
// information (priority and VLAN), none if 0.
func discover(h *host, tci uint16) []byte {
	m, err := dhcpv4.New(dhcpv4.WithHwAddr(h.MAC()), dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover))
	if err != nil {
		panic("scenes: discover without failing modifiers: " + err.Error())
	}
	p := wire.Packet{EtherSrc: h.MAC(), VLAN: tci, Src: client68, Dst: everyone67, Payload: m.ToBytes()}
	return p.Frame()
}

func untaggedBeside(t *testing.T) {
	b := newBed(t)
	n, d := b.trunk()
	b.sub(10)
	h := b.client(n, "eth0")
	b.start(onTrunk)
	// The relay's socket hears it, and tells it from what comes by trunk.10.
	b.want["other request discover not_configured"] = 1
	b.ignored(h, d)
}

const onBoth = `
[[interface]]
name = "trunk*"
servers = ["10.9.0.2"]
`

func untaggedParent(t *testing.T) {
	b := newBed(t)
	n, d := b.trunk()
	b.sub(10)
	must(t, b.router.Addr("trunk", "10.20.0.1/24"))
	tagged, untagged := b.tagged(n, 10), b.client(n, "eth0")
	b.start(onBoth)
	b.login(tagged, vlanSite(10), d)
	b.login(untagged, site{dev: "trunk", giaddr: "10.20.0.1", source: "10.9.0.1", subnet: "10.20.0.0/24"}, d)
}

func priorityTagged(t *testing.T) {
	b := newBed(t)
	n, d := b.trunk()
	b.sub(10)
	must(t, b.router.Addr("trunk", "10.20.0.1/24"))
	h := b.client(n, "eth0")
	b.start(onBoth)
	b.silence(h, d)
	must(t, h.tap.Send(discover(h, 5<<13))) // IEEE 802.1Q: priority 5, no VLAN
	b.judgeWire("at the server", d.tap, false, []string{
		`10.9.0.1:67 > 10.9.0.2:67 DISCOVER giaddr 10.20.0.1 hops 1 circuit "trunk"`,
	})
	b.judgeWire("at the client", h.tap, false, []string{"10.20.0.1:67 > 10.20.0.100:68 OFFER"})
	b.count("trunk", "request discover", "reply offer")
	b.balance()
}

func qinq(t *testing.T) {
	b := newBed(t)
	n, d := b.trunk()
	stacked := func(in *netns.NS, parent string) {
		need(t, "802.1ad devices", vlan(in, parent, parent+".100", 100, netlink.VLAN_PROTOCOL_8021AD))
		must(t, vlan(in, parent+".100", parent+".100.10", 10, netlink.VLAN_PROTOCOL_8021Q))
	}
	stacked(b.router, "trunk")
	stacked(n, "eth0")
	must(t, b.router.Addr("trunk.100.10", "10.10.0.1/24"))
	h, parent := b.client(n, "eth0.100.10"), b.tap(n, "eth0")
	b.start(`
[[interface]]
name = "trunk.*"
servers = ["10.9.0.2"]
dhcpv4.option82 = { circuit_id = "{interface}/{vlan}" }
`)
	s := vlanSite(10)
	s.dev, s.circuit = "trunk.100.10", "trunk.100.10/10"
	b.login(h, s, d)
	frames, err := parent.Drain()
	must(t, err)
	tagged := 0
	for i := range frames {
		f := &frames[i]
		// The tap shows the outer tag with the type of an inner one.
		if f.Outgoing || f.VLAN != 100 || f.EtherType != wire.TypeVLAN || len(f.Raw) < 22 {
			continue
		}
		if inner := binary.BigEndian.Uint16(f.Raw[18:]) & 0xfff; inner != 10 {
			t.Errorf("inner tag: got %d, want 10", inner)
		}
		tagged++
	}
	if tagged != 2 {
		t.Errorf("frames with both tags on the trunk: got %d, want 2", tagged)
	}
}

// vlan makes a VLAN device of either kind and sets it up.
func vlan(n *netns.NS, parent, name string, id int, kind netlink.VlanProtocol) error {
	return n.Do(func() error {
		p, err := netlink.LinkByName(parent)
		if err != nil {
			return err
		}
		a := netlink.NewLinkAttrs()
		a.Name, a.ParentIndex = name, p.Attrs().Index
		v := &netlink.Vlan{LinkAttrs: a, VlanId: id, VlanProtocol: kind}
		if err := netlink.LinkAdd(v); err != nil {
			return err
		}
		return netlink.LinkSetUp(v)
	})
}

func vlanTemplate(t *testing.T) {
	b := newBed(t)
	n, d := b.trunk()
	b.sub(10)
	h := b.tagged(n, 10)
	b.start(`
[[interface]]
name = "trunk.*"
servers = ["10.9.0.2"]
dhcpv4.option82 = { circuit_id = "vlan-{vlan}{hex:00}{vlan:raw}" }
`)
	s := vlanSite(10)
	s.circuit = "vlan-10\x00\x00\x0a"
	b.login(h, s, d)
}

func subInterfaceComesAndGoes(t *testing.T) {
	b := newBed(t)
	n, d := b.trunk()
	h, other := b.tagged(n, 10), b.tagged(n, 20)
	b.start(onTrunk)
	b.sub(20)
	b.follows(other, "trunk.20 is there")
	for range 2 {
		b.sub(10)
		b.follows(h, "trunk.10 is there")
		b.login(h, vlanSite(10), d)
		must(t, b.router.Delete("trunk.10"))
		b.ignored(h, d)
		b.login(other, vlanSite(20), d)
	}
}
