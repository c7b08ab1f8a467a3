package http

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"dhcp-relay/relay/observe/status"
)

// How many requests of a kind are served at a time, and how long one keeps its place
// while others want it: it may be that of a client that does not read.
const (
	maxScrapes     = 4
	scrapeGivesWay = 5 * time.Second
	maxViews       = 16 // of the page, its files and the API
	viewGivesWay   = 3 * time.Second

	maxTraces         = 16 // of those whom the listener's permissions let in
	maxStrangerTraces = 8
	traceGivesWay     = time.Minute
	maxRecords        = 2
)

// A places bounds how many requests are served at a time. More would take memory
// and time from the relay's host.
type places struct {
	gate    *Gate
	most    int
	giveWay time.Duration // after which a request gives way to a new one; 0: never
	advice  string        // to who finds no place

	mu    sync.Mutex // guards what follows
	taken []*place   // the oldest first
}

// A place is that of one request.
type place struct {
	since time.Time
	peer  string
	cut   func() // ends the request
}

// places returns the places of a kind of requests. advice is for who finds none.
func (g *Gate) places(most int, giveWay time.Duration, advice string) *places {
	return &places{gate: g, most: most, giveWay: giveWay, advice: advice}
}

// wrap has h answer to who has a place.
func (ps *places) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		own := &place{time.Now(), r.RemoteAddr, func() {
			cancel()
			_ = http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0)) // one that cannot be set blocks nothing
		}}
		if !ps.enter(own) {
			ps.gate.refuse(status.RefusedBusy, r.RemoteAddr)
			w.Header().Set("Retry-After", "1")
			plain(w, http.StatusServiceUnavailable, ps.advice+"\n")
			return
		}
		defer ps.leave(own)
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// enter takes a place, that of the oldest request if there is no other.
func (ps *places) enter(own *place) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if len(ps.taken) >= ps.most {
		oldest := ps.taken[0]
		if ps.giveWay == 0 || own.since.Sub(oldest.since) < ps.giveWay {
			return false
		}
		// Under the lock, since who has left may serve another request already.
		oldest.cut()
		ps.taken = slices.Delete(ps.taken, 0, 1)
		ps.gate.refuse(status.RefusedSlow, oldest.peer)
	}
	ps.taken = append(ps.taken, own)
	return true
}

// leave gives a place back, unless another request has it already.
func (ps *places) leave(own *place) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if i := slices.Index(ps.taken, own); i >= 0 {
		ps.taken = slices.Delete(ps.taken, i, i+1)
	}
}

// traces returns the places of traces. A stranger's trace that nobody misses may be
// there for ever.
func (g *Gate) traces() *places {
	const advice = "too many traces run already; end one of them"
	if g.strangers {
		return g.places(maxStrangerTraces, traceGivesWay, advice)
	}
	return g.places(maxTraces, 0, advice)
}
