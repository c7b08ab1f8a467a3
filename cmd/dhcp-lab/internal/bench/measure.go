package bench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"time"

	"dhcp-relay/relay/udp"
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

// search finds the highest rate at which the relay keeps up, with less than
// 0.1 % lost. A search that takes too long ends with what it has found, which is
// a rate of 0 if that is nothing.
func (s *session) search(ctx context.Context, d doer, relay *process, ceiling float64) (peak, error) {
	var k peak
	late := time.Now().Add(s.plan.search)
	try := func(rate float64) (flow, error) {
		of := rate
		if of == 0 {
			of = ceiling
		}
		step := of * s.plan.step.Seconds()
		total := int(max(20, step, min(4*step, float64(s.plan.least))))
		var f flow
		var err error
		for range disturbed {
			before := backlogDrops()
			f, err = d.do(ctx, load{rate: rate, total: total, relay: relay})
			s.lost += f.Lost
			if err != nil || f.Loss() < lossless || backlogDrops() == before {
				break
			}
		}
		return f, err
	}
	var err error
	if k.flood, err = try(0); err != nil {
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

// A trial measures one relay in one round.
type trial struct {
	s    *session
	f    udp.Family
	p    *process
	row  *Row
	half float64 // half of the relay's own highest rate of requests
}

// all measures everything about a relay that runs.
func (t *trial) all(ctx context.Context) error {
	t.row.add("start", ms(t.p.ready))
	t.row.add("rss_idle", float64(residentOf(t.p.proc.Pid()))/1024)
	steps := []func(context.Context) error{t.requests, t.latencies, t.burst, t.replies, t.transactions}
	if t.p.subject.brief {
		steps = []func(context.Context) error{t.requests, t.replies}
	}
	if t.p.subject.watched {
		defer watch(ctx, t.p.dir)()
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
		if !t.p.alive() {
			return errors.New("ended under load")
		}
	}
	t.row.add("rss_loaded", float64(residentOf(t.p.proc.Pid()))/1024)
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (t *trial) addPeak(prefix string, k peak) {
	t.row.add(prefix+"_rate", k.best.Rate)
	t.row.add(prefix+"_cpu", k.flood.PerMessage())
	t.row.add(prefix+"_cpu_lossless", k.best.PerMessage())
	t.row.add(prefix+"_flood", k.flood.Goodput)
	t.row.add(prefix+"_loss", 100*k.flood.Loss())
	if k.ceiling {
		t.row.atLeast(prefix + "_rate")
	}
}

// up returns a pump for requests.
func (s *session) up(f udp.Family, devs ...string) (*pump, error) {
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
	k, err := t.s.search(ctx, p, t.p, t.s.limit[t.f])
	if err != nil {
		return fmt.Errorf("requests: %w", err)
	}
	t.addPeak("req", k)
	t.half = k.best.Rate / 2
	return nil
}

func (t *trial) latencies(ctx context.Context) error {
	p, err := t.s.up(t.f, downLink)
	if err != nil {
		return err
	}
	defer p.gen.close()
	for _, r := range t.s.plan.rates {
		if err := t.latency(ctx, p, fmt.Sprintf("lat_%d", r), float64(r)); err != nil {
			return err
		}
	}
	return t.latency(ctx, p, "lat_half", t.half)
}

func (t *trial) latency(ctx context.Context, p *pump, key string, rate float64) error {
	if rate < 1 {
		return nil
	}
	f, err := p.do(ctx, load{
		rate: rate, total: max(t.s.plan.samples, int(rate*t.s.plan.latency.Seconds())), timed: true, relay: t.p,
	})
	if err != nil {
		return fmt.Errorf("latency: %w", err)
	}
	t.row.add(key+"_p50", f.Percentile(50)/1000)
	t.row.add(key+"_p99", f.Percentile(99)/1000)
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
	t.row.add("burst", float64(f.Received))
	return nil
}

// burstSize is how many requests come at once.
const burstSize = 50_000

func (t *trial) replies(ctx context.Context) error {
	s := t.s
	from, err := s.bed.sink.MAC(serverLink)
	if err != nil {
		return err
	}
	to, err := s.bed.relay.MAC(upLink)
	if err != nil {
		return err
	}
	port := serverPort(t.f)
	set := replies(t.f, t.p.sample, netip.AddrPortFrom(s.bed.server.addr(t.f), port),
		netip.AddrPortFrom(t.p.back, port), from, to)
	g, err := newGenerator(s.bed.sink, set, serverLink)
	if err != nil {
		return err
	}
	defer g.close()
	p := &pump{family: t.f, gen: g, rx: s.client[t.f], client: true, runs: &s.runs}
	k, err := s.search(ctx, p, t.p, s.limit[t.f])
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
	k, err := s.search(ctx, d, t.p, s.limit[t.f]/4)
	if err != nil {
		return fmt.Errorf("transactions: %w", err)
	}
	t.addPeak("txn", k)
	return nil
}

// calibrate measures the load itself: what it can send if nobody listens, and
// what it can send and receive on a link without a relay.
func (s *session) calibrate(ctx context.Context, f udp.Family, row *Row) error {
	alone, err := s.up(f, downLink)
	if err != nil {
		return err
	}
	defer alone.gen.close()
	total := min(maxSeq, int(3e5*s.plan.step.Seconds()))
	a, err := alone.do(ctx, load{total: total})
	if err != nil {
		return err
	}
	p, err := s.direct(f)
	if err != nil {
		return err
	}
	defer p.gen.close()
	defer p.rx.close()
	d, err := p.do(ctx, load{total: total})
	if err != nil {
		return err
	}
	if d.Loss() >= lossless {
		return fmt.Errorf("the load loses %.2f %% of its own messages without a relay", 100*d.Loss())
	}
	s.limit[f] = a.Rate
	row.add("req_alone", a.Rate)
	row.add("req_rate", d.Rate)
	row.atLeast("req_rate")
	row.add("req_flood", d.Goodput)
	row.add("req_loss", 100*d.Loss())
	t := trial{s: s, f: f, row: row, half: d.Rate / 2}
	for _, r := range s.plan.rates {
		if err := t.latency(ctx, p, fmt.Sprintf("lat_%d", r), float64(r)); err != nil {
			return err
		}
	}
	return t.latency(ctx, p, "lat_half", t.half)
}

// direct returns a pump from the load to a server on a link without a relay. Its
// messages are made as a relay's are, so that the server takes them.
func (s *session) direct(f udp.Family) (*pump, error) {
	to, err := s.bed.sink.MAC(directRx)
	if err != nil {
		return nil, err
	}
	port := serverPort(f)
	b := message4(0, opening)
	src := netip.MustParseAddrPort("10.69.0.1:67")
	if f == udp.V6 {
		b = append(make([]byte, relayLen), 0, optRelayed, 0, 0)
		b[0] = relayForw
		m := message6(0, opening)
		b[len(b)-1] = byte(len(m))
		b, src = append(b, m...), netip.MustParseAddrPort("[fd69::1]:547")
	}
	set := frames(f, b, src, netip.AddrPortFrom(s.bed.direct.addr(f), port), net.HardwareAddr{2, 0, 0, 0, 0, 9}, to)
	rx, err := listenServer(s.bed.sink, netip.AddrPortFrom(s.bed.direct.addr(f), port))
	if err != nil {
		return nil, err
	}
	g, err := newGenerator(s.bed.load, set, directTx)
	if err != nil {
		rx.close()
		return nil, err
	}
	return &pump{family: f, gen: g, rx: rx, runs: &s.runs}, nil
}
