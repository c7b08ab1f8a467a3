package daemon

import (
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/wire/dhcp"
)

// report tells the state of this moment; its counts are at most a second old.
func (p *process) report(redact bool) status.Report {
	now := time.Now()
	counts := p.recent.At(now)
	silent := slices.ContainsFunc(counts.Servers, func(s count.OfServer) bool { return s.Health.State == health.Silent })
	in := status.Input{
		Version: p.version, Now: now, Started: p.started,
		Counts: counts, Groups: p.engine.Groups(),
		Failure: p.engine.Failure(), Unframed: p.engine.Unframed(), Frameless: p.engine.Frameless(),
		Rivals: p.surroundings.listRivals(p.engine.Guarded), StrictPath: p.surroundings.listStrict(now, silent),
		Recorder: p.recorder(redact), Observations: p.observations(redact),
		Config: p.configuration(), Listeners: p.listeners(), Takeover: p.takeover(), Confinement: p.confinement(),
	}
	host := p.engine.HostReading()
	in.Stale, in.StaleSince = host.Stale, host.Since
	in.Host, _ = os.Hostname() // it was there when the configuration was read
	in.Names, in.NamesUnfit = p.dnsNames(), p.unfit()
	snap, problems := p.engine.View()
	if snap != nil {
		in.Links, in.Servers, in.Hosts = linksOf(snap), serversOf(snap), hostsOf(&snap.Policy)
		in.Problems = problems
		in.Ways = waysOf(p.engine.Offloads())
	}
	return status.Build(in)
}

// recorder tells of the flight recorder.
func (p *process) recorder(redact bool) status.Recorder {
	return status.Recorder{
		On: p.recorderAt.Messages > 0, Messages: p.recorderAt.Messages, Redact: redact,
		Missed: p.engine.Recorder().Missed(),
	}
}

// observations tells where the last message of each kind of drop was heard. The
// sources of requests may be clients, which are not named where their identifiers
// are redacted.
func (p *process) observations(redact bool) (all []status.Observation) {
	ms, _ := p.engine.Recorder().Reader().Pick(func(g recorder.Glance) bool { return g.Outcome != agent.Relayed }, 0)
	known := make(map[status.Way]bool)
	for i := range slices.Backward(ms) {
		m := &ms[i]
		d := status.Way{Interface: count.Other, Kind: count.Kind{Family: m.Family, Direction: m.Direction, Reason: m.Outcome}}
		if m.Link != 0 {
			d.Interface = p.linkName(m.Link)
		}
		if known[d] {
			continue
		}
		known[d] = true
		s := status.Observation{Drop: d, Heard: p.linkName(m.Heard)}
		if a := m.Src.Addr().WithZone(""); m.Direction == dhcp.Replies || !redact && a.IsGlobalUnicast() {
			s.From = a
		}
		all = append(all, s)
	}
	return all
}

// linkName returns the name of a link as the metrics have it.
func (p *process) linkName(index int) string {
	return strings.ToValidUTF8(p.engine.LinkName(index), "\uFFFD")
}

// configuration tells of the configuration.
func (p *process) configuration() status.Config {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := status.Config{File: p.file, OK: p.config.ok, Loaded: p.config.at, Hash: p.config.hash, Tried: p.config.tried, None: len(p.policy.Interfaces) == 0}
	if !c.OK && p.config.err != nil {
		c.Error = p.config.err.Error()
	}
	c.OnDisk, c.Changed = p.config.drift(), p.config.file.at
	if err := p.config.file.err; err != nil {
		c.OnDiskError = err.Error()
	}
	return c
}

// linksOf lists the client-facing links, and the [[interface]]s that none
// matches, in each family that they have servers of.
func linksOf(s *agent.Snapshot) []status.Link {
	all := make([]status.Link, 0, len(s.Links)+len(s.Absent))
	for _, f := range []dhcp.Family{dhcp.V4, dhcp.V6} {
		for _, l := range s.Links {
			if side := &l.Side[f]; len(side.Servers) > 0 {
				n := status.Link{Name: strings.ToValidUTF8(l.Host.Name, "\uFFFD"), AltName: l.AltName, Description: l.Interface.Description, Master: l.Host.Master, Family: f, State: side.State, Address: side.Addr(), Servers: idsOf(s, f, side.Servers), Frame: side.Frame}
				if side.Problem != nil {
					n.Problem = side.Problem.Error()
				}
				if errors.Is(side.Problem, giaddr.ErrDuplicate) {
					n.Hint = "Find the other host on the link that has this address, or give the interface another one."
				}
				all = append(all, n)
			}
		}
		for n, i := range s.Absent {
			if s.Serves(i, f) {
				l := status.Link{Name: i.Name, Description: i.Description, Family: f, State: agent.Missing, Servers: idsOf(s, f, i.Servers)}
				if why := s.Why[n]; why.Text != agent.NoSuchName {
					l.Problem, l.Hint = why.Text, why.Hint
				}
				all = append(all, l)
			}
		}
	}
	return all
}

// idsOf names those of some servers that are of a family.
func idsOf(s *agent.Snapshot, f dhcp.Family, servers []int) (ids []count.ServerID) {
	for _, n := range servers {
		if v := &s.Policy.Servers[n]; dhcp.FamilyOf(v.Addr.Addr()) == f {
			ids = append(ids, count.ServerID{Addr: v.Addr, VRF: v.VRF})
		}
	}
	return ids
}

// serversOf names the servers that interfaces list.
func serversOf(s *agent.Snapshot) (ids []count.ServerID) {
	used := make([]bool, len(s.Policy.Servers))
	for i := range s.Policy.Interfaces {
		for _, n := range s.Policy.Interfaces[i].Servers {
			used[n] = true
		}
	}
	for n, v := range s.Policy.Servers {
		if used[n] {
			ids = append(ids, count.ServerID{Addr: v.Addr, VRF: v.VRF})
		}
	}
	return ids
}
