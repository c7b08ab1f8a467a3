package metrics

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

func TestCountsAreWhatIsExposed(t *testing.T) {
	t.Parallel()
	m := New("")
	full(m)
	var sum uint64
	for c := range m.Messages() {
		sum += c.Count
	}
	exposed := uint64(0)
	for _, s := range gather(t, m)["dhcp_relay_messages_total"].GetMetric() {
		exposed += uint64(s.GetCounter().GetValue())
	}
	if sum != exposed || sum == 0 {
		t.Errorf("Messages yields %d in all, the exposition %d", sum, exposed)
	}
	if got := slices.Collect(m.Messages())[0]; got != (MessageCount{"odd\ufffd", dhcp.V4, dhcp.Requests, "release", agent.NoGiaddr, 1}) {
		t.Errorf("first count is %+v", got)
	}
	if d := cmp.Diff([]LinkCount{{"vlan10", dhcp.V4, 1}}, m.Links()); d != "" {
		t.Errorf("links (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]SendError{{"ENETUNREACH", "server", 1}, {"other", "server", 1}, {"ENETDOWN", "client", 1}}, m.SendErrors()); d != "" {
		t.Errorf("send errors (-want +got):\n%s", d)
	}
	if got := m.SocketDrops(dhcp.V4); got != 12 {
		t.Errorf("%d socket drops, want 12", got)
	}
	s := m.Servers()[0]
	want := ServerCount{Addr: "10.9.0.2:67", Copies: 1, Failures: 2, Replies: 1, Unanswered: 1, Response: s.Response}
	if d := cmp.Diff(want, s); d != "" {
		t.Errorf("server (-want +got):\n%s", d)
	}
}

func TestHistogramBuckets(t *testing.T) {
	t.Parallel()
	var h histogram
	for _, d := range []time.Duration{0, 100 * time.Microsecond, 101 * time.Microsecond, 5 * time.Second, time.Minute} {
		h.observe(d)
	}
	got := h.read()
	want := make([]uint64, len(bounds)+1)
	want[0], want[1], want[len(bounds)-1], want[len(bounds)] = 2, 1, 1, 1
	if d := cmp.Diff(want, got.Counts); d != "" {
		t.Errorf("buckets (-want +got):\n%s", d)
	}
	if want := 65*time.Second + 201*time.Microsecond; got.Sum != want {
		t.Errorf("sum is %v, want %v", got.Sum, want)
	}
}
