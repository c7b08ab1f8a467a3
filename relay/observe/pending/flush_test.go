package pending_test

import (
	"testing"
	"time"

	"dhcp-relay/relay/observe/pending"
	"dhcp-relay/relay/observe/transaction"
)

// Who makes up requests on one link makes the table forget his own.
func TestOneLinkCannotFlushAnother(t *testing.T) {
	t.Parallel()
	quiet, loud := new(book), new(book)
	tb, q, l := pending.New(1<<10), quiet.way(), loud.way()
	// Keys are spread by their lowest bits.
	key := func(i int) transaction.Key { return transaction.Key(uint64(i) * 0x9e3779b97f4a7c15 >> 20) }
	const asked = 100
	for i := range asked {
		tb.Asked(key(i), q, both, true, time.Second)
	}
	for i := range 100_000 {
		tb.Asked(key(asked+i), l, both, true, 2*time.Second)
	}
	if len(quiet.told) > 0 {
		t.Errorf("the link's book says %q", quiet.told)
	}
	for i := range asked {
		tb.Answered(key(i), srvA, 3*time.Second)
	}
	if found := len(quiet.told); found < asked*95/100 {
		t.Errorf("%d of %d requests are still waited for", found, asked)
	}
}
