package watch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"dhcp-relay/giaddr"
)

func TestNew(t *testing.T) {
	namespace(t)
	dl := addVeth(t, "dl0", "dl0p")
	must(t, netlink.LinkSetMTU(dl, 1400))
	must(t, netlink.LinkSetAlias(dl, "floor 3"))
	must(t, netlink.LinkSetHardwareAddr(dl, net.HardwareAddr{2, 0, 0, 0, 0, 7}))
	must(t, netlink.AddrAdd(dl, address(t, "192.0.2.1/24")))
	must(t, netlink.AddrAdd(dl, address(t, "2001:db8::1/64")))
	must(t, netlink.LinkSetUp(byName(t, "lo")))

	w, err := New()
	must(t, err)
	defer func() { must(t, w.Close()) }()
	links := w.Links()
	i := slices.IndexFunc(links, func(l giaddr.Link) bool { return l.Name == "dl0" })
	if i < 0 {
		t.Fatalf("no dl0 in %+v", links)
	}
	got := links[i]
	got.Addrs = slices.DeleteFunc(got.Addrs, func(a giaddr.Addr) bool { return a.Prefix.Addr().IsLinkLocalUnicast() })
	want := giaddr.Link{
		Index: dl.Attrs().Index, Name: "dl0", Alias: "floor 3", MAC: []byte{2, 0, 0, 0, 0, 7},
		Type: unix.ARPHRD_ETHER, MTU: 1400, Up: true, Broadcast: true,
		Addrs: prefixes("192.0.2.1/24", "2001:db8::1/64"),
	}
	if diff := cmp.Diff(want, got, compare); diff != "" {
		t.Errorf("dl0 (-want +got):\n%s", diff)
	}
	lo := links[0]
	if lo.Index != 1 || !lo.Loopback || !lo.Up || lo.Broadcast || lo.MAC != nil || lo.Type != unix.ARPHRD_LOOPBACK || !has("127.0.0.1/8")(lo) {
		t.Errorf("lo: %+v", lo)
	}
	if !slices.IsSortedFunc(links, func(a, b giaddr.Link) int { return a.Index - b.Index }) {
		t.Error("not sorted by index")
	}
}

func TestLife(t *testing.T) {
	namespace(t)
	other := elsewhere(t)
	b := watching(t)

	dl := addVeth(t, "dl0", "dl0p")
	old := b.link(t, "dl0", "up", func(l giaddr.Link) bool { return l.Up })

	must(t, netlink.AddrAdd(dl, address(t, "192.0.2.1/24")))
	b.link(t, "dl0", "with an address", has("192.0.2.1/24"))
	must(t, netlink.AddrAdd(dl, address(t, "192.0.2.2/24")))
	l := b.link(t, "dl0", "with a second address", has("192.0.2.2/24"))
	if first, second := l.Addrs[0], l.Addrs[1]; first.Secondary || !second.Secondary {
		t.Errorf("secondary: %+v", l.Addrs)
	}
	must(t, netlink.AddrAdd(dl, address(t, "2001:db8::1/64")))
	b.link(t, "dl0", "with IPv6", has("2001:db8::1/64"))
	must(t, netlink.AddrDel(dl, address(t, "2001:db8::1/64")))
	b.link(t, "dl0", "without IPv6", hasNot("2001:db8::1/64"))
	// The kernel takes the secondary address away with its primary.
	must(t, netlink.AddrDel(dl, address(t, "192.0.2.1/24")))
	b.link(t, "dl0", "without addresses", func(l giaddr.Link) bool { return hasNot("192.0.2.1/24")(l) && hasNot("192.0.2.2/24")(l) })

	must(t, netlink.LinkSetAlias(dl, "floor 3"))
	b.link(t, "dl0", "with alias", func(l giaddr.Link) bool { return l.Alias == "floor 3" })
	must(t, netlink.LinkSetDown(byName(t, "dl0p")))
	b.link(t, "dl0", "without carrier", func(l giaddr.Link) bool { return !l.Up })
	must(t, netlink.LinkSetUp(byName(t, "dl0p")))
	b.link(t, "dl0", "with carrier", func(l giaddr.Link) bool { return l.Up })
	must(t, netlink.LinkSetDown(dl))
	b.link(t, "dl0", "down", func(l giaddr.Link) bool { return !l.Up })
	must(t, netlink.LinkSetMTU(dl, 1300))
	b.link(t, "dl0", "of 1,300 octets", func(l giaddr.Link) bool { return l.MTU == 1300 })
	must(t, netlink.LinkSetHardwareAddr(dl, net.HardwareAddr{2, 0, 0, 0, 0, 9}))
	b.link(t, "dl0", "with another MAC", func(l giaddr.Link) bool { return string(l.MAC) == "\x02\x00\x00\x00\x00\x09" })
	must(t, netlink.LinkSetName(dl, "up0"))
	if l := b.link(t, "up0", "renamed", whatever); l.Index != old.Index {
		t.Errorf("index %d after the renaming, want %d", l.Index, old.Index)
	}

	must(t, netlink.LinkDel(byName(t, "up0")))
	b.gone(t, "up0")
	addVeth(t, "up0", "up0p")
	if l := b.link(t, "up0", "made again", whatever); l.Index == old.Index || len(l.Alias) != 0 {
		t.Errorf("the new link is as the old one: %+v", l)
	}
	must(t, netlink.LinkSetNsFd(byName(t, "up0"), int(other.Fd())))
	b.gone(t, "up0")
	if s := b.Stats(); s.Resyncs != 0 || s.Err != nil {
		t.Errorf("stats %+v", s)
	}
}

