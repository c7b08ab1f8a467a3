package udp

import "testing"

func TestRestFollowsPartOfABatch(t *testing.T) {
	for _, tc := range []struct {
		name     string
		n, batch int
		want     bool
	}{
		{"nothing read yet", 0, 0, false},
		{"one by one", 1, 64, false},
		{"few", few, 64, false},
		{"more come meanwhile", few + 1, 64, true},
		{"nearly full", 63, 64, true},
		{"full: there is more", 64, 64, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := (&receiver{n: tc.n, batch: tc.batch}).pressed(); got != tc.want {
				t.Errorf("pressed: %v, want %v", got, tc.want)
			}
		})
	}
}
