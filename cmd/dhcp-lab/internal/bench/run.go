// Package bench measures relays side by side: the same load, in the same
// namespaces, one relay after the other, round after round. It measures itself
// as well, so that no limit of the load is taken for a relay's, and the null
// relay, so that it can be said how far from the possible a relay is.
//
// A relay is charged for its own host's work only: not for the reception of what
// it sends, which veth makes the sender do (meter), nor for the cutting of what it
// sends as one, which is a network card's work where the card can (listenServer).
// What the relay's host receives is charged to the load, for every relay alike.
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

	"dhcp-relay/cmd/dhcp-lab/internal/netns"
	"dhcp-relay/relay/udp"
)

// A Config says what to measure.
type Config struct {
	Relay  string   // the relay's program
	Self   []string // the command that plays the null relay; the family and flags are added
	Peers  string   // where peers were unpacked that cannot be installed
	Only   []string // names of relays; empty: all
	Rounds int      // 0: three, or one if quick
	Quick  bool     // some two minutes, for a look; else 20, and 25 at most
	Log    io.Writer
}

// A plan is how long a run takes.
type plan struct {
	step       time.Duration // of one step of a search
	least      int           // messages of a step, but that it takes four times as long at most
	steps      int
	search     time.Duration // at most, but for the last step
	rates      []int         // of latency, a second
	latency    time.Duration
	samples    int // of latency, at least
	taxPairs   int // in each round
	taxPackets int
	links      []int

	rounds [2]time.Duration // by family: when its last round may begin, but that there is one
	scales time.Duration    // when the last relay but ours may begin with many links
}

