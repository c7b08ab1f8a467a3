package daemon

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"dhcp-relay/metrics"
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
	m := p.metrics
	s := status.Sample{Messages: func(yield func(status.MessageCount) bool) {
		for n := range m.Messages() {
			if !yield(status.MessageCount{
				Interface: n.Interface, Family: n.Family, Direction: n.Direction,
				Outcome: n.Outcome, Refusal: n.Type == "nak", Count: n.Count,
			}) {
				return
			}
		}
	}}
	for _, n := range m.Links() {
		s.Unanswered = append(s.Unanswered, status.LinkCount{Interface: n.Interface, Family: n.Family, Count: n.Unanswered})
	}
	for _, n := range m.Servers() {
		if c, ok := serverCount(n); ok {
			s.Servers = append(s.Servers, c)
		}
	}
	for f := range s.Kernel {
		s.Kernel[f] = m.SocketDrops(dhcp.Family(f))
	}
	for _, n := range m.SendErrors() {
		s.SendErrors = append(s.SendErrors, status.ErrorCount{Towards: n.Towards, Error: n.Error, Count: n.Count})
	}
	for _, t := range p.tables {
		s.SendErrors = t.split(s.SendErrors)
	}
	return s
}

// serverCount converts the counts of a server, which metrics know by the name
// that its address has.
func serverCount(n metrics.ServerCount) (c status.ServerCount, ok bool) {
	a, err := netip.ParseAddrPort(n.Addr)
	if err != nil {
		return c, false
	}
	h := status.Histogram{Counts: n.Response.Counts, Bounds: make([]float64, len(n.Response.Bounds))}
	for i, d := range n.Response.Bounds {
		h.Bounds[i] = d.Seconds()
	}
	return status.ServerCount{
		ServerID: status.ServerID{Addr: a, VRF: n.VRF},
		Copies:   n.Copies, Replies: n.Replies, Failures: n.Failures, Unanswered: n.Unanswered,
		Response: h,
	}, true
}
