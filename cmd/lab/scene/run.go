package scene

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dhcp-relay/cmd/lab/ladder"
	"dhcp-relay/cmd/lab/real"
)

// Scales of the clients' delays: calm ones send nothing twice unless the host
// is very slow, hasty ones notice silence in a moment.
const (
	calm  = 0.5
	hasty = 0.05
)

// A Scene is one story and what must come of it.
type Scene struct {
	Number int
	Title  string
	Family Family // 0: IPv4

	config    string
	chain     bool // with the outer relay and its client
	trio      *[3]string
	byID      bool
	ownServer string // why the servers must be the lab's own, or ""
	ownClient string // why the clients must be the lab's own, or ""
	play      func(context.Context, *stage) error
}

// A Result is what came of a scene.
type Result struct {
	Scene   Scene
	Skipped string // why it was not played, or ""
	Err     error
	Took    time.Duration // of the play itself, without building and clearing away
	Nodes   []ladder.Node
	Events  []ladder.Event

	Counters map[string]Counters // by relay, at the end
}

// Scenes returns all scenes in order.
func Scenes() []Scene {
	return []Scene{
		firstLogin(), secondLogin(), refused(), twoNetworks(),
		renewals(), otherMessages(), chained(), failover(),
		firstLogin6(), rapidCommit(), renewals6(), otherMessages6(), delegation(),
		reconfigured(), sameRouters(), chained6([3]string{"", "isc", ""}), bothFamilies(),
	}
}

// Families returns the address families of a scene.
func (s *Scene) Families() Family { return max(s.Family, IPv4) }

// otherRelay returns the kind of the relay of another make in a scene, a kind of
// package real, or nothing.
func (s *Scene) otherRelay() string {
	if s.trio == nil {
		return ""
	}
	return cmp.Or(s.trio[:]...)
}

// Play builds a lab, plays the scene in it and clears it away.
func (s Scene) Play(ctx context.Context, o Options) (r Result) {
	r.Scene = s
	switch {
	case o.Server != Embedded && s.ownServer != "":
		r.Skipped = "only the embedded server " + s.ownServer
		return r
	case o.Client != Embedded && s.ownClient != "":
		r.Skipped = "only the embedded client " + s.ownClient
		return r
	}
	if r.Skipped = s.Family.Lacks(o); r.Skipped != "" {
		return r
	}
	if kind := s.otherRelay(); kind != "" {
		if err := real.CheckRelay6(kind); err != nil {
			r.Skipped = err.Error()
			return r
		}
	}
	lab, err := Build(ctx, o, Plan{Family: s.Family, Config: s.config, Chain: s.chain, Trio: s.trio, ByID: s.byID})
	if err != nil {
		r.Err = err
		return r
	}
	// In a defer for the case of a panic.
	defer func() { r.Err = errors.Join(r.Err, lab.Close()) }()
	st := &stage{Lab: lab, recorder: ladder.NewRecorder(lab.nodes, lab.links)}
	start := time.Now()
	playErr := s.play(ctx, st)
	r.Took = time.Since(start)
	settleErr := st.settle(ctx)
	r.Nodes, r.Events, r.Counters = lab.shown(st.events), st.events, st.counters
	r.Err = errors.Join(playErr, settleErr, st.judge())
	return r
}

// Types returns the message types that were seen, for whoever wants all eight.
func (r *Result) Types() []string {
	var out []string
	for _, e := range r.Events {
		if !slices.Contains(out, e.Type) {
			out = append(out, e.Type)
		}
	}
	return out
}

// A stage is a lab while a scene is played, with what it wants to see.
type stage struct {
	*Lab

	wants    []string // messages on the wire: "a1 DISCOVER relay"
	only     bool     // nothing else may be on the wire, but clients may repeat themselves
	drops    map[string]int
	silenced []string // clients of whom nothing may be relayed
	keeps82  []string // clients to whom option 82 is to come back
	recorder *ladder.Recorder
	events   []ladder.Event
	counters map[string]Counters // by relay, at the end
}

// want adds messages that must cross the wire, each once for each time it is
// named: "a1 DISCOVER relay s1+s2" stands for one message from a1 to relay and
// one from relay to each of s1 and s2.
func (st *stage) want(paths ...string) {
	for _, p := range paths {
		st.wants = append(st.wants, hops(p)...)
	}
}

func hops(path string) []string {
	f := strings.Fields(path)
	var out []string
	from := f[0]
	for _, to := range f[2:] {
		for name := range strings.SplitSeq(to, "+") {
			out = append(out, from+" "+f[1]+" "+name)
		}
		from = to
	}
	return out
}

// patience is how long what must come may take on a machine that is busy.
const patience = 20 * time.Second

// quiet is how long no tap may hear anything before a scene is over.
const quiet = 50 * time.Millisecond

// settle waits until every message on the wire to a relay has been counted, and
// nothing follows any more. It collects what the taps heard.
func (st *stage) settle(ctx context.Context) error {
	heard := time.Now()
	for end := heard.Add(patience); ; time.Sleep(quiet / 5) {
		n, err := st.recorder.Collect()
		if err != nil {
			return err
		}
		if n > 0 {
			heard = time.Now()
		}
		// Known before the scrape, which may take longer than quiet.
		silent := time.Since(heard) > quiet
		st.events = st.recorder.Events()
		err = st.balance(ctx)
		if err == nil && silent || ctx.Err() != nil || time.Now().After(end) {
			return err
		}
	}
}

// balance compares the relays' counters with the wire.
func (st *stage) balance(ctx context.Context) error {
	st.counters = map[string]Counters{}
	var errs []error
	for name, r := range st.relays {
		c, err := r.Counters(ctx)
		if err != nil {
			errs = append(errs, fmt.Errorf("metrics of %s: %w", name, err))
			continue
		}
		st.counters[name] = c
		wire := 0
		for i := range st.events {
			if to, beside := hears(&st.events[i], name); to || beside {
				wire++
			}
		}
		received, sum := c.Sum(receivedTotal), c.Sum(messagesTotal)
		if received != wire || sum != wire {
			errs = append(errs, fmt.Errorf("counters of %s: expected %d messages as on the wire, seen %s %d and the sum of %s %d",
				name, wire, receivedTotal, received, messagesTotal, sum))
		}
	}
	return errors.Join(errs...)
}

// hears reports whether a message is for the relay, or reaches it because it is
// broadcast on a link that is not one of its client networks.
func hears(e *ladder.Event, relay string) (to, beside bool) {
	to = e.To == relay
	return to, !to && e.Message6 == nil && relay == outerNode && e.Request() && e.On[0] == clientsB && e.Frame.EtherDst[0]&1 != 0
}

// shown returns the nodes that have a part in the events, and the relays.
func (l *Lab) shown(events []ladder.Event) []ladder.Node {
	var out []ladder.Node
	for _, n := range l.nodes {
		used := slices.ContainsFunc(events, func(e ladder.Event) bool { return e.From == n.Name || e.To == n.Name })
		if _, relay := l.relays[n.Name]; used || relay {
			out = append(out, n)
		}
	}
	return out
}