func TestBridge(t *testing.T) {
	namespace(t)
	b := watching(t)
	addVeth(t, "p0", "p0p")
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrsOf("br0")}); err != nil {
		skip(t, "bridge devices", err)
	}
	must(t, netlink.LinkSetMaster(byName(t, "p0"), byName(t, "br0")))
	must(t, netlink.LinkSetUp(byName(t, "br0")))
	must(t, netlink.AddrAdd(byName(t, "br0"), address(t, "192.0.2.1/24")))
	b.link(t, "br0", "up with an address", func(l giaddr.Link) bool { return l.Up && has("192.0.2.1/24")(l) })
	// The bridge says that it deletes the link of its port: only the membership.
	must(t, netlink.LinkSetNoMaster(byName(t, "p0")))
	must(t, netlink.LinkSetAlias(byName(t, "p0"), "free"))
	b.link(t, "p0", "there", func(l giaddr.Link) bool { return l.Alias == "free" })

	macvlan := &netlink.Macvlan{LinkAttrs: attrsOf("mv0"), Mode: netlink.MACVLAN_MODE_BRIDGE}
	macvlan.ParentIndex = byName(t, "p0").Attrs().Index
	if err := netlink.LinkAdd(macvlan); err != nil {
		skip(t, "macvlan devices", err)
	}
	must(t, netlink.LinkSetUp(byName(t, "mv0")))
	b.link(t, "mv0", "up", func(l giaddr.Link) bool { return l.Up && l.VLAN == 0 })
	must(t, netlink.LinkDel(byName(t, "p0")))
	b.gone(t, "mv0")
}

func TestVLAN(t *testing.T) {
	namespace(t)
	b := watching(t)
	trunk := addVeth(t, "trunk0", "trunk0p")
	vlan := &netlink.Vlan{LinkAttrs: attrsOf("vlan10"), VlanId: 10}
	vlan.ParentIndex = trunk.Attrs().Index
	if err := netlink.LinkAdd(vlan); err != nil {
		skip(t, "802.1Q VLAN devices", err)
	}
	b.link(t, "vlan10", "with its number", func(l giaddr.Link) bool { return l.VLAN == 10 })
}

func TestVRF(t *testing.T) {
	namespace(t)
	b := watching(t)
	if err := netlink.LinkAdd(&netlink.Vrf{LinkAttrs: attrsOf("red"), Table: 10}); err != nil {
		skip(t, "VRF devices", err)
	}
	red := b.link(t, "red", "a VRF", func(l giaddr.Link) bool { return l.IsVRF })
	dl := addVeth(t, "dl0", "dl0p")
	must(t, netlink.LinkSetMaster(dl, byName(t, "red")))
	b.link(t, "dl0", "in the VRF", func(l giaddr.Link) bool { return l.VRF == red.Index })
	must(t, netlink.LinkSetNoMaster(dl))
	b.link(t, "dl0", "out of the VRF", func(l giaddr.Link) bool { return l.VRF == 0 })
}

