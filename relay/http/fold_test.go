package http

import (
	"testing"
	"time"

	"dhcp-relay/relay/api"
)

// What the same client comes to again is one line, the newest, and its cause is said once.
func TestFold(t *testing.T) {
	t.Parallel()
	start := time.Now()
	transactionOf := func(id uint64, mac, outcome string, s api.TransactionState) api.Transaction {
		return api.Transaction{ID: id, Client: api.Client{MAC: mac}, Outcome: outcome, Cause: "Look.", State: s, Started: start.Add(time.Duration(id) * time.Second)}
	}
	lines := fold([]api.Transaction{
		transactionOf(1, "a", "no answer", api.Unanswered),
		transactionOf(2, "a", "no answer", api.Unanswered),
		transactionOf(3, "b", "no answer", api.Unanswered),
		transactionOf(4, "c", "answered", api.Answered),
		transactionOf(5, "c", "answered", api.Answered),
		transactionOf(6, "a", "no answer", api.Unanswered),
	}, 3)
	type line struct {
		id, first uint64
		times     int
		told      bool
	}
	want := []line{{6, 1, 3, false}, {5, 5, 1, false}, {4, 4, 1, true}}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d", len(lines), len(want))
	}
	for i, w := range want {
		if got := (line{lines[i].ID, lines[i].First, lines[i].Times, lines[i].Told}); got != w {
			t.Errorf("line %d: %+v, want %+v", i, got, w)
		}
	}
	if since := lines[0].Since; !since.Equal(start.Add(time.Second)) {
		t.Errorf("since %v", since)
	}
}
