package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"dhcp-relay/relay/wire/dhcp"
)

// measure measures all relays of a family in turn, round after round, and the
// next family then.
func (s *session) measure(ctx context.Context, xs []subject, r *Report) error {
	for _, f := range both {
		r.Tables = append(r.Tables, Table{Family: label(f)})
		t := &r.Tables[len(r.Tables)-1]
		found := s.rows(xs, f, t)
		t.Rows = append(t.Rows, &Row{Name: loadName, Yardstick: true})
		single := slices.DeleteFunc(slices.Clone(found), func(x *subject) bool { return x.paired })
		var took time.Duration // by the longest round
		for round := range s.Rounds {
			if round > 0 && time.Since(s.began)+took > s.plan.rounds[f] {
				s.say("DHCP%s: there is no time for more than %d rounds", t.Family, round)
				break
			}
			began := time.Now()
			if err := s.round(ctx, single, f, round, t); err != nil {
				return err
			}
			took = max(took, time.Since(began))
		}
		if err := s.pairs(ctx, found, f, t); err != nil {
			return err
		}
	}
	return s.scales(ctx, xs, r)
}

// round measures the load and all relays once, but for their latency, which is
// measured in several slices: a stall of the machine is then one of few, and not
// always the same relay's.
func (s *session) round(ctx context.Context, xs []*subject, f dhcp.Family, round int, t *Table) error {
	say := func(what string) { s.say("DHCP%s, round %d of %d: %s", t.Family, round+1, s.Rounds, what) }
	say("the load itself")
	if err := s.calibrate(ctx, f, t.row(loadName)); err != nil {
		return err
	}
	for _, x := range xs {
		say(x.name)
		if err := s.one(ctx, x, f, round, t.row(x.name)); err != nil {
			return err
		}
	}
	for i := range s.plan.slices {
		say(fmt.Sprintf("latencies, slice %d of %d", i+1, s.plan.slices))
		for _, x := range xs {
			row := t.row(x.name)
			if row.Values["req_flood"] == nil {
				continue // it does not relay
			}
			if err := s.noted(ctx, row, s.slice(ctx, x, f, row)); err != nil {
				return err
			}
		}
	}
	return nil
}

// noted notes what a relay has failed in, so that the run goes on; it returns the
// error of a run that is over.
func (s *session) noted(ctx context.Context, row *Row, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		row.note(err.Error())
		s.say("%v", err)
	}
	return nil
}

// rows makes the rows of the relays that are there, and notes those that are not.
func (s *session) rows(xs []subject, f dhcp.Family, t *Table) (found []*subject) {
	for i := range xs {
		x := xs[i]
		if !slices.Contains(x.families, f) {
			continue
		}
		row := &Row{Name: x.name, Yardstick: x.yardstick || x.paired}
		t.Rows = append(t.Rows, row)
		if x.yardstick {
			x = s.yardstick(x, f)
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

// yardstick returns the null relay of a family, which is an argument that no site tells.
func (s *session) yardstick(x subject, f dhcp.Family) subject {
	x.binary, x.command = s.Self[0], nullCommand(x.command, f)
	return x
}

// nullCommand cuts off the program and puts the family before the flags.
func nullCommand(next func(*site) ([]string, error), f dhcp.Family) func(*site) ([]string, error) {
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
func (s *session) one(ctx context.Context, x *subject, f dhcp.Family, round int, row *Row) error {
	err := s.trial(ctx, x, f, row, (*trial).all)
	if err == nil {
		cut := *x
		cut.uplink = card
		err = s.trial(ctx, &cut, f, row, (*trial).onCard)
	}
	if err == nil {
		err = s.tax(ctx, x, f, round, row)
	}
	return s.noted(ctx, row, err)
}

// trial starts a relay and has it measured.
func (s *session) trial(ctx context.Context, x *subject, f dhcp.Family, row *Row, measure func(*trial, context.Context) error) error {
	p, err := s.start(ctx, x, f, s.downs(0))
	if err != nil {
		return err
	}
	return errors.Join(measure(&trial{s: s, f: f, p: p, row: row}, ctx), p.stop())
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
				if x.name != ours && !x.yardstick && time.Since(s.began) > s.plan.scales {
					row.note(fmt.Sprintf("%d interfaces: not measured, the time was up", n))
					continue
				}
				x.binary = row.Binary
				if x.yardstick {
					x = s.yardstick(x, f)
				}
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
