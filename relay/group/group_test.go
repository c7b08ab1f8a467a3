package group_test

import (
	"net/netip"
	"testing"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/group"
	"dhcp-relay/relay/wire/dhcp"
)

func policy(mode agent.Mode, back time.Duration) *agent.Policy {
	p := &agent.Policy{}
	for _, a := range []string{"10.9.0.2:67", "10.9.0.3:67", "10.9.0.4:67"} {
		p.Servers = append(p.Servers, agent.Server{Addr: netip.MustParseAddrPort(a)})
	}
	p.Groups = []agent.Group{{Name: "campus", Mode: mode, Servers: []int{0, 1, 2}, Back: back}}
	return p
}

// A play steps a keeper through seconds; each step has the servers that are down.
func TestActive(t *testing.T) {
	t.Parallel()
	const a, b, c = 1, 2, 4
	for _, tc := range []struct {
		name string
		back time.Duration
		down []uint64 // each second
		want []int
	}{
		{"the first is preferred", 0, []uint64{0, 0}, []int{0, 0}},
		{"back at once", 0, []uint64{0, a, a | b, a, 0}, []int{0, 1, 2, 1, 0}},
		{"back after two seconds", 2 * time.Second, []uint64{a, 0, 0, 0, 0}, []int{1, 1, 1, 0, 0}},
		{"it must last", 2 * time.Second, []uint64{a, 0, 0, a, 0, 0, 0}, []int{1, 1, 1, 1, 1, 1, 0}},
		{"never back", agent.NeverBack, []uint64{0, a, 0, 0, b, 0}, []int{0, 1, 1, 1, 0, 0}},
		{"all down: it stays", 0, []uint64{a, a | b | c, a | b, a | b | c}, []int{1, 1, 2, 2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var k group.Keeper
			p := policy(agent.Failover, tc.back)
			for i, down := range tc.down {
				all, _ := k.Step(p, time.Duration(i+1)*time.Second, downs(down))
				st := all[agent.StandingOf(0, dhcp.V4)]
				if st.Active != tc.want[i] || st.Down != down {
					t.Errorf("second %d: active %d, down %03b, want %d and %03b", i, st.Active, st.Down, tc.want[i], down)
				}
			}
		})
	}
}

func none(int) group.Condition { return group.Condition{} }

// downs has servers down by bits.
func downs(mask uint64) func(int) group.Condition {
	return func(n int) group.Condition { return group.Condition{Down: mask>>n&1 == 1} }
}

// What is active stays so through a reload that moves it, and changes are told once.
func TestReloadKeepsTheActiveServer(t *testing.T) {
	t.Parallel()
	var k group.Keeper
	p := policy(agent.Failover, agent.NeverBack)
	first := downs(1)
	if _, changes := k.Step(p, 1, none); len(changes) > 0 {
		t.Errorf("at first %v", changes)
	}
	_, changes := k.Step(p, 2, first)
	if len(changes) != 1 || changes[0] != (group.Change{Family: dhcp.V4, From: "10.9.0.2", To: "10.9.0.3", Failed: true}) {
		t.Errorf("%+v", changes)
	}
	if _, changes = k.Step(p, 3, none); len(changes) > 0 {
		t.Errorf("told again: %+v", changes)
	}
	p.Groups[0].Servers = []int{2, 0, 1} // the present one is the last now
	if all, _ := k.Step(p, 4, downs(0b101)); all[0].Active != 2 {
		t.Errorf("active %d after a reload, want the same server", all[0].Active)
	}
	refuses := func(n int) group.Condition { return group.Condition{Down: n == 0, Refuses: n < 2} }
	if all, _ := k.Step(p, 5, refuses); all[0].Down != 0b010 || all[0].Refusing != 0b010 {
		t.Errorf("down %03b, refusing %03b, want the second for both", all[0].Down, all[0].Refusing)
	}
}

// A server that answers late is passed over while another one does not, and stays the
// one that is asked where all do.
func TestLate(t *testing.T) {
	t.Parallel()
	const a, b, c = 1, 2, 4
	for _, tc := range []struct {
		name string
		back time.Duration
		late []uint64 // each second
		down []uint64
		want []int
	}{
		{"another one is asked, and it comes back", 0, []uint64{0, a, a, 0}, []uint64{0, 0, 0, 0}, []int{0, 1, 1, 0}},
		{"it comes back after a time", 2 * time.Second, []uint64{a, 0, a, 0, 0, 0}, []uint64{0, 0, 0, 0, 0, 0}, []int{1, 1, 1, 1, 1, 0}},
		{"by turns, as load makes them", 0, []uint64{0, a, b, a, b, 0}, []uint64{0, 0, 0, 0, 0, 0}, []int{0, 1, 0, 0, 0, 0}},
		{"both are late", 0, []uint64{a, a | b, a | b | c, a | b | c}, []uint64{0, 0, 0, 0}, []int{1, 2, 2, 2}},
		{"rather late than down", 0, []uint64{a, a, 0}, []uint64{b | c, a | b | c, a | b | c}, []int{0, 0, 0}},
		{"the one in its place falls silent", 0, []uint64{a, a, a}, []uint64{0, b, b | c}, []int{1, 2, 0}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var k group.Keeper
			p := policy(agent.Failover, tc.back)
			for i, late := range tc.late {
				all, _ := k.Step(p, time.Duration(i+1)*time.Second, func(n int) group.Condition {
					return group.Condition{Late: late>>n&1 == 1, Down: tc.down[i]>>n&1 == 1}
				})
				if got := all[agent.StandingOf(0, dhcp.V4)].Active; got != tc.want[i] {
					t.Errorf("second %d: active %d, want %d", i, got, tc.want[i])
				}
			}
		})
	}
	var k group.Keeper
	late := func(n int) group.Condition { return group.Condition{Late: n == 0} }
	if all, _ := k.Step(policy(agent.All, 0), 1, late); all[0].Late != 0 {
		t.Error("a group that asks all passes over a late one")
	}
}
