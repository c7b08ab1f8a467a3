package udp

import (
	"testing"
	"time"

	"dhcp-relay/relay/spacetest"
	"dhcp-relay/relay/wire/dhcp"
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
			if got := (&receiver{n: tc.n, batch: tc.batch, asked: tc.batch}).rest(); got != tc.want {
				t.Errorf("rest of %v, want %v", got, tc.want)
			}
		})
	}
}

// Under flood each read is followed by a rest, as long as the batch says; one by
// one there is none.
func TestReadRestsUnderFlood(t *testing.T) {
	s := spacetest.New(t)
	p := listen(s, Config{Family: dhcp.V4, Port: 67})
	p.Requests.rx.spread = spread{} // as after the first of a flood
	c := s.ListenUDP("udp4", "127.0.0.1:68")
	send := func(n int) {
		for range n {
			sendTo(t, c, request, "127.0.0.1:67")
		}
	}
	ds := NewBatch(64)
	read := func(want int) time.Duration {
		t.Helper()
		start := time.Now()
		n, err := p.Requests.Read(ds)
		if err != nil || n != want {
			t.Fatalf("read %d, %v, want %d", n, err, want)
		}
		return time.Since(start)
	}
	for _, tc := range []struct {
		name  string
		batch int
		rest  time.Duration
	}{
		{"few", few, 0},
		{"more", few + 1, shortRest},
		{"many", many, longRest},
		{"a full batch", 64, 0},
	} {
		// The least of several: a busy machine adds to a rest, and takes nothing off.
		least := time.Hour
		for tries := 0; tries < 20 || tc.rest == 0 && least >= shortRest && tries < 2000; tries++ {
			send(tc.batch)
			read(tc.batch)
			send(1)
			least = min(least, read(1))
		}
		if least < tc.rest || tc.rest == 0 && least >= shortRest {
			t.Errorf("after %s: the next read takes %v at least, want a rest of %v", tc.name, least, tc.rest)
		}
	}
}

// TestBurstsAreSpread has bursts come, and a flood, which is spread for a while only.
func TestBurstsAreSpread(t *testing.T) {
	r := receiver{batch: 128, spread: spread{on: true, left: spreadMost}}
	rest := func(n int) time.Duration {
		t.Helper()
		r.n = n
		d := r.rest()
		r.ask()
		return d
	}
	if got := rest(1); got != 0 || r.asked != spreadRead {
		t.Errorf("one alone: rest of %v, then %d at once, want 0, %d", got, r.asked, spreadRead)
	}
	if got := rest(few + 1); got != max(shortRest, (few+1)*spreadEach) {
		t.Errorf("a few: rest of %v", got)
	}
	if got, want := rest(spreadRead), spreadRead*spreadEach; got != want || r.asked != spreadRead {
		t.Errorf("of a burst: rest of %v, then %d at once, want %v, %d", got, r.asked, want, spreadRead)
	}
	sum := time.Duration(0)
	for range 100 {
		sum += rest(r.asked)
	}
	if sum > spreadMost || sum < spreadMost/2 {
		t.Errorf("of a flood: rests of %v, want at most %v", sum, spreadMost)
	}
	if got := rest(r.batch); got != 0 || r.asked != r.batch {
		t.Errorf("of a flood at last: rest of %v, then %d at once, want 0, %d", got, r.asked, r.batch)
	}
	if got := rest(many); got != longRest {
		t.Errorf("after a flood: rest of %v, want %v", got, longRest)
	}
	later := func(d time.Duration, waited bool) { r.spread.last, r.waited = r.spread.last.Add(-d), waited }
	if later(time.Second, false); rest(many) != longRest {
		t.Error("a flood of which a second was not read is spread again")
	}
	if later(spreadQuiet/2, true); rest(many) != longRest {
		t.Error("a flood with gaps is spread again")
	}
	later(2*spreadQuiet, true)
	if got, want := rest(many), many*spreadEach; got != want || r.asked != spreadRead {
		t.Errorf("the next burst: rest of %v, then %d at once, want %v, %d", got, r.asked, want, spreadRead)
	}
	r.waited, sum = false, many*spreadEach
	for range 100 {
		if d := rest(r.asked); d > longRest {
			sum += d
		}
	}
	if sum < 2*spreadQuiet-spreadEach*spreadRead || sum > 3*spreadQuiet {
		t.Errorf("the next burst: rests of %v, want the %v that had passed", sum, 2*spreadQuiet)
	}
}
