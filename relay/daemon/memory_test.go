package daemon

import "testing"

func TestGarbagePercent(t *testing.T) {
	for _, tt := range []struct {
		name string
		used uint64
		want int
	}{
		{"nothing in use", 0, 200},
		{"least", 1 << 20, 200},
		{"one interface", 9 << 20, 100},
		{"in steps", 11 << 20, 75},
		{"4,000 interfaces", 29 << 20, 50},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := garbagePercent(tt.used); got != tt.want {
				t.Errorf("%d %%, want %d", got, tt.want)
			}
		})
	}
}
