package relay

import (
	"context"
	"time"
)

// After a change of the links the engine rests some times as long as the change
// took: where thousands of links come one after the other, most of the processor
// is for those who make them. Few links do not rest for long however slow the
// change was: the kernel may have had it wait for others.
const (
	restTimes = 3
	restEach  = 500 * time.Microsecond // of the links of this host, at most
	restMost  = 2 * time.Second
)

// applyThenRest has a change applied by the one who receives from changed and
// closes what it gets when that is done. It returns when the next may be applied,
// or when ctx ends. links is how many this host has then.
func applyThenRest(ctx context.Context, changed chan<- chan struct{}, links func() int) {
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
	took := time.Since(start)
	select {
	case <-time.After(min(restTimes*took, restEach*time.Duration(links()), restMost)):
	case <-ctx.Done():
	}
}
