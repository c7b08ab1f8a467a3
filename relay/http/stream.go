package http

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/observe/transaction"
	"dhcp-relay/relay/text"
)

const (
	tracePoll = 100 * time.Millisecond // how often the recorder is read

	// traceDelay is how long messages wait before they are told, so that each loop
	// of the engine has recorded what came before them.
	traceDelay = tracePoll

	// traceShare bounds what a trace takes from the relay under load: after a look it
	// pauses for at least so many times as long as that has taken. What has been
	// overwritten meanwhile is told as lost.
	traceShare = 200

	// mostMessages is how many messages of each socket a look takes: under a load of more it
	// would take as long as it then has to pause, and find what is old.
	mostMessages = 250

	// longestPause is the longest pause all the same: on a machine that has other work
	// to do a look takes long and costs little, and who watches wants to see.
	longestPause = 2 * time.Second

	// slowReader is how long a client may take to read what it was sent.
	slowReader = 10 * time.Second
)

// Trace returns the handler of GET /api/v1/trace: a stream of transaction.Event, one
// JSON object a line, of what happens from now on until the client goes. The
// query is as transaction.ParseFilter has it. A client that does not read is cut off;
// what it was too slow for is counted in the events.
func (v *Recording) Trace() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := transaction.ParseFilter(r.URL.Query().Get)
		switch {
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		case v.source.Recorder() == nil:
			http.Error(w, ErrRecorderOff.Error(), http.StatusServiceUnavailable)
			return
		}
		s := v.newStream(f)
		w.Header().Set("Content-Type", "application/x-ndjson")
		w.Header().Set("Cache-Control", "no-store")
		s.serve(r.Context(), w)
	})
}

// A stream follows the recorder for one client.
type stream struct {
	of      *Recording
	filter  transaction.Filter
	log     *recorder.Log
	reader  *recorder.Reader
	joiner  *transaction.Joiner
	redact  bool
	pending []recorder.Message // not told yet, lest an earlier one is still to come
	lost    uint64
}

func (v *Recording) newStream(f transaction.Filter) *stream {
	s := &stream{of: v, filter: f}
	s.adopt()
	return s
}

// adopt takes over another recorder or another setting.
func (s *stream) adopt() {
	s.log, s.redact = s.of.source.Recorder(), s.of.redact.Load()
	s.reader = s.log.Follow()
	s.joiner = transaction.NewJoiner(s.of.options(s.redact))
	s.pending = nil
}

// serve writes events until the client goes.
func (s *stream) serve(ctx context.Context, w http.ResponseWriter) {
	out := http.NewResponseController(w)
	// The server's own limits are for answers that end. A read deadline that
	// passed would look like a client that has gone.
	_, _ = out.SetReadDeadline(time.Time{}), out.SetWriteDeadline(time.Time{})
	w.WriteHeader(http.StatusOK)
	if out.Flush() != nil { // the client sees that the trace has begun
		return
	}
	for pause := tracePoll; ; {
		select {
		case <-ctx.Done():
			return
		case now := <-time.After(pause):
			if es := s.next(now); len(es) > 0 && tell(w, out, es) != nil {
				return
			}
			pause = min(max(tracePoll, traceShare*time.Since(now)), longestPause)
		}
	}
}

// tell writes events to a client that must not be slow for ever.
func tell(w http.ResponseWriter, out *http.ResponseController, es []api.Event) error {
	if err := out.SetWriteDeadline(time.Now().Add(slowReader)); err != nil {
		return err
	}
	enc := json.NewEncoder(text.Writer{W: w})
	for i := range es {
		if err := enc.Encode(&es[i]); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return out.SetWriteDeadline(time.Time{})
}

// wants reports whether a message may be of a transaction that is asked for. To
// look at the others would take most of what a trace takes of a busy relay.
func (s *stream) wants(g recorder.Glance) bool { return s.filter.MayPass(g.Family, g.Received) }

// next returns what there is to tell at the time now.
func (s *stream) next(now time.Time) []api.Event {
	if s.log != s.of.source.Recorder() || s.redact != s.of.redact.Load() {
		s.adopt()
	}
	ms, lost := s.reader.Pick(s.wants, mostMessages)
	s.lost += lost
	s.pending = append(s.pending, ms...)
	slices.SortStableFunc(s.pending, func(a, b recorder.Message) int { return a.At.Compare(b.At) })
	old := now.Add(-traceDelay)
	n := 0
	for n < len(s.pending) && !s.pending[n].At.After(old) {
		s.joiner.Add(&s.pending[n])
		n++
	}
	s.pending = slices.Delete(s.pending, 0, n)
	es := s.joiner.Events(now, s.filter)
	if len(es) > 0 {
		es[0].Lost, s.lost = s.lost, 0
	}
	return es
}
