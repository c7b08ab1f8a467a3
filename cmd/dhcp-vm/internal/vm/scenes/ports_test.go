package scenes

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/wire"
)

// numPorts is how many ports the bridge has, and how many clients there are in each
// family.
const numPorts = 48

const onPorts = `
[[interface]]
name = "br0*"
servers = ["10.9.0.2", "2001:db8:9::2"]
[interface.dhcpv4.option82]
circuit_id = "{interface}:{port}"
[interface.dhcpv6]
interface_id = "{interface}:{port}"
`

// A portsBed is a bridge that filters by VLAN. A third of its ports is in the VLAN of br0,
// a third in that of br0.10, and a third in that of br0.20; clients of the last 8 tag
// their frames.
type portsBed struct {
	*bed

	taps [numPorts]*ear // at the other ends of the ports
	d    *dhcpd
	d6   *dhcpd6
	xid  uint32
}

// newPortsBed makes the bridge, in which frames of br0 are in a VLAN of that number.
func newPortsBed(t *testing.T, own uint16) *portsBed {
	t.Helper()
	b := &portsBed{bed: bedWith(t, netns.WithoutDAD())}
	must(t, b.router.Forward())
	need(t, "IPv6", b.router.Forward6())
	b.bridge(own)
	clients := netns.Test(t, "clients", netns.WithoutIPv6())
	ports, errs := make([]string, numPorts), make([]error, numPorts)
	var wg sync.WaitGroup // for each one the kernel takes a second
	for i := range ports {
		ports[i] = portName(i)
		wg.Go(func() { errs[i] = netns.Veth(b.router, ports[i], clients, ports[i]) })
	}
	wg.Wait()
	must(t, errs...)
	for i, port := range ports {
		b.taps[i] = b.tap(clients, port)
		b.plug(i, own)
	}
	must(t, b.router.Offload("br0", false), b.router.Up("br0"), b.router.Running("br0"))
	for i, dev := range []string{"br0", "br0.10", "br0.20"} {
		if i > 0 {
			must(t, b.router.VLAN("br0", dev, uint16(10*i)))
		}
		must(t, b.router.Addr(dev, fmt.Sprintf("10.%d.0.1/24", 10*i)), b.router.Addr(dev, fmt.Sprintf("2001:db8:%d::1/64", 10*i)))
	}
	b.d = b.server("up", "", "10.9.0.1/24", "10.9.0.2", "10.0.0.1/24", "10.10.0.1/24", "10.20.0.1/24")
	must(t, b.router.Addr("up", "2001:db8:9::1/64"), b.d.ns.Addr("eth0", "2001:db8:9::2/64"), b.d.ns.Route("default", "2001:db8:9::1"))
	b.d6 = b.serve6(b.d.ns, "eth0", "2001:db8::1/64", "2001:db8:10::1/64", "2001:db8:20::1/64")
	return b
}

// bridge makes br0, in its VLANs.
func (b *portsBed) bridge(own uint16) {
	b.t.Helper()
	need(b.t, "bridges that filter by VLAN", b.router.Do(func() error {
		on := true
		if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netns.Attrs("br0"), VlanFiltering: &on}); err != nil {
			return err
		}
		br, err := netlink.LinkByName("br0")
		if err != nil {
			return err
		}
		for _, id := range []uint16{10, 20} {
			if err := netlink.BridgeVlanAdd(br, id, false, false, true, false); err != nil {
				return err
			}
		}
		if own == 1 { // it is in that
			return nil
		}
		return errors.Join(netlink.BridgeVlanAdd(br, own, true, true, true, false), netlink.BridgeVlanDel(br, 1, true, true, true, false))
	}))
}

// plug puts a port into br0, in its VLAN.
func (b *portsBed) plug(i int, own uint16) {
	b.t.Helper()
	id := vlanOfPort(i)
	if id == 0 {
		id = own
	}
	must(b.t, b.router.Master(portName(i), "br0"), b.router.Do(func() error {
		port, err := netlink.LinkByName(portName(i))
		if err != nil || id == 1 { // it is in that
			return err
		}
		untagged := !tags(i)
		return errors.Join(netlink.BridgeVlanAdd(port, id, untagged, untagged, false, true), netlink.BridgeVlanDel(port, 1, true, true, false, true))
	}))
}

func portName(port int) string { return fmt.Sprintf("swp%d", port+1) }

// vlanOfPort returns the VLAN that a port is in, 0 for that of br0.
func vlanOfPort(port int) uint16 { return uint16(port / 16 * 10) }

// tags reports whether the clients of a port tag their frames.
func tags(port int) bool { return port >= numPorts-8 }

// svi returns the relay's interface that hears who is on a port.
func svi(port int) string {
	if id := vlanOfPort(port); id != 0 {
		return fmt.Sprintf("br0.%d", id)
	}
	return "br0"
}

// A caller is a client of one family on a port. Those of DHCPv4 and DHCPv6 have addresses
// of their own, so that each family has first messages.
type caller struct {
	port   int
	v6     bool
	mac    net.HardwareAddr
	chaddr net.HardwareAddr // nil: mac
}

// callers returns one client of each family on each port.
func callers() (all []caller) {
	for i := range numPorts {
		for family := range 2 {
			all = append(all, caller{port: i, v6: family == 1, mac: net.HardwareAddr{2, 0, 0, 0, byte(family), byte(i + 1)}})
		}
	}
	return all
}

