package status

import "testing"

func TestTakeoverIsTold(t *testing.T) {
	for _, tc := range []struct {
		takeover Takeover
		want     string
	}{
		{Takeover{Sockets: 1, Of: 1}, "1 of 1 socket taken over"},
		{Takeover{Sockets: 1, Of: 2, PID: 812, Version: "1.0"}, "1 of 2 sockets taken over from process 812 (1.0), which was killed"},
		{Takeover{Sockets: 2, Of: 2, PID: 812, Version: "1.0", Gap: 0.31}, "2 of 2 sockets taken over from process 812 (1.0), which had ended 0.3 s before it"},
	} {
		if got := tc.takeover.String(); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}
