package udp

import (
	"testing"
	"time"
)

func TestRestFollowsPartOfABatch(t *testing.T) {
	for _, tc := range []struct {
		name     string
		n, batch int
		want     time.Duration
	}{
		{"nothing read yet", 0, 0, 0},
		{"one by one", 1, 64, 0},
		{"few", few, 64, 0},
		{"more come meanwhile", few + 1, 64, shortRest},
		{"not yet many", many - 1, 64, shortRest},
		{"many", many, 64, longRest},
		{"nearly full", 63, 64, longRest},
		{"full: there is more", 64, 64, 0},
		{"a small one is full", few + 1, few + 1, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := (&receiver{n: tc.n, batch: tc.batch}).rest(); got != tc.want {
				t.Errorf("rest of %v, want %v", got, tc.want)
			}
		})
	}
}
