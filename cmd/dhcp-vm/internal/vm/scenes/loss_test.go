package scenes

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/client"
	"dhcp-relay/cmd/lab/netns"
)

// TestLoss: networks that lose, delay, repeat and spoil, on both sides.
func TestLoss(t *testing.T) {
	for _, s := range []struct {
		name string
		how  netlink.NetemQdiscAttrs
	}{
		{"10 % lost", netlink.NetemQdiscAttrs{Loss: 10}},
		{"100 ms with 20 ms of jitter, a quarter out of order", netlink.NetemQdiscAttrs{Latency: 100e3, Jitter: 20e3, ReorderProb: 25, Gap: 3}},
		{"a fifth twice", netlink.NetemQdiscAttrs{Duplicate: 20}},
		{"5 % corrupt", netlink.NetemQdiscAttrs{CorruptProb: 5}},
		{"all of it", netlink.NetemQdiscAttrs{Loss: 5, Latency: 50e3, Jitter: 20e3, Duplicate: 10, ReorderProb: 10, CorruptProb: 2}},
	} {
		t.Run(s.name, func(t *testing.T) { lossy(t, s.how) })
	}
}

// crowd is how many clients log in at once.
const crowd = 16

// lossy lets clients log in over links of which each direction is spoiled. All
// must converge as their own retransmission allows, on addresses of their own,
// and the counters must balance.
func lossy(t *testing.T, how netlink.NetemQdiscAttrs) {
	b, first, d := plain(t)
	for _, end := range []struct {
		n   *netns.NS
		dev string
	}{{b.router, "lan"}, {b.router, "up"}, {first.ns, "eth0"}, {d.ns, "eth0"}} {
		need(t, "netem", spoil(end.n, end.dev, how))
	}
	hosts := make([]*host, crowd)
	for i := range hosts {
		dev := fmt.Sprintf("mv%d", i)
		must(t, first.ns.Macvlan("eth0", dev))
		hosts[i] = b.clientWith(first.ns, dev, client.Config{Scale: 0.25, Tries: 8})
	}
	b.start(onLAN)
	ctx := within(t, time.Minute)
	start := time.Now()
	var wg sync.WaitGroup
	errs := make([]error, crowd)
	for i, h := range hosts {
		wg.Go(func() { _, errs[i] = h.Login(ctx) })
	}
	wg.Wait()
	must(t, errs...)
	t.Logf("%d clients have addresses after %v", crowd, time.Since(start).Round(10*time.Millisecond))
	taken := map[string]bool{}
	for _, h := range hosts {
		taken[h.Lease().Addr.String()] = true
	}
	if len(taken) != crowd {
		t.Errorf("%d clients have %d addresses: %v", crowd, len(taken), taken)
	}
	b.rebase()
	relayed := b.want["lan request request relayed"]
	if acks := b.want["lan reply ack relayed"]; relayed < crowd || acks < crowd {
		t.Errorf("relayed %d requests and %d acks, want at least %d: %v", relayed, acks, crowd, b.want)
	}
}

// spoil puts a netem queue onto a link: it works on what the link sends.
func spoil(n *netns.NS, dev string, how netlink.NetemQdiscAttrs) error {
	return n.Do(func() error {
		l, err := netlink.LinkByName(dev)
		if err != nil {
			return err
		}
		return netlink.QdiscAdd(netlink.NewNetem(netlink.QdiscAttrs{
			LinkIndex: l.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT,
		}, how))
	})
}
