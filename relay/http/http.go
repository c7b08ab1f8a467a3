// Package http shows people and programs over HTTP what the relay does: metrics,
// health, the state as JSON, and a status page that needs no other host. It only
// tells what it is given, and changes nothing.
package http

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/built"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/observe/transaction"
	"dhcp-relay/relay/text"
)

// A Relay tells what is shown. Its functions may be called at any time, also
// concurrently.
type Relay struct {
	Metrics http.Handler         // answers scrapes
	Unready func() []string      // why clients are not served as configured, in words; none if they are
	Doubts  func() []string      // what does not work beside that, in words; may be nil
	Report  func() status.Report // the state of this moment

	// History gives interfaces and servers of a report what happened to them lately; it
	// may be nil.
	History func([]status.Interface, []status.Server)

	// Transactions returns the last n that a filter lets pass, oldest first.
	Transactions func(f transaction.Filter, n int) []api.Transaction
	Trace        http.Handler // answers with what happens from now on

	Control *Control // nil: who asks here controls nothing
}

// A Control is what those can have whom the permissions of the listener let in.
type Control struct {
	Record http.Handler   // answers with a capture
	Level  *slog.LevelVar // of the log

	Probe Prober

	// Reload has the configuration read anew; not ok says that ctx ended before.
	Reload func(ctx context.Context) (v api.Verdict, ok bool)
	Files  func() []api.File // the configuration in effect
}

// maxTransactions is how many transactions one answer has, unless it is asked
// for fewer.
const maxTransactions = 1000

// NewMux returns what answers for the relay, to GET and HEAD:
//
//	/                     the status page
//	/metrics              counters and state, for Prometheus
//	/healthz              200 while the process answers
//	/readyz               200 while the sockets work and the last configuration holds, else 503 and why;
//	                      what does not work beside that is told in either case
//	/api/v1/status        the state as JSON: a status.Report; with history=1 in the query, that of the last hour
//	/api/v1/transactions  the last transactions as JSON: a list of transaction.Transaction, oldest first
//	/api/v1/trace         a stream of transaction.Event as JSON, one a line
//
// and, where there is something to control:
//
//	/record     what the recorder holds, as a capture file
//	/log-level  the level of the log: an api.Level; PUT sets it
//	/config     the files of the configuration in effect: a list of api.File
//	/reload     POST has the configuration read anew: an api.Verdict
//	/probe      POST asks the servers of an interface: a list of probe.Result
//
// Each kind has places of its own behind the gate.
// Transactions are filtered by the keys of transaction.ParseFilter, and by n, which
// is how many there are at most.
func NewMux(r Relay, g *Gate) *http.ServeMux {
	var c compressor
	mux := http.NewServeMux()
	if !built.Small {
		scrapes := g.places(maxScrapes, scrapeGivesWay, "too many scrapes at once")
		mux.Handle("GET /metrics", scrapes.wrap(c.wrap(r.Metrics)))
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusOK, "ok\n")
	})
	mux.HandleFunc("GET "+api.Ready, r.readiness)

	views, few := g.places(maxViews, viewGivesWay, "too many requests at once"), make(turns, maxAnswers)
	view := func(pattern string, h http.HandlerFunc) {
		mux.Handle("GET "+pattern, views.wrap(few.wrap(c.wrap(h))))
	}
	view(api.Status, r.status)
	view(api.Transactions, r.transactions)
	r.pages(mux, view, views)
	mux.Handle("GET "+api.Trace, g.traces().wrap(r.Trace))
	if r.Control != nil {
		r.Control.handle(mux, g)
	}
	return mux
}

// handle has mux answer what only a few may ask.
func (c *Control) handle(mux *http.ServeMux, g *Gate) {
	records := g.places(maxRecords, 0, "captures are being written already; try again")
	mux.Handle("GET "+api.Record, records.wrap(c.Record))
	mux.Handle(api.LogLevel, &levelHandler{c.Level, g.log})
	mux.Handle("POST "+api.Probe, c.Probe)
	mux.HandleFunc("GET "+api.Config, func(w http.ResponseWriter, _ *http.Request) { object(w, c.Files()) })
	mux.HandleFunc("POST "+api.Reload, func(w http.ResponseWriter, r *http.Request) {
		if v, ok := c.Reload(r.Context()); ok {
			object(w, v)
		}
	})
}

func (r Relay) status(w http.ResponseWriter, req *http.Request) {
	report := r.Report()
	if req.URL.Query().Get("history") == "1" {
		r.remember(report.Interfaces, report.Servers)
	}
	object(w, report)
}

// remember gives interfaces and servers their histories.
func (r Relay) remember(interfaces []status.Interface, servers []status.Server) {
	if r.History != nil {
		r.History(interfaces, servers)
	}
}

func (r Relay) readiness(w http.ResponseWriter, _ *http.Request) {
	code, lines := http.StatusOK, []string{"ready"}
	if why := r.Unready(); len(why) > 0 {
		code, lines = http.StatusServiceUnavailable, why
	}
	if r.Doubts != nil {
		lines = append(lines, r.Doubts()...)
	}
	plain(w, code, strings.Join(lines, "\n")+"\n")
}

func (r Relay) transactions(w http.ResponseWriter, req *http.Request) {
	q := req.URL.Query()
	f, err := transaction.ParseFilter(q.Get)
	n := maxTransactions
	if s := q.Get("n"); s != "" && err == nil {
		if n, err = strconv.Atoi(s); err != nil || n < 1 {
			err = fmt.Errorf("n %q: want a number from 1", s)
		}
	}
	if err != nil {
		plain(w, http.StatusBadRequest, err.Error()+"\n")
		return
	}
	object(w, r.Transactions(f, min(n, maxTransactions)))
}

// plain answers with text. An error means that the client has gone.
func plain(w http.ResponseWriter, code int, s string) {
	head(w, "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text.Visible(s)) //nolint:gosec // no browser takes it for anything but text
}

// object answers with JSON. An error means that the client has gone.
func object(w http.ResponseWriter, v any) {
	head(w, "application/json")
	_ = json.NewEncoder(text.Writer{W: w}).Encode(v)
}

// head sets what is said of every answer: it is of this moment, and is what its
// type says.
func head(w http.ResponseWriter, contentType string) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}
