package bench

import (
	"context"
	"math"
	"time"
)

// lossless is the part of the messages that may be lost in a rate that counts
// as relayed.
const lossless = 0.001

// disturbed is how often a step is tried in which the kernel has dropped packets
// before any socket saw them, as it does where its own thread gets no processor.
const disturbed = 3

// A doer sends a load through a relay: a pump or a dialogue.
type doer interface {
	do(ctx context.Context, l load) (flow, error)
}

// A peak is the outcome of the search for a relay's highest rate.
type peak struct {
	flood   flow // as fast as the load can
	best    flow // at the highest rate found without loss
	ceiling bool // the relay kept up with the load: it may be able to do more
}

// search floods the relay and then finds the highest rate at which the relay keeps up, with less than
// 0.1 % lost. A search that takes too long ends with what it has found, which is
// a rate of 0 if that is nothing.
func (s *session) search(ctx context.Context, d doer, relay *process) (peak, error) {
	var k peak
	late := time.Now().Add(s.plan.search)
	try := func(rate float64) (flow, error) {
		step := rate * s.plan.step.Seconds()
		total := int(max(20, step, min(4*step, float64(s.plan.least))))
		return s.try(ctx, d, load{rate: rate, total: total, relay: relay})
	}
	var err error
	if k.flood, err = s.flood(ctx, d, relay); err != nil {
		return k, err
	}
	if k.flood.keptUp() {
		k.best, k.ceiling = k.flood, true
		return k, nil
	}
	hi := k.flood.Rate
	lo := min(hi/2, max(50, k.flood.Goodput/3))
	for i := 0; i < s.plan.steps && time.Now().Before(late); i++ {
		mid := math.Sqrt(lo * hi)
		f, err := try(mid)
		if err != nil {
			return k, err
		}
		if f.keptUp() {
			k.best, lo = f, mid
		} else {
			hi = mid
		}
	}
	for lo >= 50 && k.best.Sent == 0 && time.Now().Before(late) {
		f, err := try(lo)
		if err != nil {
			return k, err
		}
		if f.keptUp() {
			k.best = f
		}
		lo /= 2
	}
	return k, nil
}

// flood sends as fast as the load can, for so long that what a relay does but
// once weighs little.
func (s *session) flood(ctx context.Context, d doer, relay *process) (flow, error) {
	return s.try(ctx, d, load{total: maxSeq, lasts: s.plan.flood, relay: relay})
}

// try does one step, and once more if the kernel has disturbed it and there is
// time for that.
func (s *session) try(ctx context.Context, d doer, l load) (f flow, err error) {
	l.after = s.plan.after
	late := time.Now().Add(s.plan.search)
	for range disturbed {
		before := backlogDrops()
		f, err = d.do(ctx, l)
		s.lost += f.Lost
		if err != nil || f.Loss() < lossless || backlogDrops() == before || time.Now().After(late) {
			break
		}
	}
	return f, err
}
