package watch

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestSettle(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	tests := []struct {
		name    string
		changes []time.Duration // when, from the first
		want    time.Duration   // when awaitQuiet returns
	}{
		{name: "one change", changes: []time.Duration{0}, want: 20 * ms},
		{name: "two close together", changes: []time.Duration{0, 15 * ms}, want: 35 * ms},
		{name: "the second too late", changes: []time.Duration{0, 25 * ms}, want: 20 * ms},
		{name: "an endless burst", changes: every(10*ms, 40), want: 200 * ms},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				nudge := make(chan struct{}, 1)
				start := time.Now()
				var wg sync.WaitGroup
				defer wg.Wait()
				wg.Go(func() {
					for _, at := range tt.changes {
						time.Sleep(at - time.Since(start)) // of the bubble's clock
						select {
						case nudge <- struct{}{}:
						default:
						}
					}
				})
				if !awaitQuiet(t.Context(), nudge) {
					t.Fatal("ended")
				}
				if got := time.Since(start); got != tt.want {
					t.Errorf("settled after %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestSettleEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		nudge := make(chan struct{}, 1)
		if awaitQuiet(ctx, nudge) {
			t.Error("settled without a change")
		}
		nudge <- struct{}{}
		if awaitQuiet(ctx, nudge) {
			t.Error("settled after the end")
		}
	})
}

func every(d time.Duration, n int) []time.Duration {
	var all []time.Duration
	for i := range n {
		all = append(all, time.Duration(i)*d)
	}
	return all
}
