package status

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// of returns the findings of a kind.
func (r *Report) of(kind string) (all []Finding) {
	for _, f := range r.Findings {
		if f.Kind == kind {
			all = append(all, f)
		}
	}
	return all
}

// A client whose server clears the broadcast flag asks again and again: told within
// three times, and not any more when it stops.
func TestTheBroadcastFlag(t *testing.T) {
	t.Parallel()
	l := newTimeline()
	for range 3600 {
		l.second(true, true)
	}
	for n := range 3 {
		if r := l.report(); r.of("broadcast_cleared") != nil {
			t.Fatalf("told after %d", n)
		}
		l.table.Link("vlan10").BroadcastCleared()
		l.second(true, true)
	}
	r := l.report()
	all := r.of("broadcast_cleared")
	if len(all) != 1 || all[0].Severity != Warn || !strings.Contains(all[0].Do, "broadcast = true in [interface.dhcpv4] of vlan10") {
		t.Fatalf("%+v", r.Findings)
	}
	for range 120 {
		l.second(true, true)
	}
	if r := l.report(); r.of("broadcast_cleared") != nil {
		t.Error("told two minutes after the last")
	}
}

func TestOption82ThatIsOmitted(t *testing.T) {
	t.Parallel()
	l := newTimeline()
	l.table.Link("vlan10").OmittedOption82()
	l.second(true, true)
	r := l.report()
	if all := r.of("option82_omitted"); len(all) != 1 || all[0].Severity != Warn || !strings.Contains(all[0].Text, "1 request in") {
		t.Errorf("%+v", r.Findings)
	}
	for range 120 {
		l.second(true, true)
	}
	if r := l.report(); r.of("option82_omitted") != nil {
		t.Error("told two minutes after the last")
	}
}

// One deaf VLAN among others that hear is a note after ten minutes, and one that has
// ceased to hear after a day.
func TestAnInterfaceThatHearsNothing(t *testing.T) {
	t.Parallel()
	l := newTimeline()
	deaf := l.in.Links[0]
	deaf.Name = "vlan20"
	down := deaf
	down.Name, down.State = "vlan30", agent.Down
	l.in.Links = append(l.in.Links, deaf, down)
	subjects := func() (all []string) {
		r := l.report()
		for _, f := range r.of("interface_quiet") {
			if f.Severity != Info || !strings.Contains(f.Do, "firewall") || !strings.Contains(f.Do, "trunk") {
				t.Errorf("%+v", f)
			}
			all = append(all, f.Subject)
		}
		return all
	}
	for range 599 {
		l.second(true, true)
	}
	if got := subjects(); got != nil {
		t.Errorf("after %v: %v", l.at, got)
	}
	l.second(true, true)
	if got := subjects(); !slices.Equal(got, []string{"interface vlan20 (DHCPv4)"}) {
		t.Errorf("after %v: %v", l.at, got)
	}
	// What is dropped was heard.
	l.table.Link("vlan20").Count(dhcp.V4, dhcp.Requests, 1, agent.HopLimit)
	l.second(true, true)
	if got := subjects(); got != nil {
		t.Errorf("with a request that is dropped: %v", got)
	}
	l.at += 24 * time.Hour
	l.second(true, true)
	if got := subjects(); !slices.Equal(got, []string{"interface vlan20 (DHCPv4)"}) {
		t.Errorf("a day later: %v", got)
	}
	// A reload gives it time to hear.
	fresh := newTimeline()
	fresh.in.Links = append(fresh.in.Links, deaf)
	for range 700 {
		fresh.second(true, true)
	}
	fresh.in.Config.Loaded = after(500 * time.Second)
	if r := fresh.report(); r.of("interface_quiet") != nil {
		t.Errorf("200 s after a reload: %+v", r.Findings)
	}
}

func TestDurationsAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for s, want := range map[float64]string{
		0.00035: "350 µs", 0.0012: "1.2 ms", 0.0753: "75 ms", 0.9994: "999 ms", 0.9996: "1.0 s", 1.75: "1.8 s", 12.34: "12.3 s",
	} {
		if got := duration(s); got != want {
			t.Errorf("%v s: %q, want %q", s, got, want)
		}
	}
}
