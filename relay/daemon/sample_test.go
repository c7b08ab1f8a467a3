package daemon

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/senderror"
	"dhcp-relay/relay/wire/dhcp"
)

// followed runs followCounters over m for a time of its own; meanwhile does
// what there is to count.
func followed(t *testing.T, m *count.Table, meanwhile func()) (log string) {
	t.Helper()
	var b bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := &process{counts: m, log: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: noTime}))}
		var wg sync.WaitGroup
		wg.Go(func() { p.followCounters(ctx) })
		time.Sleep(sampleEvery / 2) // between two samples
		meanwhile()
		cancel()
		wg.Wait()
	})
	return b.String()
}

func noTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func TestDropsAreLogged(t *testing.T) {
	t.Parallel()
	m := count.New()
	log := followed(t, m, func() {
		l := m.Link("vlan20")
		for range 90 { // three a second
			for range 3 {
				l.Count(dhcp.V4, dhcp.Requests, 1, agent.NoGiaddr)
			}
			l.Count(dhcp.V4, dhcp.Requests, 1, agent.Relayed)
			time.Sleep(time.Second)
		}
		m.Link("").Count(dhcp.V6, dhcp.Requests, 1, agent.NotConfigured)
		time.Sleep(2 * time.Second)
	})
	doc, other := agent.NoGiaddr.Doc(), agent.NotConfigured.Doc()
	line := func(n int) string {
		return fmt.Sprintf("level=WARN msg=\"messages dropped\" link=vlan20 family=ipv4 direction=request outcome=no_giaddr count=%d what=%q remedy=%q\n", n, doc.What, doc.Remedy)
	}
	want := line(3) + line(180) +
		fmt.Sprintf("level=INFO msg=\"messages dropped\" link=other family=ipv6 direction=request outcome=not_configured count=1 what=%q remedy=%q\n", other.What, other.Remedy)
	if diff := cmp.Diff(want, log); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestManyDropsAreLoggedTogether has 4,000 interfaces drop at once.
func TestManyDropsAreLoggedTogether(t *testing.T) {
	t.Parallel()
	m := count.New()
	log := followed(t, m, func() {
		for i := range 4000 {
			m.Link(fmt.Sprintf("vlan%d", i)).Count(dhcp.V4, dhcp.Requests, 1, agent.HopLimit)
		}
		time.Sleep(time.Minute)
	})
	lines := strings.Split(strings.TrimSpace(log), "\n")
	if len(lines) != 21 {
		t.Fatalf("%d lines:\n%s", len(lines), log)
	}
	last := lines[20]
	if !strings.Contains(last, `msg="messages dropped on more interfaces" links=3980 family=ipv4 direction=request outcome=hop_limit count=3980 `) {
		t.Errorf("the last line is %s", last)
	}
}

func TestAllCountersAreRead(t *testing.T) {
	t.Parallel()
	m := count.New()
	l := m.Link("vlan20")
	l.Count(dhcp.V6, dhcp.Replies, 7, agent.Relayed)
	l.Count(dhcp.V6, dhcp.Replies, 2, agent.Relayed)
	l.Count(dhcp.V4, dhcp.Requests, 1, agent.HopLimit)
	l.Unanswered(dhcp.V6)
	s := m.Server(netip.MustParseAddrPort("[2001:db8:9::2]:547"), "red")
	s.Sent()
	s.Sent()
	s.Replied()
	s.Answered(300 * time.Microsecond)
	s.Unanswered()
	s.Failed(syscall.ENETUNREACH)
	m.ClientSendError(syscall.EPERM)
	m.SetSocketDrops(dhcp.V6, func() uint64 { return 9 })

	p := &process{counts: m}
	now := time.Now()
	p.recent.Read(now, m, p.sendErrors())
	got := p.recent.At(now)
	one := count.Number{Total: 1, Recent: 1}
	two := count.Number{Total: 2, Recent: 2}
	want := count.Reading{
		Links: map[string]count.OfLink{"vlan20": {
			Relayed: [2][2]count.Number{dhcp.V6: {dhcp.Replies: two}},
			Counts:  [count.NumLinkCounters][2]count.Number{count.Unanswered: {dhcp.V6: one}},
			Drops:   []count.OfDrop{{Kind: count.Kind{Family: dhcp.V4, Direction: dhcp.Requests, Reason: agent.HopLimit}, Count: one, Last: now}},
		}},
		Servers: []count.OfServer{{
			ServerID: s.ServerID, Copies: two, Replies: one, Failures: one, NoReply: one,
		}},
		Kernel:     [2]count.Number{dhcp.V6: {Total: 9, Recent: 9}},
		KernelLast: [2]time.Time{dhcp.V6: now},
		SendErrors: []count.OfError{
			{Towards: senderror.Servers, Error: senderror.ENETUNREACH, Count: one, Last: now}, {Towards: senderror.Clients, Error: senderror.EPERM, Count: one, Last: now},
		},
	}
	opts := []cmp.Option{
		cmpopts.EquateComparable(netip.AddrPort{}),
		cmpopts.IgnoreFields(count.OfServer{}, "Response", "Lately", "Health"),
		cmpopts.IgnoreFields(count.OfLink{}, "Lately"),
	}
	if diff := cmp.Diff(want, got, opts...); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if buckets, _ := got.Servers[0].Response.Read(); buckets[2] != 1 {
		t.Errorf("histogram %v", buckets)
	}
}
