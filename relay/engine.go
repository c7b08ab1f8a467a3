// Package relay is the engine: it owns every goroutine and every socket of the
// daemon and moves messages between them. It decides nothing: relay/agent does.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dhcp-relay/giaddr"
	"dhcp-relay/giaddr/watch"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/downstream"
	"dhcp-relay/relay/group"
	"dhcp-relay/relay/host/clientmac"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/limit"
	"dhcp-relay/relay/observe"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/observe/pending"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/smartrelay"
)

// smartSlots is how many clients smart relay remembers; 8 octets each.
const smartSlots = 1 << 15

// retryPause is how long the engine waits before it tries again to open a
// socket that could not be opened.
const retryPause = time.Second

// An Engine relays until it is told to stop. Make one with New.
type Engine struct {
	log    *slog.Logger
	counts *count.Table
	smart  *smartrelay.Table
	past   *group.Past
	groups groups

	downstream *downstream.Table
	clients    *limit.Clients // that have sent last

	recorder *recorder.Log
	pending  *pending.Table
	start    time.Time       // what pending counts from
	open     [2]atomic.Int64 // requests that wait for a reply, by dhcp.Family

	state   atomic.Pointer[state]
	drops   drops
	guarded [2]atomic.Bool         // families in which another program may be given unicasts, see Guard
	whole   [2]atomic.Bool         // of guarded: all addresses have a socket of their own
	failure atomic.Pointer[string] // of sockets, as it was told last; nil: not yet
	names   names
	icmp    icmpErrors
	probes  probes
	moved   chan struct{} // holds one if the ways to the servers may lead elsewhere now

	held      atomic.Pointer[map[string]bool] // agent.Policy.Held of the latest state
	heldMoved chan struct{}                   // holds one if a file says something else now

	// The loops read no more.
	stopping atomic.Bool

	unframed  atomic.Pointer[string] // see WithoutFrames
	frameless atomic.Pointer[string] // see Frameless

	changes, doubts quota // of what the log tells of interfaces, and of problems with them
	serverChanges   quota // of what it tells of servers
	// Servers that it was told do not answer. Belongs to sweep.
	silent map[*count.Server]outage

	// What follows belongs to the goroutine of Run.
	watcher     *watch.Watcher
	hostReading atomic.Pointer[HostReading]
	policy      agent.Policy
	number      uint64 // of the latest state
	sockets     map[agent.Socket]*socket
	keeper      Keeper
	unkept      bool // it was told that something cannot be kept
	problems    map[agent.Problem]struct{}
	macs        macs
	macs4       macs4
	shedLate    bool // it was told that a filter cannot shed
	routes      map[agent.Server]*route
	buckets     map[int]*buckets // by index of the link
	loops       sync.WaitGroup
	reload      chan request
	probe       chan chan error
	guard       chan struct{}             // holds one if guarded has changed
	turns       map[*atomic.Uint64]uint64 // of the loops, as the latest probe saw them

	lookouts map[*count.Server]lookout // belongs to sweep
}

// A request hands a new policy to Run.
type request struct {
	policy agent.Policy
	done   chan struct{}
}

// A state is all that the loops read: one snapshot and the handles that go with
// it. It is immutable and swapped whole.
type state struct {
	observe.State
	servers []serverState // by index into Policy.Servers
	sockets map[agent.Socket]*socket
	rations []ration                // by agent.Link.ID
	routes  atomic.Pointer[[][]int] // see agent.Ingress.Routes; changes with the routes

	choosing    bool // a request may go to some servers only
	standings   atomic.Pointer[[]agent.Standing]
	serverNames *group.Names
	trials      *group.Trials

	problems []agent.Problem // of the snapshot
	lacking  [2]bool         // links without an address, by agent.Family
}

// A serverState is a server with the counters of what is sent to it.
type serverState struct {
	agent.Server
	counts  *count.Server
	pace    *limit.Pace
	senders map[agent.Socket]*udp.Conn // its own, by which requests leave, see toServer
	route   *route
}

// New returns an engine for the policy. It touches nothing until Run.
func New(p agent.Policy, m *count.Table, log *slog.Logger) *Engine {
	e := &Engine{
		log:    log,
		counts: m,
		smart:  smartrelay.New(smartSlots),
		past:   group.NewPast(),

		downstream: downstream.New(downstreamSlots),
		clients:    limit.NewClients(clientSlots),
		pending:    pending.New(pendingSlots),
		start:      time.Now(),
		policy:     p,
		sockets:    make(map[agent.Socket]*socket),
		keeper:     noKeeper{},
		reload:     make(chan request),
		moved:      make(chan struct{}, 1),
		heldMoved:  make(chan struct{}, 1),
		probe:      make(chan chan error),
		guard:      make(chan struct{}, 1),
		silent:     make(map[*count.Server]outage),
	}
	for _, f := range families() {
		m.SetSocketDrops(f, func() uint64 { return e.drops.of(f) })
	}
	return e
}

