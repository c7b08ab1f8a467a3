package smartrelay

import "testing"

func TestFaceFollowsAskedWithoutNoting(t *testing.T) {
	table := New(64)
	client := []byte{2, 0, 0, 0, 0, 1}
	if got := table.current(7, client, 3); got != 0 {
		t.Errorf("unknown client: choice %d, want 0", got)
	}
	var last int
	for range 3 {
		last = table.asked(7, client, 2, 3)
		for range 5 {
			if got := table.current(7, client, 3); got != last {
				t.Fatalf("choice %d, want %d as asked", got, last)
			}
		}
	}
	if last != 1 {
		t.Errorf("after 2 unanswered requests choice %d, want 1", last)
	}
	if got := table.current(7, client, 1); got != 0 {
		t.Errorf("link with one choice left: choice %d, want 0", got)
	}
}

func TestNextIsWhatAskedReturns(t *testing.T) {
	t.Parallel()
	table := New(16)
	client := []byte{2, 0, 0, 0, 0, 1}
	for i := range 20 {
		next := table.following(1, client, 3, 4)
		if again := table.following(1, client, 3, 4); again != next {
			t.Fatalf("request %d: choice %d, then %d", i, next, again)
		}
		if asked := table.asked(1, client, 3, 4); asked != next {
			t.Errorf("request %d: choice %d, want %d", i, asked, next)
		}
	}
	if got := table.following(1, client, 3, 1); got != 0 {
		t.Errorf("one choice: %d, want 0", got)
	}
}