// call lets clients ask, all at once, and holds what the servers hear against the ports
// that they are on.
func (b *portsBed) call(what string, from ...caller) {
	b.t.Helper()
	want, got := make(map[string]string), make(map[string]string)
	for _, c := range from {
		b.xid++
		frame, id := c.ask(b.xid)
		must(b.t, b.taps[c.port].Send(frame))
		want[id] = svi(c.port) + ":" + portName(c.port)
		kinds := []string{"request discover", "reply offer"}
		if c.v6 {
			kinds = []string{"request solicit", "reply advertise"}
		}
		b.count(svi(c.port), kinds...)
	}
	_, err := b.d.tap.Find(patience, func(f *wire.Frame) bool {
		if id, circuit := circuitOf(f); id != "" && !f.Outgoing && want[id] != "" {
			got[id] = circuit
		}
		return len(got) == len(want)
	})
	if err != nil {
		b.t.Errorf("%s: %d of %d requests at the servers: %v", what, len(got), len(want), err)
	}
	if d := cmp.Diff(want, got); d != "" {
		b.t.Errorf("%s: ports as the servers hear them (-want +got):\n%s", what, d)
	}
	b.balance()
}

// ask returns the frame of a request, and what tells it from others.
func (c *caller) ask(xid uint32) (frame []byte, id string) {
	n := [4]byte{0, byte(xid >> 16), byte(xid >> 8), byte(xid)}
	chaddr := c.chaddr
	if chaddr == nil {
		chaddr = c.mac
	}
	p := wire.Packet{EtherSrc: c.mac, Src: client68, Dst: everyone67}
	if tags(c.port) {
		p.VLAN = vlanOfPort(c.port)
	}
	if c.v6 {
		m, err := dhcpv6.NewSolicit(chaddr)
		if err != nil {
			panic("scenes: Solicit of an Ethernet address: " + err.Error())
		}
		copy(m.TransactionID[:], n[1:])
		from := netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 14: c.mac[4], 15: c.mac[5]})
		p.Src, p.Dst, p.Payload = netip.AddrPortFrom(from, 546), netip.MustParseAddrPort("[ff02::1:2]:547"), m.ToBytes()
		return p.Frame(), fmt.Sprintf("DHCPv6 %x", m.TransactionID)
	}
	m, err := dhcpv4.New(dhcpv4.WithHwAddr(chaddr), dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover), dhcpv4.WithTransactionID(n))
	if err != nil {
		panic("scenes: Discover of an Ethernet address: " + err.Error())
	}
	p.Payload = m.ToBytes()
	return p.Frame(), fmt.Sprintf("DHCPv4 %x", m.TransactionID)
}

// circuitOf returns what tells a relayed message from others, "" for other frames, and its
// circuit-id or Interface-Id.
func circuitOf(f *wire.Frame) (id, circuit string) {
	switch {
	case f.DHCP4():
		m, err := dhcpv4.FromBytes(f.Payload)
		if err != nil {
			return "", ""
		}
		if info := m.RelayAgentInfo(); info != nil {
			circuit = string(info.Get(dhcpv4.AgentCircuitIDSubOption))
		}
		return fmt.Sprintf("DHCPv4 %x", m.TransactionID), circuit
	case f.DHCP6():
		r, err := dhcpv6.RelayMessageFromBytes(f.Payload)
		if err != nil {
			return "", ""
		}
		m, err := r.GetInnerMessage()
		if err != nil {
			return "", ""
		}
		return fmt.Sprintf("DHCPv6 %x", m.TransactionID), string(r.Options.InterfaceID())
	}
	return "", ""
}

// identified fails if it was not known of a request by which port it came.
func (b *portsBed) identified() {
	b.t.Helper()
	families, err := b.daemon.scrape()
	must(b.t, err)
	for _, m := range families["dhcp_relay_unidentified_total"].GetMetric() {
		if n := m.GetCounter().GetValue(); n != 0 {
			b.t.Errorf("%v requests came from nobody knows where: %v", n, m.GetLabel())
		}
	}
}

// TestPortsOfAFilteringBridge: the first message of each of 48 clients bears its port, all
// at once and in both families, also after clients have moved, in their VLAN and to
// another one. Who says that it is another one is told of by its own port, and the other
// one by its.
func TestPortsOfAFilteringBridge(t *testing.T) {
	for _, own := range []uint16{1, 30} {
		t.Run(fmt.Sprintf("br0 in VLAN %d", own), func(t *testing.T) {
			b := newPortsBed(t, own)
			b.start(onPorts)
			all := callers()
			b.call("first messages", all...)
			for _, by := range []int{1, 19} { // the latter into other VLANs, too
				var moved []caller
				for i := range all {
					if i/2%3 == 0 { // of each third port, those of both families
						all[i].port = (all[i].port + by) % numPorts
						moved = append(moved, all[i])
					}
				}
				b.call(fmt.Sprintf("moved by %d ports", by), moved...)
			}
			b.call("again", all...)
			b.spoof(all)
			b.identified()
		})
	}
}

// spoof has stations on other ports take others' addresses.
func (b *portsBed) spoof(all []caller) {
	b.t.Helper()
	for _, victim := range all[len(all)-8:] {
		for _, by := range []int{1, 16} { // in its VLAN, and in another one
			spoofer := victim
			spoofer.port = (victim.port + by) % numPorts
			b.call("another with a victim's address", spoofer)
			b.call("the victim", victim)
			spoofer.mac, spoofer.chaddr = net.HardwareAddr{2, 0, 0, 0, 9, victim.mac[5]}, victim.mac
			b.call("another with a victim's chaddr or DUID", spoofer)
			b.call("the victim again", victim)
		}
	}
}
