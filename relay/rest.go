package relay

import (
	"context"
	"time"
)

// After a change of the links the engine rests some times as long as the change
// took, but at most so long: where thousands of links come one after the other,
// most of the processor is for those who make them. A single change does not wait.
const (
	restTimes = 3
	restMost  = 2 * time.Second
)

// applyThenRest has a change applied by the one who receives from changed and
// closes what it gets when that is done. It returns when the next may be applied,
// or when ctx ends.
func applyThenRest(ctx context.Context, changed chan<- chan struct{}) {
	done := make(chan struct{})
	select {
	case changed <- done:
	case <-ctx.Done():
		return
	}
	start := time.Now()
	select {
	case <-done:
	case <-ctx.Done():
		return
	}
	select {
	case <-time.After(min(restTimes*time.Since(start), restMost)):
	case <-ctx.Done():
	}
}
