package metrics

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// ask returns the answer to a scrape that accepts this.
func ask(t *testing.T, h http.Handler, accept string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// What is written part by part is what Gather returns whole.
func TestStreamEqualsGather(t *testing.T) {
	t.Parallel()
	m := plain()
	full(m)
	many(m)
	list, err := m.gatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var whole bytes.Buffer
	for _, f := range list {
		if _, err := expfmt.MetricFamilyToText(&whole, f); err != nil {
			t.Fatal(err)
		}
	}
	parts := ask(t, m.Handler(), "text/plain").Body.Bytes()
	// The order of families differs, so that lines are compared as a set; the
	// parser insists on families that come in one piece, with one header.
	if want, got := lines(whole.String()), lines(string(parts)); !slices.Equal(want, got) {
		t.Errorf("%d lines in parts, %d whole, and they differ", len(got), len(want))
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(parts))
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	if len(families) != numSeries {
		t.Errorf("%d families, want %d", len(families), numSeries)
	}
}

// lines returns the lines of s, sorted.
func lines(s string) []string {
	l := strings.Split(s, "\n")
	slices.Sort(l)
	return l
}

func TestNegotiation(t *testing.T) {
	t.Parallel()
	m := plain()
	full(m)
	h := m.Handler()
	want := ask(t, h, "").Body.String()
	const prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
	cases := []struct{ name, accept, wantType string }{
		{"nothing said", "", "text/plain; version=0.0.4"},
		{"anything", "*/*", "text/plain; version=0.0.4"},
		{"Prometheus", prometheus, "application/openmetrics-text; version=1.0.0"},
		{"old OpenMetrics", "application/openmetrics-text", "application/openmetrics-text; version=0.0.1"},
		{"protobuf falls back", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", "text/plain; version=0.0.4"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			resp := ask(t, h, c.accept)
			if got := resp.Header().Get("Content-Type"); !strings.HasPrefix(got, c.wantType) {
				t.Errorf("content type %q, want %q", got, c.wantType)
			}
			got := resp.Body.Bytes()
			if strings.HasPrefix(c.wantType, "application/") {
				if !bytes.HasSuffix(got, []byte("# EOF\n")) {
					t.Errorf("no EOF at the end of:\n%s", got)
				}
				return
			}
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

// hangUp is a client that is gone after some octets.
type hangUp struct{ left, writes int }

func (h *hangUp) Write(b []byte) (int, error) {
	h.writes++
	if h.left -= len(b); h.left < 0 {
		return 0, errors.New("gone")
	}
	return len(b), nil
}

func TestNothingIsWrittenToAClientThatHasGone(t *testing.T) {
	t.Parallel()
	m := many(plain())
	w := &hangUp{left: 50_000}
	e := exposition{gatherer: m.gatherer}
	e.write(w, expfmt.FmtOpenMetrics_1_0_0)
	if w.left >= 0 {
		t.Fatalf("the client never hung up: %d octets left", w.left)
	}
	if w.writes > 10 {
		t.Errorf("%d writes, want none after the first that failed", w.writes)
	}
}
