package relay

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestApplyThenRest(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		links       int
		takes, want time.Duration // to apply; from the first change to when the second may be applied
	}{
		{"a quick change of few links", 10, time.Millisecond, 4 * time.Millisecond},
		{"a slow one, which others have held up", 10, 350 * time.Millisecond, 355 * time.Millisecond},
		{"a slow one of some", 200, time.Second, 1100 * time.Millisecond},
		{"a quick change of many links", 4000, 100 * time.Millisecond, 400 * time.Millisecond},
		{"a slow one", 2000, 500 * time.Millisecond, 1500 * time.Millisecond},
		{"a very slow one", 8000, 2 * time.Second, 4 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				changed := make(chan chan struct{})
				go func() {
					done := <-changed
					if waited := time.Since(start); waited != 0 {
						t.Errorf("the change has waited for %v", waited)
					}
					time.Sleep(tt.takes) // of the bubble's clock
					close(done)
				}()
				applyThenRest(t.Context(), changed, func() int { return tt.links })
				if got := time.Since(start); got != tt.want {
					t.Errorf("rested until %v, want %v", got, tt.want)
				}
			})
		})
	}
}

func TestApplyThenRestEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		take func(changed <-chan chan struct{})
	}{
		{"before anyone takes the change", func(<-chan chan struct{}) {}},
		{"while it is applied", func(c <-chan chan struct{}) { <-c }},
		{"while resting", func(c <-chan chan struct{}) {
			done := <-c
			time.Sleep(500 * time.Millisecond) // of the bubble's clock
			close(done)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const end = 700 * time.Millisecond
				ctx, cancel := context.WithTimeout(t.Context(), end)
				defer cancel()
				changed := make(chan chan struct{})
				start := time.Now()
				go tt.take(changed)
				applyThenRest(ctx, changed, func() int { return 4000 })
				if got := time.Since(start); got != end {
					t.Errorf("ended after %v, want %v", got, end)
				}
			})
		})
	}
}
