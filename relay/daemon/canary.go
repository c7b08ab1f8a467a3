package daemon

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"dhcp-relay/metrics"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/probe"
	"dhcp-relay/relay/wire/dhcp"
)

// canaries are the interfaces that are probed at an interval.
type canaries struct {
	mu   sync.Mutex
	last map[string][]probe.Result // by interface
}

// probes probes the interfaces that have a probe_interval, one after the other, until
// ctx ends.
func (p *process) probes(ctx context.Context) {
	due := make(map[string]time.Time)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			p.probeDue(ctx, now, due)
		}
	}
}

// probeDue probes the interfaces that are due, and forgets those that are gone.
func (p *process) probeDue(ctx context.Context, now time.Time, due map[string]time.Time) {
	snap, _ := p.engine.View()
	if snap == nil {
		return
	}
	wanted := make(map[string]bool)
	for _, l := range snap.Links {
		if l.Interface.ProbeInterval > 0 && !standby(l) {
			wanted[l.Host.Name] = true
		}
	}
	p.canaries.keep(wanted, due)
	for _, l := range snap.Links {
		name := l.Host.Name
		if !wanted[name] || now.Before(due[name]) || ctx.Err() != nil {
			continue
		}
		due[name] = now.Add(time.Duration(l.Interface.ProbeInterval) * time.Second)
		results, err := p.probe(ctx, name, []dhcp.Family{dhcp.V4, dhcp.V6}, netip.Addr{})
		if err != nil {
			p.log.Warn("cannot probe", "link", name, "err", err)
			continue
		}
		p.canaries.note(name, results)
	}
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

func (c *canaries) note(link string, rs []probe.Result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		c.last = make(map[string][]probe.Result)
	}
	c.last[link] = rs
}

// keep forgets the interfaces that are not wanted.
func (c *canaries) keep(wanted map[string]bool, due map[string]time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for link := range due {
		if !wanted[link] {
			delete(due, link)
			delete(c.last, link)
		}
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
