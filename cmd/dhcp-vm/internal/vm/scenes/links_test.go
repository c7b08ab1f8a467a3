package scenes

import (
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/load"
)

// TestThousandsOfLinks makes thousands of links while the relay runs, which must
// be ready for all of them within three seconds of the last one. It needs no
// VLANs and so no kernel that has them.
func TestThousandsOfLinks(t *testing.T) {
	const links = 4000
	b := newBed(t)
	b.cable("parent")
	b.server("up", "", "10.9.0.1/24", "10.9.0.2")
	b.start("[[interface]]\nname = \"mv*\"\nservers = [\"10.9.0.2\"]\n")
	b.daemon.http.Timeout = 6 * patience // its metrics fill megabytes
	start, worked := time.Now(), b.daemon.worked()
	need(t, "macvlan devices", b.router.Do(func() error { return macvlans(links) }))
	last := time.Now()
	b.daemon.await("all links have their giaddr", func() bool {
		families, err := b.daemon.scrape()
		must(t, err)
		return len(families["dhcp_relay_giaddr_info"].GetMetric()) == links
	})
	late := time.Since(last)
	t.Logf("%d links made in %v, of which the relay has worked %v; ready %v later", links,
		last.Sub(start).Round(time.Millisecond), b.daemon.worked()-worked, late.Round(time.Millisecond))
	if late > load.Bound(3*time.Second) {
		t.Errorf("ready %v after the last link, want 3s", late)
	}
}

// macvlans makes so many links with an address each on one parent.
func macvlans(n int) error {
	h, err := netlink.NewHandle()
	if err != nil {
		return err
	}
	defer h.Close()
	parent, err := h.LinkByName("parent")
	if err != nil {
		return err
	}
	for id := range n {
		a := netlink.NewLinkAttrs()
		a.Name, a.ParentIndex = fmt.Sprintf("mv%d", id), parent.Attrs().Index
		l := &netlink.Macvlan{LinkAttrs: a, Mode: netlink.MACVLAN_MODE_PRIVATE}
		if err := h.LinkAdd(l); err != nil {
			return err
		}
		p := vlanPrefix(id)
		if err := errors.Join(h.LinkSetUp(l), h.AddrAdd(l, &netlink.Addr{
			IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(24, 32)},
		})); err != nil {
			return err
		}
	}
	return nil
}
