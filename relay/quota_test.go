package relay

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// What interfaces do fills no log, however often they do it, and how much it was is
// told; what another one does is told all the same.
func TestChangesAreToldWithinBounds(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	e := &Engine{log: slog.New(slog.NewTextHandler(&out, nil))}
	at := time.Now()
	state := func(name string, up bool) map[subject]shown {
		now := shown{state: agent.Relaying, address: "10.1.0.1"}
		if !up {
			now = shown{state: agent.Down, problem: "the interface is down"}
		}
		return map[subject]shown{{name, dhcp.V4}: now}
	}
	lines := func() int { defer out.Reset(); return strings.Count(out.String(), "\n") }
	for range 141 {
		e.showLinks(at, state("vlan10", true), state("vlan10", false))
		e.showLinks(at, state("vlan10", false), state("vlan10", true))
	}
	if n := lines(); n == 0 || n > logLimit {
		t.Errorf("141 flaps make %d lines", n)
	}
	e.showLinks(at, state("vlan20", true), state("vlan20", false))
	if n := lines(); n != 1 {
		t.Errorf("that another one went down is told in %d lines", n)
	}
	for i := range 4096 {
		name := fmt.Sprintf("veth%d", i)
		e.showLinks(at, nil, state(name, true))
		e.showLinks(at, state(name, true), nil)
		e.showProblems(at, []agent.Problem{{Interface: name, Text: "none", Hint: "do"}}, nil)
	}
	if n := lines(); n == 0 || n > 2*logLimit {
		t.Errorf("4096 interfaces that come and go make %d lines", n)
	}
	e.showRest(at, new(agent.Snapshot))
	if got := out.String(); !strings.Contains(got, "changed=8") || !strings.Contains(got, "number=4") || lines() != 2 {
		t.Errorf("all of them are told as:\n%s", got)
	}
	e.showLinks(at, state("vlan10", true), state("vlan10", false))
	e.showRest(at, new(agent.Snapshot))
	if n := lines(); n > 0 {
		t.Errorf("one more makes %d lines at once", n)
	}
	at = at.Add(tellEvery)
	e.showRest(at, new(agent.Snapshot))
	if got := out.String(); !strings.Contains(got, "changed=1 ") || lines() != 1 {
		t.Errorf("a minute later: %s", got)
	}
	e.showLinks(at, state("vlan10", true), state("vlan10", false))
	if n := lines(); n != 1 {
		t.Errorf("then one change makes %d lines", n)
	}
}

// A start with thousands of interfaces is told in one line.
func TestManyChangesAtOnceAreOneLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	e := &Engine{log: slog.New(slog.NewTextHandler(&out, nil))}
	now := make(map[subject]shown)
	for i := range 1000 {
		now[subject{fmt.Sprintf("vlan%d", i), dhcp.V4}] = shown{state: agent.Relaying, address: "10.1.0.1"}
	}
	e.showLinks(time.Now(), nil, now)
	e.showRest(time.Now(), new(agent.Snapshot))
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "changed=1000") {
		t.Errorf("%s", got)
	}
}
