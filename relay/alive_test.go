package relay

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
)

func TestStuck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		before, after uint64 // turns at both calls
		want          error
	}{
		{"waits, nothing has come", 4, 4, nil},
		{"at work, on another batch than before", 3, 5, nil},
		{"at work, was waiting", 4, 5, nil},
		{"waits, was at work", 5, 6, nil},
		{"at work on the same batch", 5, 5, errStuck},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			turns := new(atomic.Uint64)
			e := &Engine{sockets: map[agent.Socket]*socket{{Port: 67}: {turns: []*atomic.Uint64{turns}}}}
			turns.Store(tt.before)
			if err := e.stuck(); err != nil {
				t.Errorf("the first time: %v", err)
			}
			turns.Store(tt.after)
			if err := e.stuck(); !errors.Is(err, tt.want) {
				t.Errorf("the second time: got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestAliveWithoutRun(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	e := New(agent.Policy{}, count.New(), slog.New(slog.DiscardHandler))
	if err := e.Alive(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
	}
}
