package scenes

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/dhcp-lab/internal/netns"
	"dhcp-relay/cmd/dhcp-lab/internal/wire"
)

// many is how many VLANs there are on one trunk: what an emulated machine can
// make in a quarter of a minute.
const many = 1000

// vlanPrefix is the network of a VLAN, with the router's address.
func vlanPrefix(id int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(100 + id>>8), byte(id), 1}), 24)
}

// TestManyVLANs makes the sub-interfaces while the relay runs, once without it
// for comparison, which it tells and does not judge: an emulated machine shares
// its CPUs with too much else. Then one client of each logs in.
func TestManyVLANs(t *testing.T) {
	if os.Getenv("RELAY_TEST_NOSKIP") != "all" {
		t.Skip("SKIPPED, not shown here: 1,000 VLANs take their time: it runs in the virtual machine, or with RELAY_TEST_NOSKIP=all")
	}
	alone := newBed(t)
	alone.cable("trunk")
	without := alone.makeVLANs()
	t.Logf("%d sub-interfaces made in %v without the relay", many, without.Round(10*time.Millisecond))

	b := newBed(t)
	n := b.cable("trunk")
	subnets := make([]string, 0, many)
	for id := 1; id <= many; id++ {
		subnets = append(subnets, vlanPrefix(id).String())
	}
	d := b.server("up", "", "10.9.0.1/24", "10.9.0.2", subnets...)
	b.start(onTrunk)
	with := b.makeVLANs()
	start := time.Now()
	tap := b.tap(n, "eth0")
	for {
		_, err := exchange(tap.Tap, b.mac(n), many, dhcpv4.MessageTypeDiscover, nil)
		if err == nil {
			break
		}
		if time.Since(start) > 2*patience {
			t.Fatalf("the last sub-interface is not served: %v", err)
		}
	}
	ready := time.Since(start)
	t.Logf("made in %v with the relay, and served %v later", with.Round(10*time.Millisecond), ready.Round(10*time.Millisecond))
	if ready > patience {
		t.Errorf("served %v after the last one was made, want at most %v", ready, patience)
	}
	b.loginAll(n, d)
}

// makeVLANs makes the sub-interfaces of the trunk, and returns how long it took.
func (b *bed) makeVLANs() time.Duration {
	b.t.Helper()
	start := time.Now()
	must(b.t, b.router.Do(func() error {
		h, err := netlink.NewHandle()
		if err != nil {
			return err
		}
		defer h.Close()
		trunk, err := h.LinkByName("trunk")
		if err != nil {
			return err
		}
		for id := 1; id <= many; id++ {
			a := netlink.NewLinkAttrs()
			a.Name, a.ParentIndex, a.Flags = fmt.Sprintf("trunk.%d", id), trunk.Attrs().Index, net.FlagUp
			v := &netlink.Vlan{LinkAttrs: a, VlanId: id, VlanProtocol: netlink.VLAN_PROTOCOL_8021Q}
			if err := h.LinkAdd(v); err != nil {
				return err
			}
			p := vlanPrefix(id)
			if err := errors.Join(h.LinkSetUp(v), h.AddrAdd(v, &netlink.Addr{
				IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(24, 32)},
			})); err != nil {
				return err
			}
		}
		return nil
	}))
	return time.Since(start)
}

func (b *bed) mac(n *netns.NS) net.HardwareAddr {
	b.t.Helper()
	mac, err := n.MAC("eth0")
	must(b.t, err)
	return mac
}

// loginAll lets one client of each VLAN log in, by frames with its tag: devices
// for the clients would be as many more.
func (b *bed) loginAll(n *netns.NS, d *dhcpd) {
	b.t.Helper()
	b.rebase()
	tap, mac := b.tap(n, "eth0"), b.mac(n)
	start := time.Now()
	for id := 1; id <= many; id++ {
		offer, err := exchange(tap.Tap, mac, id, dhcpv4.MessageTypeDiscover, nil)
		must(b.t, err)
		ack, err := exchange(tap.Tap, mac, id, dhcpv4.MessageTypeRequest, offer)
		must(b.t, err)
		a, _ := netip.AddrFromSlice(ack.YourIPAddr.To4())
		if !vlanPrefix(id).Masked().Contains(a) {
			b.t.Fatalf("the client in VLAN %d has %s, want an address of %s", id, a, vlanPrefix(id).Masked())
		}
		if id%500 == 0 {
			b.t.Logf("%d clients have addresses after %v", id, time.Since(start).Round(10*time.Millisecond))
		}
		b.count(fmt.Sprintf("trunk.%d", id), "request discover", "request request", "reply offer", "reply ack")
	}
	b.balance()
	if got := len(d.Leases()); got < many {
		b.t.Errorf("leases: got %d, want %d", got, many)
	}
}

// exchange sends a message of a client in a VLAN and returns the reply.
func exchange(tap *wire.Tap, mac net.HardwareAddr, id int, t dhcpv4.MessageType, offer *dhcpv4.DHCPv4) (*dhcpv4.DHCPv4, error) {
	m, err := dhcpv4.New(dhcpv4.WithHwAddr(mac), dhcpv4.WithMessageType(t))
	if err != nil {
		return nil, err
	}
	if offer != nil {
		m.UpdateOption(dhcpv4.OptRequestedIPAddress(offer.YourIPAddr))
		m.UpdateOption(dhcpv4.OptServerIdentifier(offer.ServerIdentifier()))
	}
	p := wire.Packet{EtherSrc: mac, VLAN: uint16(id), Src: client68, Dst: everyone67, Payload: m.ToBytes()}
	if err := tap.Send(p.Frame()); err != nil {
		return nil, err
	}
	var reply *dhcpv4.DHCPv4
	_, err = tap.Find(3*time.Second, func(f *wire.Frame) bool {
		if !f.DHCP4() || f.Outgoing || int(f.VLAN) != id {
			return false
		}
		r, err := dhcpv4.FromBytes(f.Payload)
		if err != nil || r.TransactionID != m.TransactionID {
			return false
		}
		reply = r
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("%s in VLAN %d: %w", t, id, err)
	}
	return reply, nil
}
