package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"dhcp-relay/relay/wire/dhcp"
)

// A trial measures one relay in one round.
type trial struct {
	s   *session
	f   dhcp.Family
	p   *process
	row *Row
}

// onCard measures what differs on the uplink that is cut.
func (t *trial) onCard(ctx context.Context) error {
	if err := t.s.warmUp(ctx, t.f, t.p, t.s.plan.warm); err != nil {
		return err
	}
	return t.each(ctx, t.requests, t.burst)
}

// each takes the steps, as long as the relay lives.
func (t *trial) each(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
		if !t.p.alive() {
			return errors.New("ended under load")
		}
	}
	return nil
}

// all measures everything about a relay that runs.
func (t *trial) all(ctx context.Context) error {
	t.row.add("start", ms(t.p.ready))
	t.row.add("rss_idle", float64(residentOf(t.p.proc.Pid()))/1024)
	if err := t.s.warmUp(ctx, t.f, t.p, t.s.plan.warm); err != nil {
		return err
	}
	if err := t.each(ctx, t.requests, t.burst, t.replies, t.transactions); err != nil {
		return err
	}
	t.row.add("rss_loaded", float64(residentOf(t.p.proc.Pid()))/1024)
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (t *trial) addPeak(prefix string, k peak) {
	t.row.addFlood(prefix, &k.flood)
	t.row.add(prefix+"_rate", k.best.Rate)
	t.row.add(prefix+"_cpu_lossless", k.best.PerMessage())
	if k.ceiling {
		t.row.atLeast(prefix + "_rate")
	}
}

// addFlood adds what became of a flood.
func (r *Row) addFlood(prefix string, f *flow) {
	r.add(prefix+"_cpu", f.PerMessage())
	r.add(prefix+"_flood", f.Goodput)
	r.add(prefix+"_loss", 100*f.Loss())
}

// up returns a pump for requests.
func (s *session) up(f dhcp.Family, devs ...string) (*pump, error) {
	g, err := newGenerator(s.bed.load, s.requests(f), devs...)
	if err != nil {
		return nil, err
	}
	return &pump{family: f, gen: g, rx: s.server[f], runs: &s.runs}, nil
}

func (t *trial) requests(ctx context.Context) error {
	p, err := t.s.up(t.f, downLink)
	if err != nil {
		return err
	}
	defer p.gen.close()
	k, err := t.s.search(ctx, p, t.p)
	if err != nil {
		return fmt.Errorf("requests: %w", err)
	}
	t.addPeak(t.p.subject.uplink.prefix()+"req", k)
	return nil
}

// burst sends requests as fast as the load can after a time of silence.
func (t *trial) burst(ctx context.Context) error {
	p, err := t.s.up(t.f, downLink)
	if err != nil {
		return err
	}
	defer p.gen.close()
	f, err := p.do(ctx, load{total: burstSize, relay: t.p})
	if err != nil {
		return fmt.Errorf("burst: %w", err)
	}
	t.row.add(t.p.subject.uplink.prefix()+"burst", float64(f.Received))
	return nil
}

// burstSize is how many requests come at once.
const burstSize = 50_000

// down returns a pump for replies to what the relay has relayed.
func (s *session) down(f dhcp.Family, relay *process) (*pump, error) {
	near, far := relay.subject.uplink.devs()
	from, err := s.bed.sink.MAC(far)
	if err != nil {
		return nil, err
	}
	to, err := s.bed.relay.MAC(near)
	if err != nil {
		return nil, err
	}
	port := serverPort(f)
	set := replies(f, relay.sample, netip.AddrPortFrom(relay.subject.uplink.servers().addr(f), port),
		netip.AddrPortFrom(relay.back, port), from, to)
	g, err := newGenerator(s.bed.sink, set, far)
	if err != nil {
		return nil, err
	}
	return &pump{family: f, gen: g, rx: s.client[f], client: true, runs: &s.runs}, nil
}

func (t *trial) replies(ctx context.Context) error {
	p, err := t.s.down(t.f, t.p)
	if err != nil {
		return err
	}
	defer p.gen.close()
	k, err := t.s.search(ctx, p, t.p)
	if err != nil {
		return fmt.Errorf("replies: %w", err)
	}
	t.addPeak("rep", k)
	return nil
}

func (t *trial) transactions(ctx context.Context) error {
	s := t.s
	first, err := newGenerator(s.bed.load, s.requests(t.f), downLink)
	if err != nil {
		return err
	}
	defer first.close()
	second, err := newGenerator(s.bed.load, requests(t.f, request), downLink)
	if err != nil {
		return err
	}
	defer second.close()
	d := &dialogue{
		family: t.f, first: first, second: second, server: s.server[t.f], client: s.client[t.f],
		fallback: s.bed.down, runs: &s.runs,
	}
	k, err := s.search(ctx, d, t.p)
	if err != nil {
		return fmt.Errorf("transactions: %w", err)
	}
	t.addPeak("txn", k)
	return nil
}
