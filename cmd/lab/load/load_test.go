package load

import (
	"testing"
	"time"
)

func TestBound(t *testing.T) {
	for _, tc := range []struct {
		name, avg string
		want      time.Duration
	}{
		{"an idle machine", "0.20 0.18 0.12 1/80 11206\n", time.Second},
		{"busy for a minute", "6.00 2.00 1.00 1/80 11206\n", 3 * time.Second},
		{"busy since now", "0.20 0.18 0.12 20/80 11206\n", 10 * time.Second},
		{"no answer", "", time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := bound(time.Second, tc.avg, 2); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
	if got := Bound(time.Second); got < time.Second {
		t.Errorf("on this machine %v, want at least a second", got)
	}
}
