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

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/giaddr"
)

func TestNew(t *testing.T) {
	s := netns.NewSpace(t)
	s.Veth("dl0", s, "dl0p")
	dl := s.Link("dl0")
	s.Must(s.NL.LinkSetMTU(dl, 1400))
	s.Must(s.NL.LinkSetAlias(dl, "floor 3"))
	s.Must(s.NL.LinkSetHardwareAddr(dl, net.HardwareAddr{2, 0, 0, 0, 0, 7}))
	s.Addr("dl0", "192.0.2.1/24", "2001:db8::1/64")

	w := watcher(s, New)
	defer func() { s.Must(w.Close()) }()
	links := w.Links()
	i := slices.IndexFunc(links, func(l giaddr.Link) bool { return l.Name == "dl0" })
	if i < 0 {
		t.Fatalf("no dl0 in %+v", links)
	}
	got := links[i]
	got.Addrs = slices.DeleteFunc(got.Addrs, func(a giaddr.Addr) bool { return a.Prefix.Addr().IsLinkLocalUnicast() })
	want := giaddr.Link{
		Index: dl.Attrs().Index, Name: "dl0", Alias: "floor 3", MAC: []byte{2, 0, 0, 0, 0, 7},
		Kind: "veth", Type: unix.ARPHRD_ETHER, MTU: 1400, Up: true, Broadcast: true,
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
	s := netns.NewSpace(t)
	other := netns.NewSpace(t)
	b := watching(s)

	s.Veth("dl0", s, "dl0p")
	dl := s.Link("dl0")
	old := b.link(t, "dl0", "up", func(l giaddr.Link) bool { return l.Up })

	s.Addr("dl0", "192.0.2.1/24")
	b.link(t, "dl0", "with an address", has("192.0.2.1/24"))
	s.Addr("dl0", "192.0.2.2/24")
	l := b.link(t, "dl0", "with a second address", has("192.0.2.2/24"))
	if first, second := l.Addrs[0], l.Addrs[1]; first.Secondary || !second.Secondary {
		t.Errorf("secondary: %+v", l.Addrs)
	}
	s.Addr("dl0", "2001:db8::1/64")
	b.link(t, "dl0", "with IPv6", has("2001:db8::1/64"))
	s.DelAddr("dl0", "2001:db8::1/64")
	b.link(t, "dl0", "without IPv6", hasNot("2001:db8::1/64"))
	// The kernel takes the secondary address away with its primary.
	s.DelAddr("dl0", "192.0.2.1/24")
	b.link(t, "dl0", "without addresses", func(l giaddr.Link) bool { return hasNot("192.0.2.1/24")(l) && hasNot("192.0.2.2/24")(l) })

	s.Must(s.NL.LinkSetAlias(dl, "floor 3"))
	b.link(t, "dl0", "with alias", func(l giaddr.Link) bool { return l.Alias == "floor 3" })
	s.Must(s.NL.LinkSetDown(s.Link("dl0p")))
	b.link(t, "dl0", "without carrier", func(l giaddr.Link) bool { return !l.Up })
	s.Up("dl0p")
	b.link(t, "dl0", "with carrier", func(l giaddr.Link) bool { return l.Up })
	s.Must(s.NL.LinkSetDown(dl))
	b.link(t, "dl0", "down", func(l giaddr.Link) bool { return !l.Up })
	s.Must(s.NL.LinkSetMTU(dl, 1300))
	b.link(t, "dl0", "of 1,300 octets", func(l giaddr.Link) bool { return l.MTU == 1300 })
	s.Must(s.NL.LinkSetHardwareAddr(dl, net.HardwareAddr{2, 0, 0, 0, 0, 9}))
	b.link(t, "dl0", "with another MAC", func(l giaddr.Link) bool { return string(l.MAC) == "\x02\x00\x00\x00\x00\x09" })
	s.Must(s.NL.LinkSetName(dl, "up0"))
	if l := b.link(t, "up0", "renamed", whatever); l.Index != old.Index {
		t.Errorf("index %d after the renaming, want %d", l.Index, old.Index)
	}

	s.Must(s.NL.LinkDel(s.Link("up0")))
	b.gone(t, "up0")
	s.Veth("up0", s, "up0p")
	if l := b.link(t, "up0", "made again", whatever); l.Index == old.Index || len(l.Alias) != 0 {
		t.Errorf("the new link is as the old one: %+v", l)
	}
	s.Must(s.NL.LinkSetNsFd(s.Link("up0"), other.FD()))
	b.gone(t, "up0")
	if s := b.Stats(); s.Resyncs != 0 || s.Err != nil {
		t.Errorf("stats %+v", s)
	}
}

func TestBridge(t *testing.T) {
	s := netns.NewSpace(t)
	b := watching(s)
	s.Veth("p0", s, "p0p")
	s.Add(&netlink.Bridge{LinkAttrs: netns.Attrs("br0")})
	s.Must(s.NL.LinkSetMaster(s.Link("p0"), s.Link("br0")))
	s.Up("br0")
	s.Addr("br0", "192.0.2.1/24")
	b.link(t, "br0", "up with an address", func(l giaddr.Link) bool { return l.Up && has("192.0.2.1/24")(l) })
	// The bridge says that it deletes the link of its port: only the membership.
	s.Must(s.NL.LinkSetNoMaster(s.Link("p0")))
	s.Must(s.NL.LinkSetAlias(s.Link("p0"), "free"))
	b.link(t, "p0", "there", func(l giaddr.Link) bool { return l.Alias == "free" })

	macvlan := &netlink.Macvlan{LinkAttrs: netns.Attrs("mv0"), Mode: netlink.MACVLAN_MODE_BRIDGE}
	macvlan.ParentIndex = s.Link("p0").Attrs().Index
	s.Add(macvlan)
	s.Up("mv0")
	b.link(t, "mv0", "up", func(l giaddr.Link) bool { return l.Up && l.VLAN == 0 })
	s.Must(s.NL.LinkDel(s.Link("p0")))
	b.gone(t, "mv0")
}

func TestVLAN(t *testing.T) {
	s := netns.NewSpace(t)
	b := watching(s)
	s.Veth("trunk0", s, "trunk0p")
	trunk := s.Link("trunk0")
	vlan := &netlink.Vlan{LinkAttrs: netns.Attrs("vlan10"), VlanId: 10}
	vlan.ParentIndex = trunk.Attrs().Index
	s.Add(vlan)
	b.link(t, "vlan10", "with its number", func(l giaddr.Link) bool { return l.VLAN == 10 })
}

// The VLAN of a bridge's untagged frames is the bridge's own, be it known before or heard
// of later.
func TestOwnVLANOfABridge(t *testing.T) {
	s := netns.NewSpace(t)
	filter := true
	s.Add(&netlink.Bridge{LinkAttrs: netns.Attrs("br0"), VlanFiltering: &filter})
	br := s.Link("br0")
	add := func(id uint16) error { return s.NL.BridgeVlanAdd(br, id, true, true, true, false) }
	err := add(30)
	if !errors.Is(err, unix.EOPNOTSUPP) {
		s.Must(err)
	}
	netns.Need(t, "a kernel with bridges that filter by VLAN", err)
	own := func(id uint16) func(giaddr.Link) bool {
		return func(l giaddr.Link) bool { return l.FDB.VLAN == id }
	}
	b := watching(s)
	if i := slices.IndexFunc(b.Links(), func(l giaddr.Link) bool { return l.Name == "br0" && own(30)(l) }); i < 0 {
		t.Errorf("not in VLAN 30: %+v", b.Links())
	}
	s.Must(add(40))
	b.link(t, "br0", "in VLAN 40", own(40))
	s.Must(s.NL.BridgeVlanDel(br, 40, true, true, true, false))
	b.link(t, "br0", "in VLAN 1, which is untagged as well", own(1))
	s.Must(errors.Join(s.NL.BridgeVlanDel(br, 1, true, true, true, false), s.NL.BridgeVlanDel(br, 30, true, true, true, false)))
	b.link(t, "br0", "in none", own(0))
}

func TestVRF(t *testing.T) {
	s := netns.NewSpace(t)
	b := watching(s)
	s.Add(&netlink.Vrf{LinkAttrs: netns.Attrs("red"), Table: 10})
	red := b.link(t, "red", "a VRF", func(l giaddr.Link) bool { return l.IsVRF })
	s.Veth("dl0", s, "dl0p")
	dl := s.Link("dl0")
	s.Must(s.NL.LinkSetMaster(dl, s.Link("red")))
	b.link(t, "dl0", "in the VRF", func(l giaddr.Link) bool { return l.VRF == red.Index })
	s.Must(s.NL.LinkSetNoMaster(dl))
	b.link(t, "dl0", "out of the VRF", func(l giaddr.Link) bool { return l.VRF == 0 })
}

// addMany makes n pairs of links as fast as it can.
func addMany(s *netns.Space, n int) {
	s.T.Helper()
	for i := range n {
		s.Must(s.NL.LinkAdd(&netlink.Veth{LinkAttrs: netns.Attrs(fmt.Sprintf("m%d", i)), PeerName: fmt.Sprintf("n%d", i)}))
	}
}

func TestBurst(t *testing.T) {
	s := netns.NewSpace(t)
	b := watching(s)
	const pairs = 250
	start := time.Now()
	addMany(s, pairs)
	took := time.Since(start)
	got := b.await(t, "500 links", func(links []giaddr.Link) bool { return len(links) >= 2*pairs+1 })

	fresh := watcher(s, New)
	defer func() { s.Must(fresh.Close()) }()
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
	s := netns.NewSpace(t)
	s.Veth("dl0", s, "dl0p")
	leaks := goleak.IgnoreCurrent()
	w := watcher(s, func() (*Watcher, error) { return open(4096) })
	s.Addr("dl0", "192.0.2.1/24")
	addMany(s, 100)
	s.DelAddr("dl0", "192.0.2.1/24")

	b := &bed{Watcher: w, pictures: make(chan []giaddr.Link, 10000)}
	b.run(t, leaks)
	b.await(t, "200 links", func(links []giaddr.Link) bool { return len(links) == 203 })
	if got := b.Stats(); got.Resyncs == 0 || got.Err != nil {
		t.Errorf("stats %+v after lost messages", got)
	}
	// It goes on hearing after the loss.
	s.Addr("dl0", "198.18.0.1/24")
	b.link(t, "dl0", "as it is now", func(l giaddr.Link) bool { return has("198.18.0.1/24")(l) && hasNot("192.0.2.1/24")(l) })
}

// What happened before Run is not lost.
func TestBeforeRun(t *testing.T) {
	s := netns.NewSpace(t)
	leaks := goleak.IgnoreCurrent()
	w := watcher(s, New)
	s.Veth("dl0", s, "dl0p")
	b := &bed{Watcher: w, pictures: make(chan []giaddr.Link, 100)}
	b.run(t, leaks)
	b.link(t, "dl0", "there", whatever)
}

func TestClose(t *testing.T) {
	s := netns.NewSpace(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	w := watcher(s, New)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(context.Background(), func() {}) }()
	s.Must(w.Close())
	s.Must(w.Close())
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("Run: %v, want %v", err, os.ErrClosed)
		}
	case <-time.After(patience):
		t.Fatal("Run does not end")
	}
	if n := len(w.Links()); n == 0 || w.Len() != n {
		t.Errorf("the picture has %d links, and Len is %d", n, w.Len())
	}
	if err := w.Run(context.Background(), func() {}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Run after Close: %v, want %v", err, os.ErrClosed)
	}
}

