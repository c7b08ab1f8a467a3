package daemon

import (
	"context"
	"log/slog"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/wire/dhcp"
)

// sampleEvery is how often the counters are looked at, for what is recent and
// for the log of drops.
const sampleEvery = time.Second

// followCounters takes a sample every second and logs new drops, until ctx ends.
func followCounters(ctx context.Context, sample func() status.Sample, recent *status.Recent, log *slog.Logger) {
	var drops status.DropLog
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		now := time.Now()
		for _, l := range drops.Lines(now, recent.Take(now, sample())) {
			logDrop(log, l)
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

// sample takes the counters of this moment.
func (p *process) sample() status.Sample {
	c := p.counts
	links, _ := c.Links()
	s := status.Sample{Messages: func(yield func(status.MessageCount) bool) {
		for _, l := range links {
			for f := range dhcp.Family(dhcp.Families) {
				names := c.TypeNames(f)
				for r := range agent.Reason(agent.NumReasons) {
					for d := range dhcp.Direction(dhcp.Directions) {
						t := l.Tally(f, d, r)
						if t == nil {
							continue
						}
						for slot := range t {
							if n := t[slot].Load(); n > 0 && !yield(status.MessageCount{
								Interface: l.Name(), Family: f, Direction: d,
								Outcome: r, Refusal: names[slot] == "nak", Count: n,
							}) {
								return
							}
						}
					}
				}
			}
		}
	}}
	for _, l := range links {
		for f := range dhcp.Family(dhcp.Families) {
			if n := l.NoReply[f].Value(); n > 0 {
				s.Unanswered = append(s.Unanswered, status.LinkCount{Interface: l.Name(), Family: f, Count: n})
			}
		}
	}
	for _, v := range c.Servers() {
		h := status.Histogram{Bounds: make([]float64, len(count.Bounds()))}
		for i, d := range count.Bounds() {
			h.Bounds[i] = d.Seconds()
		}
		h.Counts, _ = v.Response.Read()
		s.Servers = append(s.Servers, status.ServerCount{
			ServerID: status.ServerID{Addr: v.Addr, VRF: v.VRF},
			Copies:   v.Copies.Value(), Replies: v.Replies.Value(), Failures: v.Failures.Value(), Unanswered: v.NoReply.Value(),
			Response: h,
		})
	}
	for f := range s.Kernel {
		s.Kernel[f], _ = c.SocketDrops(dhcp.Family(f))
	}
	for _, n := range c.SendErrors() {
		s.SendErrors = append(s.SendErrors, status.ErrorCount{Towards: n.Towards, Error: n.Error, Count: n.Count})
	}
	for _, t := range p.tables {
		s.SendErrors = t.split(s.SendErrors)
	}
	return s
}
