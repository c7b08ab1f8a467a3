// Package bench measures relays side by side: the same load, in the same
// namespaces, one relay after the other, round after round. It measures itself
// as well, so that no limit of the load is taken for a relay's, and the null
// relay, so that it can be said how far from the possible a relay is.
//
// A relay is charged for its own host's work only: not for the reception of what
// it sends, which veth makes the sender do (meter). What the relay's host receives
// is charged to the load, for every relay alike.
//
// What leaves as one (UDP_SEGMENT) and is not cut apart on its way counts as one
// message (listener), as it is for a server that reads frames.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"time"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

// A Config says what to measure.
type Config struct {
	Relay  string   // the relay's program
	Self   []string // the command that plays the null relay; the family and flags are added
	Peers  string   // where peers were unpacked that cannot be installed
	Only   []string // names of relays; empty: all
	Rounds int      // 0: five, or one if quick
	Quick  bool     // some three minutes, for a look; else 40, and 45 at most
	Log    io.Writer
}

// A plan is how long a run takes.
type plan struct {
	warm       time.Duration // of a relay before what is measured, at most, each way
	flood      time.Duration // but that it ends with maxSeq messages
	step       time.Duration // of one step of a search
	least      int           // messages of a step, but that it takes four times as long at most
	steps      int
	search     time.Duration // at most, but for the last step
	after      time.Duration // what a relay has not relayed by then is lost
	slices     int           // of latency, in each round
	rates      []int         // of latency, a second
	slice      time.Duration // at each rate
	samples    int           // of a slice, at least
	pairs      int           // watched and bare
	taxPairs   int           // in each round
	taxPackets int
	links      []int

	rounds [2]time.Duration // by family: when its last round is to be over, but that there is one
	scales time.Duration    // when the last relay but ours may begin with many links
}

func (c *Config) plan() plan {
	if c.Quick {
		return plan{
			warm: 200 * time.Millisecond, flood: 400 * time.Millisecond,
			step: 150 * time.Millisecond, least: 100, steps: 3, search: 3 * time.Second, after: 2 * time.Second,
			slices: 1, rates: []int{100, 1000}, slice: 200 * time.Millisecond, samples: 50, pairs: 2,
			taxPairs: 2, taxPackets: 50_000, links: []int{100},
			rounds: [2]time.Duration{2 * time.Minute, 4 * time.Minute}, scales: 5 * time.Minute,
		}
	}
	return plan{
		warm: time.Second, flood: 2 * time.Second,
		step: 600 * time.Millisecond, least: 1000, steps: 5, search: 10 * time.Second, after: 20 * time.Second,
		slices: 2, rates: []int{100, 1000, 10_000}, slice: 300 * time.Millisecond, samples: 100, pairs: 5,
		taxPairs: 5, taxPackets: 100_000, links: []int{1, 100, 1000, 4000},
		rounds: [2]time.Duration{18 * time.Minute, 37 * time.Minute}, scales: 42 * time.Minute,
	}
}

// A session is one run.
type session struct {
	Config
	began  time.Time
	plan   plan
	cores  cores
	meter  *meter
	bed    *bed
	server [2]*listener // by family
	client [2]*listener
	sets   [2]frameSet // requests that begin a transaction
	runs   int
	lost   uint32
}

// Run measures and returns the report. What cannot be measured of a relay is
// noted in its row; an error says that nothing can be.
func Run(ctx context.Context, c Config) (r *Report, err error) { return run(ctx, c, c.plan()) }

func run(ctx context.Context, c Config, p plan) (r *Report, err error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("bench makes network namespaces, which takes root")
	}
	if c.Rounds == 0 {
		c.Rounds = 5
		if c.Quick {
			c.Rounds = 1
		}
	}
	s := &session{Config: c, began: time.Now(), plan: p}
	xs, err := s.chosen()
	if err != nil {
		return nil, err
	}
	var undo func()
	if s.cores, undo, err = splitCores(); err != nil {
		return nil, err
	}
	defer undo()
	if s.meter, err = newMeter(s.cores.relay); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.meter.close()) }()
	if err := netns.Sweep(regexp.MustCompile(`^db(\d+)-`)); err != nil {
		return nil, fmt.Errorf("clear away what an earlier run left: %w", err)
	}
	if s.bed, err = newBed(); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.bed.close()) }()
	if err := s.listen(); err != nil {
		return nil, err
	}
	defer s.close()
	r = &Report{Host: thisHost(), Quick: c.Quick, Rounds: c.Rounds, Uplinks: uplinks()}
	dropped := backlogDrops()
	err = s.measure(ctx, xs, r)
	r.Lost, r.Backlog = s.lost, backlogDrops()-dropped
	return r, err
}

// chosen returns the relays to measure. Watched and bare come together.
func (s *session) chosen() ([]subject, error) {
	xs := subjects(s.Relay, s.Self)
	for _, n := range s.Only {
		if !slices.ContainsFunc(xs, func(x subject) bool { return x.name == n }) {
			return nil, fmt.Errorf("there is no relay %q to measure", n)
		}
	}
	pair := slices.Contains(s.Only, oursWatched) || slices.Contains(s.Only, oursBare)
	return slices.DeleteFunc(xs, func(x subject) bool {
		return len(s.Only) > 0 && !slices.Contains(s.Only, x.name) && (!pair || !x.paired)
	}), nil
}

func (s *session) listen() (err error) {
	for _, f := range both {
		s.sets[f] = requests(f, opening)
		// Of all addresses, so that it is the server on every uplink.
		at := netip.AddrPortFrom(netip.IPv4Unspecified(), serverPort(f))
		if f == dhcp.V6 {
			at = netip.AddrPortFrom(netip.IPv6Unspecified(), serverPort(f))
		}
		if s.server[f], err = listenServer(s.bed.sink, at); err != nil {
			return err
		}
		if s.client[f], err = listenClients(s.bed.load, loadLink, f); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) close() {
	for _, f := range both {
		for _, l := range []*listener{s.server[f], s.client[f]} {
			if l != nil {
				l.close()
			}
		}
	}
}

func (s *session) requests(f dhcp.Family) frameSet { return s.sets[f] }

func (s *session) say(format string, args ...any) {
	if s.Log != nil {
		fmt.Fprintf(s.Log, "%4.0f s  "+format+"\n", append([]any{time.Since(s.began).Seconds()}, args...)...)
	}
}

// label is the family's name in the report.
func label(f dhcp.Family) string {
	if f == dhcp.V6 {
		return "v6"
	}
	return "v4"
}
