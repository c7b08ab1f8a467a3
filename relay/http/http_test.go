package http

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/observe/transaction"
)

// answer asks h and returns what it says.
func answer(h http.Handler, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

// newGate returns a gate for strangers that tells nobody.
func newGate() *Gate { return NewGate("metrics", true, slog.New(slog.DiscardHandler)) }

// relayOf returns a relay in this state, ready and with no counters.
func relayOf(r status.Report) Relay {
	return Relay{
		Metrics: http.NotFoundHandler(),
		Unready: func() []string { return nil },
		Report:  func() status.Report { return r },
		Transactions: func(_ transaction.Filter, n int) []api.Transaction {
			ts := exchanges()
			return ts[max(0, len(ts)-n):]
		},
		Trace: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}\n") }),
	}
}

func TestMux(t *testing.T) {
	t.Parallel()
	scrape := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "counters\n") })
	well := relayOf(status.Report{Version: "1.2.3"})
	well.Metrics = scrape
	ill := well
	ill.Unready = func() []string { return []string{"no sockets", "no configuration"} }
	cases := []struct {
		name         string
		relay        Relay
		method, path string
		status       int
		contentType  string
		body         string // a part of it
	}{
		{"metrics", well, "GET", "/metrics", 200, "text/plain", "counters\n"},
		{"alive", well, "GET", "/healthz", 200, "text/plain", "ok\n"},
		{"alive, though it does not serve", ill, "GET", "/healthz", 200, "text/plain", "ok\n"},
		{"ready", well, "GET", "/readyz", 200, "text/plain", "ready\n"},
		{"not ready", ill, "GET", "/readyz", 503, "text/plain", "no sockets\nno configuration\n"},
		{"status", well, "GET", "/api/v1/status", 200, "application/json", `"version":"1.2.3"`},
		{"transactions", well, "GET", "/api/v1/transactions", 200, "application/json", `"xid":"0x00000001"`},
		{"one transaction", well, "GET", "/api/v1/transactions?n=1", 200, "application/json", `[{"id":3,`},
		{"a filter that cannot be", well, "GET", "/api/v1/transactions?mac=xyz", 400, "text/plain", `mac "xyz": want `},
		{"a number that is none", well, "GET", "/api/v1/transactions?n=0", 400, "text/plain", `n "0": want `},
		{"trace", well, "GET", "/api/v1/trace", 200, "text/plain", "{}\n"},
		{"nothing but told", well, "PUT", "/api/v1/trace", 405, "text/plain", "Method Not Allowed"},
		{"page", well, "GET", "/", 200, "text/html", "<h2 id=\"h-findings\">"},
		{"style", well, "GET", "/static/page.css", 200, "text/css", "prefers-color-scheme"},
		{"script", well, "GET", "/static/page.js", 200, "text/javascript", "refresh"},
		{"only the head", well, "HEAD", "/api/v1/status", 200, "application/json", ""},
		{"no such page", well, "GET", "/nothing", 404, "text/plain", "404"},
		{"nothing to write to", well, "POST", "/metrics", 405, "text/plain", "Method Not Allowed"},
		{"nor to delete", well, "DELETE", "/api/v1/status", 405, "text/plain", "Method Not Allowed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := answer(NewMux(c.relay, newGate()), c.method, c.path)
			if w.Code != c.status {
				t.Errorf("status %d, want %d", w.Code, c.status)
			}
			if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, c.contentType) {
				t.Errorf("content type %q, want %q", got, c.contentType)
			}
			if !strings.Contains(w.Body.String(), c.body) {
				t.Errorf("no %q in:\n%s", c.body, w.Body)
			}
		})
	}
}

// What is asked for as JSON is the report, no more and no less.
func TestStatusIsTheReport(t *testing.T) {
	t.Parallel()
	want := busy()
	w := answer(NewMux(relayOf(want), newGate()), "GET", "/api/v1/status")
	var got status.Report
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}
