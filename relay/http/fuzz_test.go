package http

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"dhcp-relay/relay/api"
)

// FuzzQuery has the page and the API answer any query: what is asked for is refused
// in words or answered, and never comes back as markup.
func FuzzQuery(f *testing.F) {
	for _, q := range []string{
		"", "name=vlan1&trouble=1&page=2", "mac=02:00:00:00:00:01&outcome=dropped", "client=duid-1a2b3c4d", "n=1&family=6", "interface=[",
		"page=-1", "n=99999999999999999999", "server=fe80::1%25eth0", "%zz", "name=%00%e2%80%ae", "a;b",
	} {
		f.Add(q, "<b>")
	}
	mux := NewMux(relayOf(busy()), newGate())
	f.Fuzz(func(t *testing.T, query, value string) {
		const mark = "<q7"
		for _, path := range []string{"/", api.Status, api.Transactions} {
			for _, raw := range []string{query, query + "&" + url.Values{"name": {mark + value}, "client": {mark + value}, "mac": {mark + value}}.Encode()} {
				w := httptest.NewRecorder()
				mux.ServeHTTP(w, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: path, RawQuery: raw}, Host: "localhost", Header: http.Header{}, RemoteAddr: "192.0.2.1:1"})
				body := w.Body.String()
				switch {
				case w.Code != http.StatusOK && w.Code != http.StatusBadRequest:
					t.Errorf("%s?%s: status %d: %s", path, raw, w.Code, body)
				case strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") && strings.Contains(body, mark):
					t.Errorf("%s?%s: markup in the page", path, raw)
				case strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && !json.Valid(w.Body.Bytes()):
					t.Errorf("%s?%s: not JSON: %s", path, raw, body)
				}
			}
		}
	})
}

// FuzzControl has the control socket asked anything: only what is documented changes
// something, and each answer has a status that says whose fault it is.
func FuzzControl(f *testing.F) {
	f.Add("PUT", api.LogLevel, "debug")
	f.Add("PUT", api.LogLevel, strings.Repeat("x", 100))
	f.Add("GET", api.Record, "")
	f.Add("POST", api.Reload, "anything")
	f.Add("DELETE", "/../", "")
	f.Add("", "//", "")
	levels := levelNames()
	f.Fuzz(func(t *testing.T, method, path, body string) {
		level := new(slog.LevelVar)
		r := relayOf(busy())
		reloads := 0
		r.Control = &Control{Level: level, Record: http.NotFoundHandler(), Files: func() []api.File { return nil }}
		r.Control.Reload = func(context.Context) (api.Verdict, bool) { reloads++; return api.Verdict{}, true }
		mux := NewMux(r, newGate())
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, &http.Request{Method: method, URL: &url.URL{Path: path}, Host: "localhost", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), RemoteAddr: "@"})
		if w.Code >= 500 {
			t.Errorf("%s %s: status %d: %s", method, path, w.Code, w.Body)
		}
		if want, ok := levels[strings.TrimSpace(body)]; level.Level() != slog.LevelInfo && (method != http.MethodPut || path != api.LogLevel || !ok || level.Level() != want) {
			t.Errorf("%s %s of %q: the level is %v", method, path, body, level.Level())
		}
		if reloads > 0 && (method != http.MethodPost || path != api.Reload) {
			t.Errorf("%s %s has it reload", method, path)
		}
	})
}
