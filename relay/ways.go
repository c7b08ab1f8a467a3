package relay

import (
	"context"
	"sync/atomic"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/egress"
	"dhcp-relay/relay/host/udp"
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

// A way is what is known of the way to a server. It outlives states.
type way struct {
	seg     udp.Segmentation
	verdict atomic.Pointer[offload.Verdict] // nil: nobody has looked yet
	links   atomic.Pointer[[]int]           // that lead there; nil: nobody has looked yet
}

// judged takes note of a verdict.
func (w *way) judged(v offload.Verdict) {
	w.seg.Allow(v.Reason.Good())
	w.verdict.Store(&v)
}

// Verdict says whether bursts to the server leave together, and why.
func (w *way) Verdict() offload.Verdict {
	v := w.verdict.Load()
	if v == nil {
		return offload.Verdict{}
	}
	if r, refused := w.seg.Refusal(); refused && v.Reason.Good() {
		return offload.Verdict{Reason: offload.Refused, Device: v.Device, Kind: v.Kind, Err: r.Errno.Error()}
	}
	return *v
}

// setWays gives each server of a state its way, that of former states where there
// is one.
func (e *Engine) setWays(s *state) {
	ways := make(map[agent.Server]*way, len(s.servers))
	for i := range s.servers {
		to := s.servers[i].Server
		w := e.ways[to]
		if w == nil {
			w = new(way)
		}
		ways[to], s.servers[i].way = w, w
	}
	e.ways = ways
	routes := make([][]int, len(s.servers))
	for i := range s.servers {
		if links := s.servers[i].way.links.Load(); links != nil {
			routes[i] = *links
		}
	}
	s.routes.Store(&routes)
}

// lookRoutes looks by which links the servers of a state are reached: by another their
// replies do not come.
func (o *outlook) lookRoutes(s *state) {
	if o.host == nil {
		return
	}
	if o.state != s {
		o.state, o.ways = s, Egresses(s.Snap, s.Plan)
	}
	routes := o.host.Routes(o.ways)
	for i := range routes {
		if routes[i] != nil {
			s.servers[i].way.links.Store(&routes[i])
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
			srcs := l.SourcesOf(f)
			for _, i := range l.Side[f].Servers {
				ways[i].From(srcs...)
			}
		}
	}
	return ways
}

// An outlook is what it takes to look where the ways lead. Without it bursts leave
// datagram by datagram.
type outlook struct {
	host    *egress.Host // nil: not open
	changes *egress.Changes
	follows bool // somebody reads changes

	failure string // as it was told last
	state   *state // that ways are of
	ways    []egress.Way
}

// open opens what is not open yet.
func (o *outlook) open() (err error) {
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

// watchWays looks where the ways to the servers lead whenever that may have changed,
// until ctx ends.
func (e *Engine) watchWays(ctx context.Context, o *outlook) {
	for {
		start := time.Now()
		e.look(ctx, o)
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

// look looks once.
func (e *Engine) look(ctx context.Context, o *outlook) {
	s := e.state.Load()
	err := o.open()
	o.lookRoutes(s)
	e.showOutlook(o, err)
	if o.changes != nil && !o.follows {
		o.follows = true
		e.loops.Go(func() { o.changes.Run(ctx, e.lookAgain) })
	}
	if s.Snap.Policy.Alone {
		for i := range s.servers {
			s.servers[i].way.judged(offload.Verdict{Reason: offload.Off})
		}
		return
	}
	if o.host == nil {
		for i := range s.servers {
			s.servers[i].way.judged(offload.Verdict{Reason: offload.Failed, Err: err.Error()})
		}
		return
	}
	for i, v := range o.host.Look(o.ways) {
		s.servers[i].way.judged(v)
	}
}

// lookAgain has somebody look where the ways lead.
func (e *Engine) lookAgain() {
	select {
	case e.moved <- struct{}{}:
	default: // it is going to happen
	}
}

// showOutlook tells once that the ways cannot be looked at, or that they can again.
func (e *Engine) showOutlook(o *outlook, err error) {
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

// Ways tells of each server of the policy whether bursts to it leave together.
func (e *Engine) Ways() map[agent.Server]offload.Verdict {
	s := e.state.Load()
	if s == nil {
		return nil
	}
	all := make(map[agent.Server]offload.Verdict, len(s.servers))
	for i := range s.servers {
		all[s.servers[i].Server] = s.servers[i].way.Verdict()
	}
	return all
}
