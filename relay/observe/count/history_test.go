package count

import (
	"net/netip"
	"testing"
	"time"

	"dhcp-relay/relay/wire/dhcp"
)

// A history has an hour of minutes, and forgets what is older.
func TestHistory(t *testing.T) {
	t.Parallel()
	table, r := New(), new(Recent)
	l := table.Link("vlan10")
	v := table.Server(netip.MustParseAddrPort("10.9.0.2:67"), "")
	start := time.Now()
	at := start.Add
	r.Read(at(0), table, nil)
	step := func(minute, asked, answered int, took time.Duration) {
		for range asked {
			l.Expected(dhcp.V4)
			v.Sent()
		}
		for range answered {
			l.Answered(dhcp.V4)
			v.Answered(took)
		}
		r.Read(at(time.Duration(minute)*time.Minute), table, nil)
	}
	step(1, 10, 10, 2*time.Millisecond)
	step(2, 5, 0, 0)
	step(30, 7, 6, 4*time.Millisecond)
	histories := func(minute int) (link, server *History) {
		h := r.Histories(at(time.Duration(minute)*time.Minute), map[string]struct{}{"vlan10": {}})
		if len(h.Links) != 1 || h.Links["vlan10"][dhcp.V6] != nil {
			t.Fatalf("histories of links: %v", h.Links)
		}
		return h.Links["vlan10"][dhcp.V4], h.Servers[v.ServerID]
	}
	want := func(minute int, counts map[int][2]uint32, took map[int]time.Duration) {
		t.Helper()
		link, server := histories(minute)
		for i := range link.Requests {
			w := counts[i]
			if link.Requests[i] != w[0] || link.Answers[i] != w[1] || server.Requests[i] != w[0] || server.Answers[i] != w[1] {
				t.Errorf("at minute %d, place %d: interface %d, %d; server %d, %d; want %v", minute, i, link.Requests[i], link.Answers[i], server.Requests[i], server.Answers[i], w)
			}
			if server.Response[i] != took[i] {
				t.Errorf("at minute %d, place %d: %v, want %v", minute, i, server.Response[i], took[i])
			}
		}
	}
	want(30, map[int][2]uint32{30: {10, 10}, 31: {5, 0}, 59: {7, 6}}, map[int]time.Duration{30: 2 * time.Millisecond, 59: 4 * time.Millisecond})
	want(61, map[int][2]uint32{0: {5, 0}, 28: {7, 6}}, map[int]time.Duration{28: 4 * time.Millisecond})
	step(75, 1, 1, time.Millisecond) // in the place of what was sixty minutes before
	want(75, map[int][2]uint32{14: {7, 6}, 59: {1, 1}}, map[int]time.Duration{14: 4 * time.Millisecond, 59: time.Millisecond})
	want(300, nil, nil)
	step(300, 2, 0, 0)
	want(300, map[int][2]uint32{59: {2, 0}}, nil)
}
