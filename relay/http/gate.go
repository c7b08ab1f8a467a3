package http

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"dhcp-relay/relay/observe/status"
)

// reasons are why something is not served as it was asked for.
func reasons() []status.RefusedReason {
	return []status.RefusedReason{status.RefusedFull, status.RefusedIdle, status.RefusedBusy, status.RefusedSlow, status.RefusedHost, status.RefusedAuth}
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
	refused   map[status.RefusedReason]*refused
}

// A refused counts refusals for one reason.
type refused struct {
	count  atomic.Uint64
	latest atomic.Pointer[time.Time] // of the last one, with the clock that is not set; nil: there was none

	mu          sync.Mutex // guards what follows
	loggedAt    time.Time  // when it was logged last
	loggedCount uint64     // how many there were by then
}

// NewGate returns a gate of the listener of this name. With strangers, anybody may
// reach it, also by way of a browser.
func NewGate(listener string, strangers bool, log *slog.Logger) *Gate {
	g := &Gate{listener: listener, strangers: strangers, log: log, names: hostNames, refused: make(map[status.RefusedReason]*refused)}
	for _, r := range reasons() {
		g.refused[r] = new(refused)
	}
	return g
}

// Refused tells for each reason how often something was refused for it, and when that
// was last; the zero time if it never was.
func (g *Gate) Refused() []status.Refused {
	all := make([]status.Refused, 0, len(g.refused))
	for _, why := range reasons() {
		r := g.refused[why]
		one := status.Refused{Reason: why, Count: r.count.Load()}
		if last := r.latest.Load(); last != nil {
			one.Last = *last
		}
		all = append(all, one)
	}
	return all
}

// refuse counts a refusal of what has come from peer, and logs the first of a reason
// and then one a minute.
func (g *Gate) refuse(why status.RefusedReason, peer string) {
	r, now := g.refused[why], time.Now()
	n := r.count.Add(1)
	r.latest.Store(&now)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.loggedAt.IsZero() && now.Sub(r.loggedAt) < tellEvery {
		return
	}
	g.log.Warn("http refused", "listener", g.listener, "reason", string(why), "peer", peer, "count", max(n, r.loggedCount)-r.loggedCount)
	r.loggedAt, r.loggedCount = now, n
}

// guard has h answer who may ask, and keeps other sites' pages from its answers.
func (g *Gate) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		if g.strangers && g.foreign(r) {
			g.refuse(status.RefusedHost, r.RemoteAddr)
			plain(w, http.StatusMisdirectedRequest, fmt.Sprintf("%q is no name of this host that it knows, so this may be the page of a stranger in your browser (DNS rebinding).\n"+
				"Ask by an address of the host, by the name that hostname prints, or by one that stands beside it in /etc/hosts;\n"+
				"a proxy is to send such a one as Host.\n", r.Host))
			return
		}
		h.ServeHTTP(w, r)
	})
}

// guesses counts what h refuses of those who name a user. Browsers ask once without.
func (g *Gate) guesses(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, named := r.BasicAuth(); named {
			w = &verdict{w, func() { g.refuse(status.RefusedAuth, r.RemoteAddr) }}
		}
		h.ServeHTTP(w, r)
	})
}

// A verdict is told of an answer that lets nobody in.
type verdict struct {
	http.ResponseWriter
	refused func()
}

// WriteHeader implements http.ResponseWriter.
func (v *verdict) WriteHeader(code int) {
	if code == http.StatusUnauthorized {
		v.refused()
	}
	v.ResponseWriter.WriteHeader(code)
}

// Unwrap lets http.ResponseController find what it asks for.
func (v *verdict) Unwrap() http.ResponseWriter { return v.ResponseWriter }