// BenchmarkAddress measures from before an address is added or removed until
// changed is called.
func BenchmarkAddress(b *testing.B) {
	s := netns.NewSpace(b)
	s.Veth("dl0", s, "dl0p")
	dl := s.Link("dl0")
	bed := watching(s)
	a, err := netlink.ParseAddr("192.0.2.1/24")
	s.Must(err)
	for b.Loop() {
		s.Must(s.NL.AddrAdd(dl, a))
		bed.link(b, "dl0", "with an address", has("192.0.2.1/24"))
		s.Must(s.NL.AddrDel(dl, a))
		bed.link(b, "dl0", "without an address", hasNot("192.0.2.1/24"))
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(2*b.N), "us/change")
}

// BenchmarkHost measures on a host with 1,000 links, what reading them all costs
// and what a picture of them.
func BenchmarkHost(b *testing.B) {
	s := netns.NewSpace(b)
	addMany(s, 500)
	w := watcher(s, New)
	defer func() { s.Must(w.Close()) }()
	b.Run("dump", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := w.dumps.dump(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("picture", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w.Links()
		}
	})
}

// An attempt that fails is told with its error, and since when there is one.
func TestStatsTellSinceWhenReadingFails(t *testing.T) {
	t.Parallel()
	var s Stats
	at := func(n int64) time.Time { return time.Unix(1_700_000_000+n, 0) }
	first, second := errors.New("first"), errors.New("second")
	for _, step := range []struct {
		err   error
		at    time.Time
		since time.Time
	}{
		{nil, at(0), time.Time{}}, {first, at(1), at(1)}, {second, at(2), at(1)}, {nil, at(3), at(1)}, {second, at(4), at(4)},
	} {
		s.tried(step.err, step.at)
		if !errors.Is(s.Err, step.err) || !s.Since.Equal(step.since) {
			t.Errorf("at %v: %+v, want %v since %v", step.at, s, step.err, step.since)
		}
	}
}
