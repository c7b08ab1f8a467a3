package http

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/observe/status"
)

// A name of a stranger that leads here reads nothing of clients; monitoring may ask
// by any name.
func TestHostIsChecked(t *testing.T) {
	t.Parallel()
	ask := func(g *Gate, path, host string, secure bool) *httptest.ResponseRecorder {
		g.names = func() []string { return []string{"relay1", "relay1.example.net"} }
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Host = host
		if secure {
			r.TLS = new(tls.ConnectionState)
		}
		w := httptest.NewRecorder()
		g.guard(NewMux(relayOf(status.Report{}), g)).ServeHTTP(w, r)
		if got := w.Header().Get("Cross-Origin-Resource-Policy"); got != "same-origin" {
			t.Errorf("%s of %s: Cross-Origin-Resource-Policy %q", path, host, got)
		}
		return w
	}
	for host, want := range map[string]bool{
		"127.0.0.1:9867": true, "10.0.0.1": true, "[::1]:9867": true, "[2001:db8::1]": true, "localhost:9867": true,
		"a.localhost": true, "relay1": true, "Relay1.Example.net.:9867": true, "dhcp-relay": true, "": true,
		"evil.example": false, "evil.example:9867": false, "relay1.evil.example": false, "127.0.0.1.evil.example": false,
		"evil.example.": false, "localhost.evil.example:80": false,
	} {
		for _, path := range []string{"/", "/api/v1/status", "/api/v1/transactions", "/api/v1/trace", "/static/page.js", "//metrics"} {
			g := newGate()
			w := ask(g, path, host, false)
			if got := w.Code != http.StatusMisdirectedRequest; got != want {
				t.Errorf("%s of %q: status %d, want it answered: %v", path, host, w.Code, want)
			}
			if !want && (!strings.Contains(w.Body.String(), "no name of this host") || refusals(g, status.RefusedHost) != 1) {
				t.Errorf("%s of %q: counted %d times, and says %q", path, host, refusals(g, status.RefusedHost), w.Body)
			}
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			if w := ask(newGate(), path, host, false); w.Code != http.StatusOK {
				t.Errorf("%s of %q: status %d", path, host, w.Code)
			}
		}
		if w := ask(newGate(), "/metrics", host, false); w.Code == http.StatusMisdirectedRequest {
			t.Errorf("a scrape by the name %q is refused", host)
		}
	}
	if w := ask(newGate(), "/api/v1/status", "alias.example.net", true); w.Code != http.StatusOK {
		t.Errorf("with TLS: status %d", w.Code)
	}
	if w := ask(NewGate("control", false, slog.New(slog.DiscardHandler)), "/api/v1/status", "evil.example", false); w.Code != http.StatusOK {
		t.Errorf("on the control socket: status %d", w.Code)
	}
}

func TestNamesOf(t *testing.T) {
	t.Parallel()
	const hosts = "127.0.0.1 localhost\n127.0.1.1\trelay1.example.net Relay1 # relay1 other\n0.0.0.0 evil.example\n# 10.0.0.1 relay1 no.example\n10.9.0.1 mgmt.example relay1\n"
	const resolver = "nameserver 10.0.0.53\nsearch example.org. lab.example.org\n# search evil.example\n"
	got := namesOf("relay1", hosts, resolver)
	want := []string{"relay1", "relay1.example.net", "Relay1", "mgmt.example", "relay1", "relay1.example.org", "relay1.lab.example.org"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
	if got := namesOf("relay1.example.net", "", "domain example.org"); !slices.Contains(got, "relay1.example.org") {
		t.Errorf("names %v", got)
	}
}
