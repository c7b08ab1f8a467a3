package http

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/observe/transaction"
)

func TestPageGuards(t *testing.T) {
	t.Parallel()
	mux := NewMux(relayOf(busy()), newGate())
	for _, path := range []string{"/", "/static/page.js", "/static/page.css"} {
		h := answer(mux, "GET", path).Header()
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} {
			if got := h.Get("Content-Security-Policy"); !strings.Contains(got, want) {
				t.Errorf("%s: policy %q lacks %s", path, got, want)
			}
		}
		if got := h.Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%s: %q", path, got)
		}
	}
	if got := answer(mux, "GET", "/").Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("the page may be kept: %q", got)
	}
}

// A relay that has nothing to tell yet has a page too.
func TestPageOfNothing(t *testing.T) {
	t.Parallel()
	r := relayOf(status.Report{})
	w := answer(NewMux(r, newGate()), "GET", "/?page=9&name=x&trouble=1&outcome=dropped")
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	for _, want := range []string{"Nothing is wrong that this relay can see.", "No server is configured.", "No interface is configured.", "The flight recorder is off", "No message was dropped."} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %q in:\n%s", want, w.Body)
		}
	}
}

// That sockets were taken over is told on the page as status tells it.
func TestPageTellsOfATakeover(t *testing.T) {
	t.Parallel()
	report := busy()
	const words = "taken over from process 812 (1.2.2), which was killed"
	if got := answer(NewMux(relayOf(report), newGate()), "GET", "/").Body.String(); strings.Contains(got, "taken over") {
		t.Errorf("without one:\n%s", got)
	}
	report.Takeover = &status.Takeover{Sockets: 2, Of: 2, PID: 812, Version: "1.2.2"}
	if got := answer(NewMux(relayOf(report), newGate()), "GET", "/").Body.String(); !strings.Contains(got, words) {
		t.Errorf("no %q in:\n%s", words, got)
	}
}

// That the daemon is confined is told on the page, and by what.
func TestPageTellsOfConfinement(t *testing.T) {
	t.Parallel()
	report := busy()
	const words = "confined: CAP_NET_RAW, system calls filtered"
	for _, on := range []bool{false, true} {
		report.Confinement = status.Confinement{On: on, Seccomp: true, Capabilities: []string{"CAP_NET_RAW"}}
		if got := answer(NewMux(relayOf(report), newGate()), "GET", "/").Body.String(); strings.Contains(got, words) != on {
			t.Errorf("confined %v, and the page is:\n%s", on, got)
		}
	}
}

// Two findings that are of one kind and about one thing are two.
func TestProblemsHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	f := status.Finding{Kind: "disagree", Subject: "interface vlan10"}
	ps, more := problems([]status.Finding{f, f})
	if len(ps) != 2 || ps[0].ID == ps[1].ID || more != 0 {
		t.Errorf("%+v and %d more", ps, more)
	}
}

func TestClientKey(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"02:00:00:00:00:01": "mac", "0200.0000.0001": "mac", "02-00-00-00-00-01": "mac", "mac-1a2b3c4d": "mac",
		"00:03:00:01:02:00:00:00:00:01": "duid", "duid-1a2b3c4d": "duid",
		"10.1.0.100": "address", "2001:db8::1": "address", "2001:db8:1:2:3:4:5:6": "address", "addr-1a2b3c4d": "address",
	} {
		if got := clientKey(s); got != want {
			t.Errorf("%s is a %s, want %s", s, got, want)
		}
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{number(0), "0"},
		{number(999), "999"},
		{number(1204), "1\u202f204"},
		{number(18446744073709551615), "18\u202f446\u202f744\u202f073\u202f709\u202f551\u202f615"},
		{seconds(0.00004), "40 µs"},
		{seconds(0.0012), "1.2 ms"},
		{seconds(0.048), "48 ms"},
		{seconds(1.5), "1.5 s"},
		{span(25), "25 s"},
		{span(600), "10 min"},
		{span(3700), "1 h 1 min"},
		{span(93600), "1 d 2 h"},
		{percent(0.9999), "99"},
		{percent(1), "100"},
		{strings.Join(api.Endpoints([]api.Endpoint{"[2001:db8::1]:547", "10.9.0.3:1067"}), ", "), "2001:db8::1, 10.9.0.3:1067"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// slow is a client that does not read.
type slow struct {
	http.ResponseWriter
	written chan<- struct{}
	release <-chan struct{}
}

func (s slow) Write(b []byte) (int, error) {
	s.written <- struct{}{}
	<-s.release
	return len(b), nil
}

// Clients that do not read keep nobody waiting.
func TestSlowClientsHoldNobodyUp(t *testing.T) {
	t.Parallel()
	mux := NewMux(relayOf(busy()), newGate())
	written, release := make(chan struct{}), make(chan struct{})
	for range 3 * maxAnswers {
		go mux.ServeHTTP(slow{httptest.NewRecorder(), written, release}, httptest.NewRequest(http.MethodGet, "/api/v1/status", nil))
	}
	for n := range 3 * maxAnswers {
		select {
		case <-written:
		case <-time.After(10 * time.Second):
			t.Errorf("client %d gets no answer", n+1)
		}
	}
	close(release)
}

// A server of which status warns is not among those that the page calls good.
func TestPageCountsGoodServers(t *testing.T) {
	t.Parallel()
	r := busy()
	r.Servers[0].State = status.StateElsewhere
	v := &view{Report: r}
	v.count()
	if v.Good.Servers != 1 || tone(r.Servers[0].State.Doc().Tone) != toneWarn {
		t.Errorf("%d good servers, tone %s", v.Good.Servers, tone(r.Servers[0].State.Doc().Tone))
	}
}

// Names that others have given command no terminal and no browser.
func TestAnswersShowWhatNamesWouldCommand(t *testing.T) {
	t.Parallel()
	const evil = "x\x1b[31m\u009b\u202e"
	report := busy()
	report.Interfaces[0].Name = evil
	report.Findings[0].Text = evil
	r := relayOf(report)
	r.Unready = func() []string { return []string{evil} }
	r.Transactions = func(transaction.Filter, int) []api.Transaction { return []api.Transaction{{Interface: evil}} }
	mux := NewMux(r, newGate())
	for _, path := range []string{"/", "/readyz", api.Status, api.Transactions} {
		got := answer(mux, "GET", path).Body.String()
		if !strings.Contains(got, `x\u001b[31m\u009b\u202e`) || strings.ContainsAny(got, evil[1:2]+"\u009b\u202e") {
			t.Errorf("%s:\n%q", path, got)
		}
	}
	var got status.Report
	if err := json.Unmarshal(answer(mux, "GET", api.Status).Body.Bytes(), &got); err != nil || got.Interfaces[0].Name != evil {
		t.Errorf("as JSON it is %q (%v)", got.Interfaces[0].Name, err)
	}
}
