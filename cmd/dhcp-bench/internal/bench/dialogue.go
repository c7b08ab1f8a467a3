package bench

import (
	"context"
	"fmt"
	"time"

	"dhcp-relay/relay/wire/dhcp"
)

// A dialogue plays whole transactions of four messages through a relay: clients
// that ask, a server that offers, clients that request, and a server that
// acknowledges, all in one thread.
type dialogue struct {
	family   dhcp.Family
	first    *generator // DISCOVER or SOLICIT
	second   *generator // REQUEST
	server   *listener
	client   *listener
	fallback pair // the relay's address towards the clients
	runs     *int

	ids []id // of offers that wait for a request
}

// do starts transactions as the load says and counts those that were completed.
func (d *dialogue) do(ctx context.Context, l load) (flow, error) {
	l.total = min(l.total, maxSeq)
	*d.runs++
	t := newTally(*d.runs, l.total, false)
	for d.server.recv()+d.client.recv() > 0 {
		continue // what is left of an earlier run
	}
	var f flow
	err := pinned(func() error { return d.play(ctx, l, t, &f) })
	f.Received, f.Twice = t.n, t.again
	return f, err
}

func (d *dialogue) play(ctx context.Context, l load, t *tally, f *flow) error {
	lost := drops(d.server.fd) + drops(d.client.fd)
	var cpu time.Duration
	if l.relay != nil {
		cpu = l.relay.cpu()
	}
	start := time.Now()
	for elapsed := time.Duration(0); !l.over(elapsed, f.Sent); elapsed = time.Since(start) {
		if n := l.due(elapsed, f.Sent); n > 0 {
			n, err := d.first.sendNext(t.run, f.Sent, n)
			if err != nil {
				return err
			}
			f.Sent += n
		}
		if _, err := d.turn(t); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	sending := time.Since(start)
	last, err := d.settle(ctx, &l, t, f.Sent)
	if err != nil {
		return err
	}
	if l.relay != nil {
		f.CPU = l.relay.cpu() - cpu
	}
	f.Lost = drops(d.server.fd) + drops(d.client.fd) - lost
	f.Lag = last.Sub(start) - sending
	f.Rate = float64(f.Sent) / sending.Seconds()
	f.Goodput = float64(t.n) / last.Sub(start).Seconds()
	return ctx.Err()
}

// settle goes on until all transactions are completed, or nothing more comes, and
// returns when the last message came.
func (d *dialogue) settle(ctx context.Context, l *load, t *tally, sent int) (last time.Time, err error) {
	last = time.Now()
	for end := l.deadline(); t.n < sent && ctx.Err() == nil; {
		now := time.Now()
		progress, err := d.turn(t)
		if err != nil {
			return last, err
		}
		if progress {
			last = now
		}
		if now.After(end) || l.idle(now.Sub(last)) {
			break
		}
	}
	return last, nil
}

// turn lets the server and the clients answer what they have heard.
func (d *dialogue) turn(t *tally) (progress bool, err error) {
	if n := d.server.recv(); n > 0 {
		for i := range n {
			turn(d.family, d.server.data(i), d.fallback.addr(d.family))
		}
		if _, err := d.server.answer(d.family); err != nil {
			return false, fmt.Errorf("server: %w", err)
		}
		progress = true
	}
	d.ids = d.ids[:0]
	n := d.client.recv()
	for i := range n {
		x, kind, ok := deliveredID(d.family, d.client.data(i))
		switch {
		case !ok || x.run() != t.run:
		case kind == offer: // or ADVERTISE
			d.ids = append(d.ids, x)
		case t.note(x, 0):
			progress = true
		}
	}
	if len(d.ids) > 0 {
		progress = true
		_, err = d.second.send(d.ids)
	}
	return progress, err
}
