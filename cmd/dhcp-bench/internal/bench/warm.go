package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dhcp-relay/relay/wire/dhcp"
)

// Of the warm-up: its messages each way, at most; how many may be on their way at
// once, so that slow relays have little left to do after it; how long one is
// waited for; and the silence at its end, at least and at most.
const (
	warmUps   = 30_000
	warmAhead = 512
	warmLost  = 20 * time.Millisecond
	restLeast = 300 * time.Millisecond
	restMost  = 3 * time.Second
)

// warmUp has a relay relay requests and replies that do not count, each for so
// long at most, and then lets it rest: what a relay does but once, when it first
// touches its memory, is no part of what a message costs.
func (s *session) warmUp(ctx context.Context, f dhcp.Family, relay *process, most time.Duration) error {
	up, err := s.up(f, downLink)
	if err != nil {
		return err
	}
	defer up.gen.close()
	down, err := s.down(f, relay)
	if err != nil {
		return err
	}
	defer down.gen.close()
	return s.warm(ctx, relay, most, up, down)
}

// warm is warmUp with pumps.
func (s *session) warm(ctx context.Context, relay *process, most time.Duration, pumps ...*pump) error {
	for _, p := range pumps {
		if err := pinned(func() error { return p.warm(ctx, most) }); err != nil {
			return fmt.Errorf("warm-up: %w", err)
		}
	}
	return s.rest(ctx, relay)
}

// warm sends until enough is sent or the time is up. What has not come for a
// while is not waited for.
func (p *pump) warm(ctx context.Context, most time.Duration) error {
	*p.runs++
	t := newTally(*p.runs, warmUps, false)
	last := time.Now()
	for sent, lost, end := 0, 0, last.Add(most); sent < warmUps; {
		now := time.Now()
		if now.After(end) {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if sent-t.n-lost < warmAhead {
			n, err := p.send(t, sent, min(batch, warmUps-sent))
			if err != nil {
				return err
			}
			sent += n
		}
		if p.drain(t) {
			last = now
		}
		if now.Sub(last) > warmLost {
			last, lost = now, sent-t.n
		}
	}
	return nil
}

// rest waits for a silence in which the relay has done all that it had to do.
func (s *session) rest(ctx context.Context, relay *process) error {
	for began := time.Now(); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-relay.proc.Done():
			return errors.New("ended while it was warmed up")
		case <-time.After(restLeast):
		}
		if !relay.busy() || time.Since(began) > restMost {
			return nil
		}
	}
}
