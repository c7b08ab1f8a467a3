package http

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"dhcp-relay/relay/observe/status"
)

// askFor asks for a path, and for a coding of the answer.
func askFor(h http.Handler, path, coding string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", coding)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// What is compressed is what is not.
func TestAnswersAreCompressed(t *testing.T) {
	t.Parallel()
	r := relayOf(busy())
	r.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 1000 {
			_, _ = io.WriteString(w, "dhcp_relay_series 1\n")
		}
	})
	mux := NewMux(r, newGate())
	for _, path := range []string{"/", "/api/v1/status", "/api/v1/transactions", "/metrics"} {
		for _, c := range []struct {
			accept string
			gzip   bool
		}{
			{"br, gzip", true},
			{"br, GZIP;q=0.5, identity", true},
			{"gzip ; q = 1", true},
			{"", false},
			{"*", false},
			{"identity", false},
			{"gzip;q=0", false},
			{"gzip; q=0.0, identity", false},
			{"gzip;q=no", false},
			{"xgzip", false},
		} {
			plain, packed := answer(mux, "GET", path), askFor(mux, path, c.accept)
			if got := packed.Header().Get("Content-Encoding") == "gzip"; got != c.gzip {
				t.Errorf("%s, %q: compressed: %v, want %v", path, c.accept, got, c.gzip)
				continue
			}
			body := io.Reader(packed.Body)
			if c.gzip {
				if packed.Body.Len() >= plain.Body.Len() {
					t.Errorf("%s: %d octets, and %d if it is not compressed", path, packed.Body.Len(), plain.Body.Len())
				}
				z, err := gzip.NewReader(body)
				if err != nil {
					t.Fatal(err)
				}
				body = z
			}
			got, err := io.ReadAll(body)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != plain.Body.String() {
				t.Errorf("%s, %q: it says something else", path, c.accept)
			}
		}
	}
}

// Handlers that panic give back what they took, however often.
func TestPanicsTakeNoPlaces(t *testing.T) {
	t.Parallel()
	sick := true
	r := relayOf(status.Report{})
	well, shown := r.Report, r.Transactions
	r.Report = func() status.Report {
		if sick {
			panic("a report that cannot be made")
		}
		return well()
	}
	broken := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if sick {
			panic(http.ErrAbortHandler)
		}
		plain(w, http.StatusOK, "well\n")
	})
	r.Metrics, r.Trace, r.Control, r.Transactions = broken, broken, &Control{Record: broken}, shown
	mux := NewMux(r, newGate())
	paths := []string{"/", "/api/v1/status", "/metrics", "/api/v1/trace", "/record"}
	for _, path := range paths {
		for range 2 * maxViews {
			func() {
				defer func() {
					if recover() == nil {
						t.Fatalf("%s: no panic", path)
					}
				}()
				askFor(mux, path, "gzip")
			}()
		}
	}
	sick = false
	for _, path := range paths {
		if w := answer(mux, "GET", path); w.Code != http.StatusOK {
			t.Errorf("%s: status %d after panics", path, w.Code)
		}
	}
}
