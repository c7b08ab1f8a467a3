package udp

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
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
		{"few", 2, 64, 0},
		{"more come meanwhile", 3, 64, 100 * time.Microsecond},
		{"not yet many", 15, 64, 100 * time.Microsecond},
		{"many", 16, 64, 300 * time.Microsecond},
		{"nearly full", 63, 64, 300 * time.Microsecond},
		{"full: there is more", 64, 64, 0},
		{"a small one is full", 3, 3, 0},
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
	s := netns.NewSpace(t)
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

// A rest takes what it is to take though nothing else wakes the scheduler, which waits for
// whole milliseconds; what it took is told, and no more.
func TestRestsAreFine(t *testing.T) {
	for _, d := range []time.Duration{shortRest, longRest, 10 * spreadEach, spreadRead * spreadEach} {
		// The least of several, as a busy machine adds to it.
		least := time.Hour
		for range 50 {
			began := time.Now()
			told := sleep(d)
			took := time.Since(began)
			if told > min(took, d+coarse) { // less where a signal ends it
				t.Fatalf("a rest of %v took %v, and is told to have taken %v", d, took, told)
			}
			least = min(least, took)
		}
		if least > d+coarse/2 {
			t.Errorf("a rest of %v takes %v at least", d, least)
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
	if got := rest(few + 1); got < (few+1)*spreadEach || got > (few+2)*spreadEach {
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
	later := func(d time.Duration, waited bool) { r.spread.read, r.waited = r.spread.read.Add(-d), waited }
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
	if sum > spreadMost+spreadRead*spreadEach || sum < spreadMost/2 {
		t.Errorf("the next burst: rests of %v, want at most %v", sum, spreadMost)
	}
}

// What a burst is spread over is 100 ms in all, and the same for the next one, which
// comes after a pause in which the reader had read everything.
func TestSpreadIsRegainedBetweenBursts(t *testing.T) {
	t.Parallel()
	s, now := newSpread(), time.Now()
	for i, tc := range []struct {
		what   string
		gap    time.Duration // since the last rest
		n      int
		waited bool
		want   time.Duration
	}{
		{"the first burst", 0, 32, true, 3200 * time.Microsecond},
		{"more of it", 500 * time.Microsecond, 32, true, 3200 * time.Microsecond},
		{"what its 1,000 leave", 0, 936, false, 93600 * time.Microsecond},
		{"a rest is no pause", 0, 3, true, 0},
		{"a flood", 0, 100, false, 0},
		{"with a gap", 999 * time.Microsecond, 3, true, 0},
		{"and one that the reader slept through", time.Second, 3, false, 0},
		{"after a pause", time.Millisecond, 300, true, 30 * time.Millisecond},
		{"of which 700 are left", 0, 700, false, 70 * time.Millisecond},
		{"and no more", 0, 3, false, 0},
		{"an hour later", time.Hour, 1000, true, 100 * time.Millisecond},
		{"of which nothing is left", 0, 3, false, 0},
	} {
		now = now.Add(tc.gap)
		got := s.rest(tc.n, tc.waited, now)
		if got != tc.want {
			t.Errorf("%d: %s: rest of %v, want %v", i, tc.what, got, tc.want)
		}
		now = now.Add(got)
	}
}

// A burst that is read one by one, as fast as it comes, is spread as well; what comes
// no faster than it is spread never waits.
func TestBurstReadOneByOneIsSpread(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		each time.Duration // from one request to the next
		want int           // rests after 200 of them
	}{{10 * time.Microsecond, 5}, {spreadEach, 0}, {time.Millisecond, 0}} {
		s, now, rests := newSpread(), time.Now(), 0
		for range 200 {
			now = now.Add(tc.each)
			if d := s.rest(1, true, now); d > 0 {
				rests++
				now = now.Add(d)
				if d < spreadRead*spreadEach || d > (spreadRead+1)*spreadEach {
					t.Errorf("one each %v: a rest of %v", tc.each, d)
				}
			}
		}
		if rests != tc.want {
			t.Errorf("one each %v: %d rests, want %d", tc.each, rests, tc.want)
		}
	}
}

// A flood that is read as fast as it comes, one by one, is spread once only.
func TestFloodReadOneByOneIsSpreadOnce(t *testing.T) {
	t.Parallel()
	s, now, sum := newSpread(), time.Now(), time.Duration(0)
	for range 100_000 {
		now = now.Add(50 * time.Microsecond)
		d := s.rest(1, true, now)
		sum += d
		now = now.Add(d)
	}
	if sum < spreadMost || sum > spreadMost+(spreadRead+1)*spreadEach {
		t.Errorf("rests of %v, want %v", sum, spreadMost)
	}
}

// With nothing left of the time for it, a read asks for all that there is room for.
func TestReadsAskForAllOnceTheSpreadIsUsedUp(t *testing.T) {
	t.Parallel()
	for left, want := range map[time.Duration]int{-1: 64, 0: 64, 1: 32} {
		r := receiver{batch: 64, spread: spread{on: true, left: left}}
		if r.ask(); r.asked != want {
			t.Errorf("with %v left: asks for %d, want %d", left, r.asked, want)
		}
	}
}

// A burst that waits is read in parts with rests between them; replies are not.
func TestReadSpreadsABurst(t *testing.T) {
	s := netns.NewSpace(t)
	p := listen(s, Config{Family: dhcp.V4, Port: 67})
	c := s.ListenUDP("udp4", "127.0.0.1:68")
	for range 80 {
		sendTo(t, c, request, "127.0.0.1:67")
		sendTo(t, c, reply, "127.0.0.1:67")
	}
	ds := NewBatch(64)
	var rest time.Duration
	for left := 80; left > 0; {
		start := time.Now()
		n, err := p.Requests.Read(ds)
		if err != nil || n > 32 {
			t.Fatalf("read %d of the burst at once, %v, want 32 at most", n, err)
		}
		if took := time.Since(start); took < rest {
			t.Errorf("with %d left, a read comes %v after the one before, want %v", left, took, rest)
		}
		left -= n
		if rest = 0; n > 2 {
			rest = time.Duration(n) * 100 * time.Microsecond
		}
	}
	if n, err := p.Replies.Read(ds); err != nil || n != 64 {
		t.Errorf("read %d replies at once, %v, want 64", n, err)
	}
}

// A receiver knows whether there was nothing to read at first, of each read anew.
func TestReceiverKnowsWhetherItWaited(t *testing.T) {
	s := netns.NewSpace(t)
	p := listen(s, Config{Family: dhcp.V4, Port: 67})
	c := s.ListenUDP("udp4", "127.0.0.1:68")
	r, ds := &p.Requests.rx, NewBatch(4)
	send := func() {
		t.Helper()
		sendTo(t, c, request, "127.0.0.1:67")
		s.Must(p.Requests.rc.Control(func(fd uintptr) { arrived(t, int(fd)) }))
	}
	read := func() {
		t.Helper()
		send()
		if n, err := p.Requests.Read(ds); n != 1 || err != nil {
			t.Fatalf("read %d, %v", n, err)
		}
	}
	if read(); r.waited {
		t.Error("it waited for what was there")
	}
	try := func() (done bool) {
		s.Must(p.Requests.rc.Control(func(fd uintptr) { done = r.try(fd) }))
		return done
	}
	if done := try(); done || !r.waited {
		t.Errorf("with nothing to read: done %v, waited %v", done, r.waited)
	}
	send()
	if done := try(); !done || !r.waited || r.n != 1 {
		t.Errorf("then: done %v, waited %v, %d read", done, r.waited, r.n)
	}
	if read(); r.waited {
		t.Error("it waited for what was there, after a read that did")
	}
}

// arrived waits until there is something to read.
func arrived(t *testing.T, fd int) {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(patient.Milliseconds()))
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Poll(fds, int(patient.Milliseconds()))
	}
	if n != 1 || err != nil {
		t.Errorf("nothing has come: %v", err)
	}
}

// Who never waits for datagrams lets others have their turn all the same, and who has
// waited has done so.
func TestReaderLetsOthersHaveTheirTurn(t *testing.T) {
	t.Parallel()
	start := time.Now()
	for _, tc := range []struct {
		name string
		read time.Duration // since others have had their turn
		want bool
	}{
		{"a moment ago", yieldEvery - 1, false},
		{"long ago", yieldEvery, true},
	} {
		r := receiver{read: start.Add(tc.read), yielded: start}
		r.pace()
		if got := r.yielded.Equal(r.read); got != tc.want {
			t.Errorf("%s: their turn %v, want %v", tc.name, got, tc.want)
		}
	}
}
