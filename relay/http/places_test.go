package http

import (
	"bytes"
	"cmp"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dhcp-relay/relay/observe/status"
)

// refusals returns how often a gate has refused so.
func refusals(g *Gate, r status.RefusedReason) uint64 { return refusal(g, r).Count }

// refusal returns what a gate tells of a reason.
func refusal(g *Gate, r status.RefusedReason) status.Refused {
	all := g.Refused()
	return all[slices.IndexFunc(all, func(one status.Refused) bool { return one.Reason == r })]
}

// A stay is an answer that goes on until its request ends.
var stay = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusOK)
	<-r.Context().Done()
})

// requests are requests that go on.
type requests struct {
	t     *testing.T
	h     http.Handler
	codes []int // of those that have ended
	mu    sync.Mutex
}

// start asks for a path n times, and waits until all of that has come to rest.
func (q *requests) start(path string, n int) {
	q.t.Helper()
	for range n {
		go func() {
			w := httptest.NewRecorder()
			q.h.ServeHTTP(w, httptest.NewRequestWithContext(q.t.Context(), http.MethodGet, path, nil))
			q.mu.Lock()
			defer q.mu.Unlock()
			q.codes = append(q.codes, w.Code)
		}()
	}
	synctest.Wait()
}

// ended returns how many requests have ended with this code.
func (q *requests) ended(code int) (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, c := range q.codes {
		if c == code {
			n++
		}
	}
	return n
}

// A kind of requests has so many places. One more is refused, unless one of them has
// taken so long that it gives way.
func TestPlaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		strangers bool
		path      string
		most      int
		patience  time.Duration
	}{
		{"scrapes", true, "/metrics", maxScrapes, scrapeGivesWay},
		{"traces of strangers", true, "/api/v1/trace", maxStrangerTraces, traceGivesWay},
		{"traces of the operator", false, "/api/v1/trace", maxTraces, 0},
		{"captures", false, "/record", maxRecords, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := NewGate("metrics", c.strangers, slog.New(slog.DiscardHandler))
				r := relayOf(status.Report{})
				r.Metrics, r.Trace, r.Control = stay, stay, &Control{Record: stay}
				q := &requests{t: t, h: NewMux(r, g)}
				q.start(c.path, c.most)
				if q.ended(200) > 0 || q.ended(503) > 0 {
					t.Fatalf("of %d requests some have ended: %v", c.most, q.codes)
				}
				q.start(c.path, 1)
				if q.ended(503) != 1 || refusals(g, status.RefusedBusy) != 1 {
					t.Errorf("one more: refused %d, counted %d", q.ended(503), refusals(g, status.RefusedBusy))
				}
				time.Sleep(cmp.Or(c.patience, 24*time.Hour))
				q.start(c.path, 1)
				slow := 0
				if c.patience > 0 {
					slow = 1
				}
				if q.ended(200) != slow || refusals(g, status.RefusedSlow) != uint64(slow) || q.ended(503) != 2-slow {
					t.Errorf("later: %d gave way, counted %d, %d refused in all", q.ended(200), refusals(g, status.RefusedSlow), q.ended(503))
				}
			})
		})
	}
}

// A client that does not read its page gives way to others.
func TestViewsGiveWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		ps := g.places(2, time.Second, "too many")
		h := ps.wrap(stay)
		q := &requests{t: t, h: h}
		q.start("/", 2)
		time.Sleep(time.Second)
		q.start("/", 3) // two instead of those two, one too many
		if q.ended(200) != 2 || q.ended(503) != 1 || refusals(g, status.RefusedSlow) != 2 || refusals(g, status.RefusedBusy) != 1 || len(ps.taken) != 2 {
			t.Errorf("%v, slow %d, busy %d, %d places taken", q.codes, refusals(g, status.RefusedSlow), refusals(g, status.RefusedBusy), len(ps.taken))
		}
	})
}

// What is refused is logged: the first of a kind, then at most one line a minute.
func TestRefusalsAreLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		g := NewGate("metrics", true, slog.New(slog.NewTextHandler(&b, nil)))
		if r := refusal(g, status.RefusedFull); r.Count != 0 || !r.Last.IsZero() {
			t.Errorf("%d were refused, at %v", r.Count, r.Last)
		}
		for range 100 {
			g.refuse(status.RefusedFull, "192.0.2.1:1")
			g.refuse(status.RefusedHost, "192.0.2.2:2")
		}
		time.Sleep(tellEvery)
		g.refuse(status.RefusedFull, "192.0.2.3:3")
		if r := refusal(g, status.RefusedFull); r.Count != 101 || !r.Last.Equal(time.Now()) {
			t.Errorf("%d were refused, at %v, want 101 at %v", r.Count, r.Last, time.Now())
		}
		lines := strings.Split(strings.TrimSpace(b.String()), "\n")
		for i, want := range []string{"reason=full peer=192.0.2.1:1 count=1", "reason=host peer=192.0.2.2:2 count=1", "reason=full peer=192.0.2.3:3 count=100"} {
			if len(lines) != 3 || !strings.Contains(lines[i], `level=WARN msg="http refused" listener=metrics `+want) {
				t.Errorf("no %q in the log:\n%s", want, b.String())
			}
		}
	})
}
