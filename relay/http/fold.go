//go:build !small

package http

import (
	"slices"
	"time"

	"dhcp-relay/relay/api"
)

// A folded is a transaction, and how often the same client came to the same end before.
type folded struct {
	api.Transaction
	Times int       // with this one
	Since time.Time // when the first of them began
	Told  bool      // no line below says the same cause: what comes later moves nothing
	First uint64    // the ID of the first of them, by which the line stays the same
}

// A fate is what folded transactions have in common.
type fate struct {
	client, link, outcome, cause string
	state                        api.TransactionState
}

// fold folds transactions, which are the oldest first, into at most n lines, the newest
// first. One that is answered stands for itself.
func fold(ts []api.Transaction, n int) []folded {
	lines := make([]folded, 0, min(n, len(ts)))
	at := make(map[fate]int)
	for _, t := range slices.Backward(ts) {
		k := fate{clientName(t), t.Interface, t.Outcome, t.Cause, t.State}
		if i, same := at[k]; same && t.State != api.Answered {
			lines[i].Times++
			lines[i].Since, lines[i].First = t.Started, t.ID
			continue
		}
		if len(lines) == n {
			continue // what is older may still be the same as a line
		}
		at[k] = len(lines)
		lines = append(lines, folded{t, 1, t.Started, false, t.ID})
	}
	told := make(map[string]bool)
	for i := range slices.Backward(lines) {
		lines[i].Told = !told[lines[i].Cause]
		told[lines[i].Cause] = true
	}
	return lines
}
