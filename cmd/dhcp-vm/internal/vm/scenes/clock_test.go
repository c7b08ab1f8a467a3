package scenes

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestClock: the host's clock is set a day forth and back under way, as at the first
// answer of a time server. Clients log in and renew, nothing is old, nobody is silent,
// and no time lies in the future for long.
func TestClock(t *testing.T) {
	on(t, "plain")
	b, h, d := plain(t)
	b.start(onLAN)
	b.login(h, lan(), d)
	for _, step := range []time.Duration{24 * time.Hour, -48 * time.Hour, 24 * time.Hour} {
		b.setClock(step)
		for range 3 {
			b.renew(h, lan(), d)
		}
		b.well(step)
	}
}

// setClock sets the clock of the machine forth, or back.
func (b *bed) setClock(by time.Duration) {
	b.t.Helper()
	now := unix.NsecToTimeval(time.Now().Round(0).Add(by).UnixNano())
	must(b.t, unix.Settimeofday(&now))
}

// well fails if the relay finds anything wrong, or knows of times that are to come once
// it has judged the server again.
func (b *bed) well(after time.Duration) {
	b.t.Helper()
	var r clocked
	b.daemon.await("the server's times fit the clock", func() bool {
		r = b.report()
		s := r.Servers
		return len(s) == 1 && s[0].State == "answering" && s[0].LastReply != nil && !s[0].LastReply.After(r.Time) && r.Time.Sub(*s[0].LastReply) < time.Hour
	})
	for _, f := range r.Findings {
		if f.Severity != "info" {
			b.t.Errorf("clock set by %v: %s %s: %s", after, f.Severity, f.Subject, f.Text)
		}
	}
}

// A clocked is what of the report a clock has to do with.
type clocked struct {
	Time     time.Time `json:"time"`
	Findings []struct {
		Severity string `json:"severity"`
		Subject  string `json:"subject"`
		Text     string `json:"text"`
	} `json:"findings"`
	Servers []struct {
		State     string     `json:"state"`
		LastReply *time.Time `json:"last_reply"`
	} `json:"servers"`
}

func (b *bed) report() (r clocked) {
	b.t.Helper()
	resp, err := b.daemon.http.Get("http://127.0.0.1:9867/api/v1/status")
	must(b.t, err)
	defer func() { _ = resp.Body.Close() }() // it was read
	if resp.StatusCode != http.StatusOK {
		b.t.Fatalf("status: %s", resp.Status)
	}
	must(b.t, json.NewDecoder(resp.Body).Decode(&r))
	return r
}
