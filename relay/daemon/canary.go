package daemon

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"dhcp-relay/metrics"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/probe"
	"dhcp-relay/relay/wire/dhcp"
)

// canaryRoom is how many interfaces are probed at a time. A round of thousands whose
// servers are all silent takes minutes, and costs little.
const canaryRoom = 48

// canaries are the interfaces that are probed at an interval.
type canaries struct {
	mu   sync.Mutex
	last map[string][]probe.Result // by interface
	busy map[string]bool
}

// A canary is an interface that is to be probed at an interval.
type canary struct {
	name  string
	every time.Duration
}

// probes probes the interfaces that have a probe_interval, until ctx ends.
func (p *process) probes(ctx context.Context) {
	due := make(map[string]time.Time)
	room := make(chan struct{}, canaryRoom)
	tick := time.NewTicker(time.Second)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, c := range p.canaries.due(p.wanted(), due, now) {
				if !enter(ctx, room, time.Second-time.Since(now)) {
					break // the rest at the next tick
				}
				due[c.name] = now.Add(c.every)
				p.canaries.begin(c.name)
				wg.Go(func() {
					defer func() { <-room }()
					results, err := p.probe(ctx, c.name, []dhcp.Family{dhcp.V4, dhcp.V6}, netip.Addr{})
					if err != nil && ctx.Err() == nil {
						p.log.Warn("cannot probe", "link", c.name, "err", err)
					}
					p.canaries.note(c.name, results)
				})
			}
		}
	}
}

// enter takes a place in a room, and waits for one for so long.
func enter(ctx context.Context, room chan<- struct{}, wait time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, max(0, wait))
	defer cancel()
	select {
	case room <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// wanted returns the interfaces that are to be probed.
func (p *process) wanted() (all []canary) {
	snap, _ := p.engine.View()
	if snap == nil {
		return nil
	}
	for _, l := range snap.Links {
		if l.Interface.ProbeInterval > 0 && !standby(l) {
			all = append(all, canary{l.Host.Name, time.Duration(l.Interface.ProbeInterval) * time.Second})
		}
	}
	return all
}

// due returns the interfaces that are due, the longest due one first, and forgets those
// that are gone. New ones are spread over their interval.
func (c *canaries) due(wanted []canary, due map[string]time.Time, now time.Time) (all []canary) {
	c.mu.Lock()
	defer c.mu.Unlock()
	keep := make(map[string]bool, len(wanted))
	for i, w := range wanted {
		keep[w.name] = true
		if _, known := due[w.name]; !known {
			due[w.name] = now.Add(w.every * time.Duration(i) / time.Duration(len(wanted)))
		}
		if !now.Before(due[w.name]) && !c.busy[w.name] {
			all = append(all, w)
		}
	}
	gone := func(link string) bool { return !keep[link] }
	maps.DeleteFunc(due, func(link string, _ time.Time) bool { return gone(link) })
	maps.DeleteFunc(c.last, func(link string, _ []probe.Result) bool { return gone(link) })
	slices.SortStableFunc(all, func(a, b canary) int { return due[a.name].Compare(due[b.name]) })
	return all
}

// standby reports whether another router serves the clients of a link.
func standby(l *agent.Link) bool {
	for f := range dhcp.Family(dhcp.Families) {
		if len(l.Side[f].Servers) > 0 && l.Side[f].State != agent.Standby {
			return false
		}
	}
	return true
}

func (c *canaries) begin(link string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy == nil {
		c.busy, c.last = make(map[string]bool), make(map[string][]probe.Result)
	}
	c.busy[link] = true
}

// note notes what a probe has shown; nil: nothing.
func (c *canaries) note(link string, rs []probe.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.busy, link)
	if rs != nil {
		c.last[link] = rs
	}
}

// states is what the metrics show of the latest probes.
func (c *canaries) states() (all []metrics.ProbeState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for link, rs := range c.last {
		for i := range rs {
			for j := range rs[i].Servers {
				s := &rs[i].Servers[j]
				all = append(all, metrics.ProbeState{Interface: link, Server: string(s.Address), VRF: s.VRF, Success: s.Offers, Duration: s.After})
			}
		}
	}
	return all
}