// Run relays until ctx ends. It calls ready once it hears clients. It fails if
// the sockets cannot be opened at the start; what goes wrong later is logged
// and tried again.
func (e *Engine) Run(ctx context.Context, ready func()) error {
	w, err := watch.New()
	if err != nil {
		return fmt.Errorf("watch the interfaces: %w", err)
	}
	defer func() { _ = w.Close() }() // nothing is lost with it
	e.watcher = w
	defer e.stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e.macs.ctx = ctx
	err = e.apply(w.Links())
	if e.state.Load() == nil {
		return err
	}
	e.loops.Go(func() { e.sweep(ctx) })
	e.loops.Go(func() { e.watchHeld(ctx) })
	o := new(routeWatch)
	_ = o.open() // in the network namespace of this thread; what fails is tried again
	e.lookRoutes(ctx, o)
	e.loops.Go(func() { e.watchRoutes(ctx, o) })
	e.dropUnneeded()
	ready()
	return e.follow(ctx, err)
}

// follow applies each change of the links and of the policy. What went wrong the
// first time is tried again.
func (e *Engine) follow(ctx context.Context, err error) error {
	ctx, cancel := context.WithCancel(ctx)
	changed := make(chan chan struct{})
	ended := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() { ended <- e.watcher.Run(ctx, func() { applyThenRest(ctx, changed, e.watcher.Len) }) })
	defer wg.Wait()
	defer cancel()
	again := retryOf(err)
	for {
		due, guardErrs := e.guardAll(e.state.Load(), time.Now())
		var recheck <-chan time.Time
		if !due.IsZero() {
			recheck = time.After(time.Until(due))
		}
		e.showFailure(errors.Join(err, boundFailure(guardErrs)))
		var unused <-chan time.Time
		if due := e.closeUnused(time.Now()); !due.IsZero() {
			unused = time.After(time.Until(due))
		}
		var done chan struct{}
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("watch the interfaces: %w", err)
		case done = <-changed:
		case r := <-e.reload:
			e.policy, done = r.policy, r.done
		case <-e.heldMoved:
		case <-again:
		case <-unused:
			continue
		case <-e.guard:
			continue
		case <-recheck:
			continue
		case answer := <-e.probe:
			answer <- e.stuck()
			continue
		}
		// Always the newest picture: what comes with a change may be older than
		// what a reload has seen since.
		err = e.apply(e.watcher.Links())
		again = retryOf(err)
		if done != nil {
			close(done)
		}
	}
}

// retryOf tells when to apply again what failed with err, never if it is nil.
func retryOf(err error) <-chan time.Time {
	if err == nil {
		return nil
	}
	return time.After(retryPause)
}

// Reload swaps the policy. It returns when the new one holds; the sockets that
// both need stay open, and no message is lost.
func (e *Engine) Reload(ctx context.Context, p agent.Policy) error {
	r := request{p, make(chan struct{})}
	select {
	case e.reload <- r:
	case <-ctx.Done():
		return fmt.Errorf("reload: %w", ctx.Err())
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("reload: %w", ctx.Err())
	}
}

// apply resolves the policy against the links and makes the result what holds.
// Sockets that cannot be opened are missing from it, but at the start they are
// all that matters.
func (e *Engine) apply(links []giaddr.Link) error {
	held := Held(e.policy.Files())
	e.policy.Held = held
	e.held.Store(&held)
	snap, problems := agent.Compile(e.policy, links)
	s := &state{problems: problems, lacking: lacking(snap)}
	e.number++
	s.Snap, s.Plan, s.Number = snap, snap.Plan(links), e.number
	errs := e.openSockets(s, links)
	e.noteFrames(s)
	last := e.state.Load()
	if last == nil && len(errs) > 0 {
		return errors.Join(errs...)
	}
	if last != nil {
		snap.Inherit(last.Snap)
	}
	s.Other = e.counts.Link("")
	for _, l := range snap.Links {
		s.Links = append(s.Links, e.counts.Link(l.Host.Name))
	}
	for _, v := range e.policy.Servers {
		counts := e.counts.Server(v.Addr, v.VRF)
		s.Servers = append(s.Servers, counts)
		s.servers = append(s.servers, serverState{Server: v, counts: counts, pace: e.paceOf(last, counts)})
	}
	names := make([]string, len(e.policy.Classes))
	for i := range names {
		names[i] = e.policy.Classes[i].Name
	}
	s.Classes = e.counts.SetClasses(names)
	e.setRoutes(s)
	e.setGroups(last, s)
	e.setRations(s)
	s.sockets = make(map[agent.Socket]*socket, len(e.sockets))
	for k, v := range e.sockets {
		s.sockets[k] = v
	}
	e.setSenders(s)
	e.names.learn(links)
	e.state.Store(s)
	e.hearICMP(s)
	e.counts.InUse(time.Now(), s.Links, s.Servers)
	e.recheckRoutes()
	errs = append(errs, e.join(s)...)
	e.keep()
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	e.wakeLoops()
	e.show(last, s)
	e.startLoops()
	return errors.Join(errs...)
}

// drainTime bounds how long the loops may take for what they have read.
const drainTime = 2 * time.Second

// stop has the loops finish what they have read, waits for that and closes all
// sockets: a loop sends through the sockets of others, too.
func (e *Engine) stop() {
	e.stopping.Store(true)
	e.wakeLoops()
	e.icmp.close()
	drained := make(chan struct{})
	go func() { e.loops.Wait(); close(drained) }()
	select {
	case <-drained:
	case <-time.After(drainTime):
		e.log.Warn("messages in hand are given up", "after", drainTime)
	}
	for k, s := range e.sockets {
		e.release(k, s)
	}
	for _, t := range []*clientmac.Table{e.macs.table, e.macs4.table} {
		if t != nil {
			_ = t.Close() // it only frees what the end frees too
		}
	}
	<-drained
	e.icmp.free()
}
