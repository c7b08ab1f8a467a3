package relay

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/egress"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/observe/capture"
	"dhcp-relay/relay/offload"
)

const (
	// lookEvery is how soon the engine looks again where the ways to the servers
	// lead when the kernel has told of no change. What it tells of is looked at
	// within lookRest.
	lookEvery = 2 * time.Second
	// lookRest is at least between two looks, and lookTimes as long as one takes.
	lookRest  = 50 * time.Millisecond
	lookTimes = 10
)

// A route is what is known of the way to a server. It outlives states.
type route struct {
	seg     udp.Segmentation
	verdict atomic.Pointer[offload.Verdict] // nil: nobody has looked yet
	links   atomic.Pointer[[]int]           // that lead there; nil: nobody has looked yet
}

// judged takes note of a verdict.
func (r *route) judged(v offload.Verdict) {
	r.seg.Allow(v.Reason.Good())
	r.verdict.Store(&v)
}

// Verdict says whether bursts to the server leave together, and why.
func (r *route) Verdict() offload.Verdict {
	v := r.verdict.Load()
	if v == nil {
		return offload.Verdict{}
	}
	if why, refused := r.seg.Refusal(); refused && v.Reason.Good() {
		return offload.Verdict{Reason: offload.Refused, Device: v.Device, Kind: v.Kind, Err: why.Errno.Error()}
	}
	return *v
}

// setRoutes gives each server of a state its route, that of former states where there
// is one.
func (e *Engine) setRoutes(s *state) {
	all := make(map[agent.Server]*route, len(s.servers))
	for i := range s.servers {
		to := s.servers[i].Server
		r := e.routes[to]
		if r == nil {
			r = new(route)
		}
		all[to], s.servers[i].route = r, r
	}
	e.routes = all
	routes := make([][]int, len(s.servers))
	for i := range s.servers {
		if links := s.servers[i].route.links.Load(); links != nil {
			routes[i] = *links
		}
	}
	s.routes.Store(&routes)
}

// replyLinks looks by which links the servers of a state are reached: by another their
// replies do not come.
func (o *routeWatch) replyLinks(s *state) {
	if o.host == nil {
		return
	}
	if o.state != s {
		o.state, o.ways = s, Egresses(s.Snap, s.Plan)
	}
	routes := o.host.Routes(o.ways)
	for i := range routes {
		if routes[i] != nil {
			s.servers[i].route.links.Store(&routes[i])
		}
	}
	s.routes.Store(&routes)
}

// Egresses tells where the servers of a snapshot are to be reached, by their index
// in the policy.
func Egresses(s *agent.Snapshot, p *agent.Plan) []egress.Way {
	ways := make([]egress.Way, len(s.Policy.Servers))
	for i := range ways {
		if w := p.Way(i); w.Lacks == agent.Nothing {
			ways[i] = egress.Way{Dst: s.Policy.Servers[i].Addr.Addr(), Link: w.Link, VRF: w.VRF}
		}
	}
	for _, l := range s.Links {
		for _, f := range families() {
			for _, i := range l.Side[f].Servers {
				ways[i].From(l.SourcesTo(&s.Policy.Servers[i])...)
			}
		}
	}
	return ways
}

// Paths returns how the servers of the policy are reached now. It asks the kernel, so it
// is for who has time.
func (e *Engine) Paths() map[netip.AddrPort]capture.Path {
	s := e.state.Load()
	if s == nil {
		return nil
	}
	h, err := egress.Open()
	if err != nil {
		return nil // the caller says that it is not known
	}
	defer func() { _ = h.Close() }() // nothing is lost with it
	paths := make(map[netip.AddrPort]capture.Path, len(s.servers))
	for i, w := range Egresses(s.Snap, s.Plan) {
		to := s.Snap.Policy.Servers[i].Addr
		to = netip.AddrPortFrom(to.Addr().WithZone(""), to.Port())
		link, src := h.Path(&w)
		if p, twice := paths[to]; twice && p != (capture.Path{Source: src, Link: link}) {
			link, src = 0, netip.Addr{} // in several VRFs
		}
		paths[to] = capture.Path{Source: src, Link: link}
	}
	return paths
}

// A routeWatch is what it takes to look where the ways lead. Without it bursts leave
// datagram by datagram.
type routeWatch struct {
	host    *egress.Host // nil: not open
	changes *egress.Changes
	follows bool // somebody reads changes

	failure string // as it was told last
	state   *state // that ways are of
	ways    []egress.Way
}

// open opens what is not open yet.
func (o *routeWatch) open() (err error) {
	if o.host == nil {
		if o.host, err = egress.Open(); err != nil {
			return err
		}
	}
	if o.changes == nil {
		o.changes, err = egress.Subscribe()
	}
	return err
}

// watchRoutes looks where the ways to the servers lead whenever that may have changed,
// until ctx ends.
func (e *Engine) watchRoutes(ctx context.Context, o *routeWatch) {
	for {
		start := time.Now()
		e.lookRoutes(ctx, o)
		rest := max(lookRest, lookTimes*time.Since(start))
		if !pause(ctx, rest) {
			break
		}
		select {
		case <-ctx.Done():
		case <-e.moved:
		case <-time.After(lookEvery):
		}
	}
	if o.host != nil {
		_ = o.host.Close() // nothing is lost with it
	}
	if o.changes != nil && !o.follows {
		o.changes.Close()
	}
}

// lookRoutes looks once.
func (e *Engine) lookRoutes(ctx context.Context, o *routeWatch) {
	s := e.state.Load()
	err := o.open()
	o.replyLinks(s)
	e.showRouteWatch(o, err)
	if o.changes != nil && !o.follows {
		o.follows = true
		e.loops.Go(func() { o.changes.Run(ctx, e.recheckRoutes) })
	}
	if s.Snap.Policy.Alone {
		for i := range s.servers {
			s.servers[i].route.judged(offload.Verdict{Reason: offload.Off})
		}
		return
	}
	if o.host == nil {
		for i := range s.servers {
			s.servers[i].route.judged(offload.Verdict{Reason: offload.Failed, Err: err.Error()})
		}
		return
	}
	for i, v := range o.host.Look(o.ways) {
		s.servers[i].route.judged(v)
	}
}

// recheckRoutes has somebody look where the ways lead.
func (e *Engine) recheckRoutes() {
	select {
	case e.moved <- struct{}{}:
	default: // it is going to happen
	}
}

// showRouteWatch tells once that the ways cannot be looked at, or that they can again.
func (e *Engine) showRouteWatch(o *routeWatch, err error) {
	now := ""
	if err != nil {
		now = err.Error()
	}
	switch {
	case now == o.failure:
	case err != nil:
		e.log.Warn("cannot look where the routes to the servers lead, so bursts leave datagram by datagram", "err", err, "retry_every", lookEvery)
	default:
		e.log.Info("where the routes to the servers lead can be looked at again")
	}
	o.failure = now
}

// pause waits and reports whether ctx has not ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// Offloads tells of each server of the policy whether bursts to it leave together.
func (e *Engine) Offloads() map[agent.Server]offload.Verdict {
	s := e.state.Load()
	if s == nil {
		return nil
	}
	all := make(map[agent.Server]offload.Verdict, len(s.servers))
	for i := range s.servers {
		all[s.servers[i].Server] = s.servers[i].route.Verdict()
	}
	return all
}
