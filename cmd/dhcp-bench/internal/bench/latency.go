package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dhcp-relay/relay/wire/dhcp"
)

// shortWarm is the most that the warm-up before a slice takes, each way.
const shortWarm = 200 * time.Millisecond

// slice measures the latency of a relay once more.
func (s *session) slice(ctx context.Context, x *subject, f dhcp.Family, row *Row) (err error) {
	p, err := s.start(ctx, x, f, s.downs(0))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if err := s.warmUp(ctx, f, p, shortWarm); err != nil {
		return err
	}
	pump, err := s.up(f, downLink)
	if err != nil {
		return err
	}
	defer pump.gen.close()
	stop, err := keepAwake(s.bed.relay, s.cores.relay)
	if err != nil {
		return err
	}
	defer stop()
	return s.latencies(ctx, pump, p, row.last("req_rate")/2, row)
}

// latencies measures the latency at all rates; half is half of the highest rate.
func (s *session) latencies(ctx context.Context, p *pump, relay *process, half float64, row *Row) error {
	for _, r := range s.plan.rates {
		if err := s.latency(ctx, p, relay, float64(r), row, fmt.Sprintf("lat_%d_", r)); err != nil {
			return err
		}
	}
	if half < 1 {
		return nil // it keeps up with nothing
	}
	return s.latency(ctx, p, relay, half, row, "lat_half_")
}

// latency measures at one rate. If nothing is relayed, there is no latency.
func (s *session) latency(ctx context.Context, p *pump, relay *process, rate float64, row *Row, prefix string) error {
	f, err := p.do(ctx, load{
		rate: rate, total: max(s.plan.samples, int(rate*s.plan.slice.Seconds())), after: s.plan.after,
		timed: true, relay: relay,
	})
	if err != nil {
		return fmt.Errorf("latency: %w", err)
	}
	if len(f.latency) == 0 {
		return nil
	}
	row.add(prefix+"p50", f.Percentile(50)/1000)
	row.add(prefix+"p99", f.Percentile(99)/1000)
	return nil
}
