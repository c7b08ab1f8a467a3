package http

import (
	"context"
	"log/slog"
	"time"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/transaction"
)

// levelPoll is how often to look whether the log shows messages.
const levelPoll = time.Second

// Log logs a line of each message while the log shows the level debug, until ctx ends.
// It reads copies, and says how many it was too slow for.
func (v *Recording) Log(ctx context.Context, log *slog.Logger) {
	var s *stream // nil: messages are not logged
	told := false // that they cannot be
	for pause := levelPoll; ; {
		var now time.Time
		select {
		case <-ctx.Done():
			return
		case now = <-time.After(pause):
		}
		on, recorded := log.Enabled(ctx, slog.LevelDebug), v.source.Recorder() != nil
		if on && !recorded && !told {
			log.Warn("messages are not logged: the flight recorder is off; set recorder.messages and restart")
		}
		told = on && !recorded
		if !on || !recorded {
			s, pause = nil, levelPoll
			continue
		}
		if s == nil {
			s = v.newStream(transaction.Filter{})
		}
		for _, e := range s.next(now) {
			logEvent(ctx, log, &e)
		}
		pause = min(max(tracePoll, traceShare*time.Since(now)), longestPause)
	}
}

// logEvent logs the messages of an event.
func logEvent(ctx context.Context, log *slog.Logger, e *api.Event) {
	if e.Lost > 0 {
		log.LogAttrs(ctx, slog.LevelDebug, "messages came too fast to be logged", slog.Uint64("messages", e.Lost))
	}
	for i := range e.Steps {
		log.LogAttrs(ctx, slog.LevelDebug, "message", attributes(&e.Transaction, &e.Steps[i])...)
	}
}

// attributes are the facts of a message, those that it does not have left out.
func attributes(t *api.Transaction, s *api.Step) []slog.Attr {
	as := []slog.Attr{
		slog.Time("heard", s.Time), slog.String("interface", s.Interface), slog.String("family", t.Family.String()),
		slog.String("direction", s.Direction.String()), slog.String("type", s.Type), slog.String("outcome", s.Outcome),
	}
	for _, a := range []struct{ key, value string }{
		{"client_interface", t.Interface},
		{"xid", t.XID},
		{"mac", t.Client.MAC},
		{"duid", t.Client.DUID},
		{"client_id", t.Client.ClientID},
		{"source", string(s.Source)},
		{"relay", s.Giaddr},
		{"status", s.Status},
		{"err", s.Error},
	} {
		if a.value != "" {
			as = append(as, slog.String(a.key, a.value))
		}
	}
	for _, a := range []struct {
		key    string
		values []string
	}{{"asked", s.Asked}, {"given", s.Given}, {"to", destinations(s)}} {
		if len(a.values) > 0 {
			as = append(as, slog.Any(a.key, a.values))
		}
	}
	if s.RTT > 0 {
		as = append(as, slog.Float64("rtt_seconds", s.RTT))
	}
	return as
}

// destinations are where the copies of a message went.
func destinations(s *api.Step) []string {
	if s.Sent == nil {
		return nil
	}
	to := make([]string, 0, len(s.Sent.Destinations))
	for _, d := range s.Sent.Destinations {
		to = append(to, string(d))
	}
	return to
}