func (c *Config) plan() plan {
	if c.Quick {
		return plan{
			step: 150 * time.Millisecond, least: 100, steps: 4, search: 5 * time.Second, rates: []int{100, 1000}, latency: 300 * time.Millisecond, samples: 100,
			taxPairs: 1, taxPackets: 100_000, links: []int{100},
			rounds: [2]time.Duration{2 * time.Minute, 4 * time.Minute}, scales: 5 * time.Minute,
		}
	}
	return plan{
		step: 600 * time.Millisecond, least: 1000, steps: 5, search: 20 * time.Second,
		rates: []int{100, 1000, 10_000}, latency: time.Second, samples: 300,
		taxPairs: 1, taxPackets: 500_000, links: []int{1, 100, 1000, 4000},
		rounds: [2]time.Duration{6 * time.Minute, 12 * time.Minute}, scales: 19 * time.Minute,
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
	limit  [2]float64  // messages a second that the load can send
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
		c.Rounds = 3
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
	r = &Report{Host: thisHost(), Quick: c.Quick, Rounds: c.Rounds}
	dropped := backlogDrops()
	err = s.measure(ctx, xs, r)
	r.Lost, r.Backlog = s.lost, backlogDrops()-dropped
	return r, err
}

// chosen returns the relays to measure.
func (s *session) chosen() ([]subject, error) {
	xs := subjects(s.Relay, s.Self)
	for _, n := range s.Only {
		if !slices.ContainsFunc(xs, func(x subject) bool { return x.name == n }) {
			return nil, fmt.Errorf("there is no relay %q to measure", n)
		}
	}
	return slices.DeleteFunc(xs, func(x subject) bool {
		return len(s.Only) > 0 && !slices.Contains(s.Only, x.name)
	}), nil
}

func (s *session) listen() (err error) {
	for _, f := range both {
		s.sets[f] = requests(f, opening)
		at := netip.AddrPortFrom(s.bed.server.addr(f), serverPort(f))
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

func (s *session) requests(f udp.Family) frameSet { return s.sets[f] }

// measure measures all relays of a family in turn, round after round, and the
// next family then.
func (s *session) measure(ctx context.Context, xs []subject, r *Report) error {
	for _, f := range both {
		r.Tables = append(r.Tables, Table{Family: label(f)})
		t := &r.Tables[len(r.Tables)-1]
		load := &Row{Name: loadName, Yardstick: true}
		found := s.rows(xs, f, t)
		t.Rows = append(t.Rows, load)
		for round := range s.Rounds {
			if round > 0 && time.Since(s.began) > s.plan.rounds[f] {
				s.say("DHCP%s: the time is up after round %d", t.Family, round)
				break
			}
			s.say("DHCP%s, round %d of %d: the load itself", t.Family, round+1, s.Rounds)
			if err := s.calibrate(ctx, f, load); err != nil {
				return err
			}
			for _, x := range found {
				s.say("DHCP%s, round %d of %d: %s", t.Family, round+1, s.Rounds, x.name)
				if err := s.one(ctx, x, f, round, t.row(x.name)); err != nil {
					return err
				}
			}
		}
	}
	return s.scales(ctx, xs, r)
}

// rows makes the rows of the relays that are there, and notes those that are not.
func (s *session) rows(xs []subject, f udp.Family, t *Table) (found []*subject) {
	for i := range xs {
		x := xs[i]
		if !slices.Contains(x.families, f) {
			continue
		}
		row := &Row{Name: x.name, Yardstick: x.yardstick || x.brief}
		t.Rows = append(t.Rows, row)
		if x.yardstick {
			// The family is an argument that no site tells.
			x.binary, x.command = s.Self[0], nullCommand(x.command, f)
			found = append(found, &x)
			continue
		}
		path, err := find(x.binary, s.Peers)
		if err != nil {
			row.note("not measured: " + err.Error())
			s.say("%s: %v", x.name, err)
			continue
		}
		x.binary, row.Binary = path, path
		if info, err := os.Stat(path); err == nil {
			row.add("size", float64(info.Size())/1024)
		}
		found = append(found, &x)
	}
	return found
}

// nullCommand cuts off the program and puts the family before the flags.
func nullCommand(next func(*site) ([]string, error), f udp.Family) func(*site) ([]string, error) {
	return func(s *site) ([]string, error) {
		args, err := next(s)
		if err != nil {
			return nil, err
		}
		return append(args[1:], "--family", label(f)), nil
	}
}

// one measures a relay in one round. What fails is noted, but that the run is
// over.
func (s *session) one(ctx context.Context, x *subject, f udp.Family, round int, row *Row) error {
	p, err := s.start(ctx, x, f, s.downs(0))
	if err == nil {
		err = (&trial{s: s, f: f, p: p, row: row}).all(ctx)
		err = errors.Join(err, p.stop())
	}
	if err == nil && !x.brief {
		err = s.tax(ctx, x, f, round, row)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		row.note(err.Error())
		s.say("%v", err)
	}
	return nil
}

// scales measures the relays with more and more interfaces.
func (s *session) scales(ctx context.Context, xs []subject, r *Report) error {
	for _, n := range s.plan.links {
		began := time.Now()
		if err := s.bed.grow(ctx, n); err != nil {
			return err
		}
		if n > 1 {
			s.say("made %d interfaces in %v", n, time.Since(began).Round(time.Millisecond))
		}
		for i := range r.Tables {
			t, f := &r.Tables[i], both[i]
			if err := s.aloneOn(ctx, f, n, t.row(loadName)); err != nil {
				return err
			}
			for _, x := range xs {
				row := t.row(x.name)
				if x.single || row == nil || len(row.Values) == 0 {
					continue
				}
				if x.name != ours && time.Since(s.began) > s.plan.scales {
					row.note(fmt.Sprintf("%d interfaces: not measured, the time was up", n))
					continue
				}
				x.binary = row.Binary
				s.say("DHCP%s, %d interfaces: %s", t.Family, n, x.name)
				if err := s.scale(ctx, &x, f, n, row); err != nil {
					if ctx.Err() != nil {
						return ctx.Err()
					}
					row.note(fmt.Sprintf("%d interfaces: %v", n, err))
					s.say("%v", err)
				}
			}
		}
	}
	return nil
}

func (s *session) say(format string, args ...any) {
	if s.Log != nil {
		fmt.Fprintf(s.Log, "%4.0f s  "+format+"\n", append([]any{time.Since(s.began).Seconds()}, args...)...)
	}
}

// label is the family's name in the report.
func label(f udp.Family) string {
	if f == udp.V6 {
		return "v6"
	}
	return "v4"
}
