package watch

import (
	"context"
	"time"
)

const (
	quiet   = 20 * time.Millisecond  // without a change ends a burst
	longest = 200 * time.Millisecond // that changes may be gathered
)

// awaitQuiet waits for a nudge, and then until the burst that it began is over. It
// reports false when ctx ends.
func awaitQuiet(ctx context.Context, nudge <-chan struct{}) bool {
	select {
	case <-ctx.Done():
		return false
	case <-nudge:
	}
	end := time.NewTimer(longest)
	defer end.Stop()
	calm := time.NewTimer(quiet)
	defer calm.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-nudge:
			calm.Reset(quiet)
		case <-calm.C:
			return true
		case <-end.C:
			return true
		}
	}
}
