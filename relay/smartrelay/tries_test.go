package smartrelay

import "testing"

// Each try in vain counts for the conversation that follows, and an answer ends it.
func TestTries(t *testing.T) {
	t.Parallel()
	tries := NewTries(16)
	begin := func() int {
		n := tries.Before(7, mac, true)
		tries.Asked(7, mac, n)
		return n
	}
	for want := range 4 {
		if got := begin(); got != want {
			t.Errorf("before try %d: %d in vain", want, got)
		}
		if got := tries.Before(7, mac, false); got != want {
			t.Errorf("what follows try %d goes as after %d", want, got)
		}
	}
	tries.Answered(7, mac)
	if got := tries.Before(7, mac, false); got != 3 {
		t.Errorf("what follows an answer goes as after %d tries, want 3", got)
	}
	if got := begin(); got != 0 {
		t.Errorf("after an answer %d tries in vain", got)
	}
	if got := tries.Before(8, mac, true); got != 0 {
		t.Errorf("on another link %d tries in vain", got)
	}
	for range 2 * field {
		begin()
	}
	if got := begin(); got != field {
		t.Errorf("after very many tries %d", got)
	}
}
