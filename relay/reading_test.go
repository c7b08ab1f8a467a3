package relay

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"dhcp-relay/giaddr/watch"
)

// That the interfaces cannot be read is told once it lasts, and when it is over.
func TestStalePictureIsTold(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	e := &Engine{log: slog.New(slog.NewTextHandler(&log, nil))}
	start := time.Unix(1_700_000_000, 0)
	fails := watch.Stats{Resyncs: 7, Err: errors.New("netlink: permission denied"), Since: start}
	for _, step := range []struct {
		after time.Duration
		stats watch.Stats
		stale bool
		lines int
	}{
		{time.Second, fails, false, 0}, // as an interrupted dump does
		{staleAfter, fails, true, 1},
		{2 * staleAfter, fails, true, 1},
		{3 * staleAfter, watch.Stats{Resyncs: 8}, false, 2},
	} {
		e.watched(step.stats, start.Add(step.after))
		p := e.HostReading()
		if (p.Stale != "") != step.stale || p.Resyncs != step.stats.Resyncs {
			t.Errorf("after %v: %+v", step.after, p)
		}
		if got := strings.Count(log.String(), "\n"); got != step.lines {
			t.Errorf("after %v: %d lines of log, want %d:\n%s", step.after, got, step.lines, log.String())
		}
	}
}
