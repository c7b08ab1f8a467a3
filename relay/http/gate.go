package http

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A Refusal is why something was not served as it was asked for.
type Refusal int

// The refusals.
const (
	Full    Refusal = iota // a new connection: all are taken, and none is idle
	Idle                   // a connection without a request, for a new one to have its place
	Busy                   // a request: as many of its kind are served already
	Slow                   // a request that has taken long, for a new one to have its place
	Foreign                // a request for a host of another name

	numRefusals = int(iota)
)

// String returns what the metrics call it.
func (r Refusal) String() string {
	switch r {
	case Full:
		return "full"
	case Idle:
		return "idle"
	case Busy:
		return "busy"
	case Slow:
		return "slow"
	case Foreign:
		return "host"
	}
	return fmt.Sprintf("Refusal(%d)", int(r))
}

// Refusals returns every Refusal.
func Refusals() []Refusal {
	all := make([]Refusal, numRefusals)
	for i := range all {
		all[i] = Refusal(i)
	}
	return all
}

// tellEvery is how often at most a kind of refusal is logged.
const tellEvery = time.Minute

// A Gate bounds what one listener serves at a time, and counts what it refuses. A
// listener has its own, so that those who come by another take no place of it.
type Gate struct {
	listener  string
	strangers bool // may come in; else the listener's own permissions choose who does
	log       *slog.Logger
	names     func() []string // of this host
	refused   [numRefusals]refused

	mu   sync.Mutex // guards what follows
	told [numRefusals]struct {
		at      time.Time
		refused uint64 // by then
	}
}

// A refused counts refusals of a kind.
type refused struct {
	count  atomic.Uint64
	latest atomic.Int64 // time of the last one, in nanoseconds since 1970; 0: none
}

// NewGate returns a gate of the listener of this name. With strangers, anybody may
// reach it, also by way of a browser.
func NewGate(listener string, strangers bool, log *slog.Logger) *Gate {
	return &Gate{listener: listener, strangers: strangers, log: log, names: hostNames}
}

// Refused returns how often there was such a refusal, and when the last one was; the
// zero time if there was none.
func (g *Gate) Refused(r Refusal) (n uint64, latest time.Time) {
	if ns := g.refused[r].latest.Load(); ns != 0 {
		latest = time.Unix(0, ns)
	}
	return g.refused[r].count.Load(), latest
}

// refuse counts a refusal of what has come from peer, and logs the first of a kind
// and then one a minute.
func (g *Gate) refuse(r Refusal, peer string) {
	now := time.Now()
	n := g.refused[r].count.Add(1)
	g.refused[r].latest.Store(now.UnixNano())
	g.mu.Lock()
	defer g.mu.Unlock()
	told := &g.told[r]
	if !told.at.IsZero() && now.Sub(told.at) < tellEvery {
		return
	}
	g.log.Warn("http refused", "listener", g.listener, "reason", r.String(), "peer", peer, "count", max(n, told.refused)-told.refused)
	told.at, told.refused = now, n
}

// guard has h answer who may ask, and keeps other sites' pages from its answers.
func (g *Gate) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		if g.strangers && g.foreign(r) {
			g.refuse(Foreign, r.RemoteAddr)
			plain(w, http.StatusMisdirectedRequest, fmt.Sprintf("%q is no name of this host that it knows, so this may be the page of a stranger in your browser (DNS rebinding).\n"+
				"Ask by an address of the host, by the name that hostname prints, or by one that stands beside it in /etc/hosts;\n"+
				"a proxy is to send such a one as Host.\n", r.Host))
			return
		}
		h.ServeHTTP(w, r)
	})
}
