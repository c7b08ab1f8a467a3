package daemon

import (
	"context"
	"log/slog"
	"time"

	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/observe/status"
)

// sampleEvery is how often the counters are looked at, for what is recent and
// for the log of drops.
const sampleEvery = time.Second

// followCounters reads the counters every second and logs new drops, until ctx ends.
func (p *process) followCounters(ctx context.Context) {
	var drops status.DropLog
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		now := time.Now()
		for _, l := range drops.Lines(now, p.recent.Read(now, p.counts, p.sendErrors())) {
			logDrop(p.log, l)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// logDrop writes one line of the log of drops.
func logDrop(log *slog.Logger, l status.DropLine) {
	level, text := slog.LevelWarn, "messages dropped"
	if status.Meant(l.Reason) {
		level = slog.LevelInfo
	}
	doc := l.Reason.DocOf(l.Direction)
	attrs := []slog.Attr{
		slog.String("link", l.Interface),
		slog.String("family", l.Family.String()),
		slog.String("direction", l.Direction.String()),
		slog.String("outcome", doc.Name),
		slog.Uint64("count", l.Count),
		slog.String("what", doc.What),
		slog.String("remedy", doc.Remedy),
	}
	if l.Interfaces > 1 || l.Interface == "" {
		text = "messages dropped on more interfaces"
		attrs[0] = slog.Int("links", l.Interfaces)
	}
	log.LogAttrs(context.Background(), level, text, attrs...)
}

// sendErrors returns the errors of sending, those that a full table has caused apart.
func (p *process) sendErrors() []count.SendError {
	all := p.counts.SendErrors()
	for _, t := range p.tables {
		all = t.split(all)
	}
	return all
}
