package bench

import (
	"context"
	"errors"
	"fmt"

	"dhcp-relay/relay/wire/dhcp"
)

// A half is one side of a pair: what became of floods of requests and replies,
// and the relay's memory then, in octets.
type half struct {
	requests, replies flow
	resident          int
}

// pairs measures what it costs ours to be watched: pairs of runs, watched and
// bare, one right after the other, each pair in the other order than the one
// before. What counts are the ratios within the pairs: a machine whose speed
// drifts is the same for both sides of one.
func (s *session) pairs(ctx context.Context, xs []*subject, f dhcp.Family, t *Table) error {
	var two [2]*subject // bare, watched
	for _, x := range xs {
		switch {
		case x.paired && x.watched:
			two[1] = x
		case x.paired:
			two[0] = x
		}
	}
	if two[0] == nil || two[1] == nil {
		return nil
	}
	bare, watched := t.row(two[0].name), t.row(two[1].name)
	for i := range s.plan.pairs {
		s.say("DHCP%s, pair %d of %d: watched and bare", t.Family, i+1, s.plan.pairs)
		var got [2]half
		var err error
		for k := range 2 {
			side := (i + k) % 2
			if got[side], err = s.half(ctx, two[side], f); err != nil {
				break
			}
		}
		if err := s.noted(ctx, watched, err); err != nil {
			return err
		}
		if err == nil {
			addPair(bare, watched, &got[0], &got[1])
		}
	}
	return nil
}

// half measures one side of a pair.
func (s *session) half(ctx context.Context, x *subject, f dhcp.Family) (h half, err error) {
	p, err := s.start(ctx, x, f, s.downs(0))
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if x.watched {
		defer watch(ctx, p.dir)()
	}
	if err := s.warmUp(ctx, f, p, s.plan.warm); err != nil {
		return h, err
	}
	up, err := s.up(f, downLink)
	if err != nil {
		return h, err
	}
	defer up.gen.close()
	if h.requests, err = s.flood(ctx, up, p); err != nil {
		return h, fmt.Errorf("requests: %w", err)
	}
	down, err := s.down(f, p)
	if err != nil {
		return h, err
	}
	defer down.gen.close()
	if h.replies, err = s.flood(ctx, down, p); err != nil {
		return h, fmt.Errorf("replies: %w", err)
	}
	h.resident = residentOf(p.proc.Pid())
	return h, nil
}

// addPair adds a pair to the rows, its ratios to that of the watched one.
func addPair(bare, watched *Row, b, w *half) {
	bare.add("rss_loaded", float64(b.resident)/1024)
	watched.add("rss_loaded", float64(w.resident)/1024)
	for _, x := range []struct {
		prefix string
		b, w   *flow
	}{{"req", &b.requests, &w.requests}, {"rep", &b.replies, &w.replies}} {
		bare.addFlood(x.prefix, x.b)
		watched.addFlood(x.prefix, x.w)
		if x.b.Received == 0 || x.w.Received == 0 {
			continue // a ratio would say nothing
		}
		watched.add(x.prefix+"_cpu_ratio", x.w.PerMessage()/x.b.PerMessage())
		ratio, bounded := throughput(x.b, x.w)
		watched.add(x.prefix+"_flood_ratio", ratio)
		if bounded {
			watched.atLeast(x.prefix + "_flood_ratio")
		}
	}
}

// throughput returns the ratio of what was relayed a second, watched to bare. If
// both have kept up, the load was the limit, whose own speed says nothing about a
// relay: what each has relayed is taken as a part of what it was offered then.
func throughput(b, w *flow) (ratio float64, bounded bool) {
	if b.keptUp() && w.keptUp() {
		return w.Goodput / w.Rate / (b.Goodput / b.Rate), true
	}
	return w.Goodput / b.Goodput, false
}
