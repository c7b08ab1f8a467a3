package metrics

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/senderror"
	"dhcp-relay/relay/wire/dhcp"
)

func TestCountsAreWhatIsExposed(t *testing.T) {
	t.Parallel()
	m := withRuntime()
	full(m)
	var sum uint64
	links, _ := m.Links()
	for _, l := range links {
		for f := range dhcp.Family(dhcp.Families) {
			for d := range dhcp.Direction(dhcp.Directions) {
				for r := range agent.Reason(agent.NumReasons) {
					sum += l.Tally(f, d, r).Sum()
				}
			}
		}
	}
	exposed := uint64(0)
	for _, s := range gather(t, m)["dhcp_relay_messages_total"].GetMetric() {
		exposed += uint64(s.GetCounter().GetValue())
	}
	if sum != exposed || sum == 0 {
		t.Errorf("the links count %d in all, the exposition %d", sum, exposed)
	}
	if l := links[0]; l.Name() != "odd\ufffd" || l.Tally(dhcp.V4, dhcp.Requests, agent.NoGiaddr).Sum() != 1 {
		t.Errorf("first link is %q", l.Name())
	}
	if d := cmp.Diff([]count.SendError{{Error: senderror.Other, Towards: senderror.Servers, Count: 1}, {Error: senderror.ENETUNREACH, Towards: senderror.Servers, Count: 1}, {Error: senderror.ENETDOWN, Towards: senderror.Clients, Count: 1}}, m.SendErrors()); d != "" {
		t.Errorf("send errors (-want +got):\n%s", d)
	}
	if got, known := m.SocketDrops(dhcp.V4); got != 12 || !known {
		t.Errorf("%d socket drops, want 12", got)
	}
	s := m.Servers()[0]
	got := [4]uint64{s.Copies.Value(), s.Failures.Value(), s.Replies.Value(), s.NoReply.Value()}
	if want := [4]uint64{1, 2, 1, 1}; s.Addr.String() != "10.9.0.2:67" || got != want {
		t.Errorf("server %s has %v, want %v", s.Addr, got, want)
	}
}
