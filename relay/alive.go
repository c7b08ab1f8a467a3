package relay

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// errStuck says that a loop is at work on the batch that it was at work on when
// Alive was called before.
var errStuck = errors.New("a loop does not come to the end of its batch")

// Alive reports whether Run follows changes and its loops move messages, or wait
// for some. The error wraps ErrStuck, or that of ctx if Run does not answer. Between
// two calls a loop must have the time for a batch.
func (e *Engine) Alive(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case e.probe <- answer:
		return <-answer
	case <-ctx.Done():
		return fmt.Errorf("the engine does not answer: %w", ctx.Err())
	}
}

// stuck compares the loops with what they were when it was called before.
func (e *Engine) stuck() (err error) {
	now := make(map[*atomic.Uint64]uint64, len(e.turns))
	for k, s := range e.sockets {
		for _, t := range s.turns {
			now[t] = t.Load()
			if was, known := e.turns[t]; known && was == now[t] && was%2 == 1 {
				err = fmt.Errorf("%w: port %d, VRF %q", errStuck, k.Port, s.vrf)
			}
		}
	}
	e.turns = now
	return err
}
