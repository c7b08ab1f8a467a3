package daemon

import (
	"fmt"
	"testing"
	"time"

	"dhcp-relay/relay/probe"
)

// Thousands of interfaces are probed each at its time, spread over their interval; the
// one that has waited for longest comes first, and none is asked twice at a time.
func TestCanariesAreSpread(t *testing.T) {
	t.Parallel()
	const n = 4000
	var c canaries
	var wanted []canary
	for i := range n {
		wanted = append(wanted, canary{fmt.Sprintf("vlan%d", i), time.Minute})
	}
	due, start := make(map[string]time.Time), time.Unix(1_790_000_000, 0)
	most, total := 0, 0
	for s := range 60 {
		now := start.Add(time.Duration(s) * time.Second)
		all := c.due(wanted, due, now)
		for _, w := range all {
			due[w.name] = now.Add(w.every)
			c.begin(w.name)
			c.note(w.name, []probe.Result{})
		}
		most, total = max(most, len(all)), total+len(all)
	}
	if most > n/60+1 || total < n*59/60 {
		t.Errorf("%d in a minute, at most %d in a second", total, most)
	}
	late := start.Add(time.Hour)
	due["vlan7"] = start
	c.begin("vlan9")
	all := c.due(wanted, due, late)
	if len(all) != n-1 || all[0].name != "vlan7" {
		t.Errorf("%d are due, the first is %s", len(all), all[0].name)
	}
	c.note("vlan9", nil)
	if all = c.due(wanted[:10], due, late); len(all) != 10 || len(due) != 10 || len(c.last) > 10 {
		t.Errorf("%d due of 10, %d known, %d results", len(all), len(due), len(c.last))
	}
}