// addMany makes n pairs of links as fast as it can.
func addMany(t testing.TB, n int) {
	t.Helper()
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	must(t, err)
	defer h.Close()
	for i := range n {
		must(t, h.LinkAdd(&netlink.Veth{LinkAttrs: attrsOf(fmt.Sprintf("m%d", i)), PeerName: fmt.Sprintf("n%d", i)}))
	}
}

func TestBurst(t *testing.T) {
	namespace(t)
	b := watching(t)
	const pairs = 250
	start := time.Now()
	addMany(t, pairs)
	took := time.Since(start)
	got := b.await(t, "500 links", func(links []giaddr.Link) bool { return len(links) >= 2*pairs+1 })

	fresh, err := New()
	must(t, err)
	defer func() { must(t, fresh.Close()) }()
	for i := range got {
		got[i].Life = 0 // what was lost meanwhile, nobody knows
	}
	if diff := cmp.Diff(fresh.Links(), got, compare); diff != "" {
		t.Errorf("picture (-read anew +followed):\n%s", diff)
	}
	// At worst one call each 20 ms, if the maker pauses as often.
	if calls, most := b.calls.Load(), 2+int64(took/quiet); calls > most {
		t.Errorf("%d calls in %v, want at most %d", calls, took, most)
	}
	t.Logf("500 links in %v: %d calls", took, b.calls.Load())
}

// Messages that the kernel could not queue are made up for.
func TestResync(t *testing.T) {
	namespace(t)
	dl := addVeth(t, "dl0", "dl0p")
	leaks := goleak.IgnoreCurrent()
	w, err := open(4096)
	must(t, err)
	must(t, netlink.AddrAdd(dl, address(t, "192.0.2.1/24")))
	addMany(t, 100)
	must(t, netlink.AddrDel(dl, address(t, "192.0.2.1/24")))

	b := &bed{Watcher: w, pictures: make(chan []giaddr.Link, 10000)}
	b.run(t, leaks)
	b.await(t, "200 links", func(links []giaddr.Link) bool { return len(links) == 203 })
	if got := b.Stats(); got.Resyncs == 0 || got.Err != nil {
		t.Errorf("stats %+v after lost messages", got)
	}
	// It goes on hearing after the loss.
	must(t, netlink.AddrAdd(dl, address(t, "198.18.0.1/24")))
	b.link(t, "dl0", "as it is now", func(l giaddr.Link) bool { return has("198.18.0.1/24")(l) && hasNot("192.0.2.1/24")(l) })
}

// What happened before Run is not lost.
func TestBeforeRun(t *testing.T) {
	namespace(t)
	leaks := goleak.IgnoreCurrent()
	w, err := New()
	must(t, err)
	addVeth(t, "dl0", "dl0p")
	b := &bed{Watcher: w, pictures: make(chan []giaddr.Link, 100)}
	b.run(t, leaks)
	b.link(t, "dl0", "there", whatever)
}

func TestClose(t *testing.T) {
	namespace(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	w, err := New()
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(context.Background(), func() {}) }()
	must(t, w.Close())
	must(t, w.Close())
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("Run: %v, want %v", err, os.ErrClosed)
		}
	case <-time.After(patience):
		t.Fatal("Run does not end")
	}
	if len(w.Links()) == 0 {
		t.Error("the picture is gone")
	}
	if err := w.Run(context.Background(), func() {}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Run after Close: %v, want %v", err, os.ErrClosed)
	}
}

// BenchmarkAddress measures from before an address is added or removed until
// changed is called.
func BenchmarkAddress(b *testing.B) {
	namespace(b)
	dl := addVeth(b, "dl0", "dl0p")
	bed := watching(b)
	a := address(b, "192.0.2.1/24")
	for b.Loop() {
		must(b, netlink.AddrAdd(dl, a))
		bed.link(b, "dl0", "with an address", has("192.0.2.1/24"))
		must(b, netlink.AddrDel(dl, a))
		bed.link(b, "dl0", "without an address", hasNot("192.0.2.1/24"))
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(2*b.N), "us/change")
}

// BenchmarkHost measures on a host with 1,000 links, what reading them all costs
// and what a picture of them.
func BenchmarkHost(b *testing.B) {
	namespace(b)
	addMany(b, 500)
	w, err := New()
	must(b, err)
	defer func() { must(b, w.Close()) }()
	b.Run("dump", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, err := w.dumps.dump()
			must(b, err)
		}
	})
	b.Run("picture", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w.Links()
		}
	})
}
