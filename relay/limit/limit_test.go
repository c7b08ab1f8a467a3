package limit

import (
	"testing"
	"time"
)

func TestBucket(t *testing.T) {
	t.Parallel()
	r := PerSecond(10, 5)
	var b Bucket
	// taken takes as many tokens as there are.
	taken := func(now time.Duration) (n int) {
		for b.Take(now, r, false) {
			n++
		}
		return n
	}
	for _, tc := range []struct {
		name string
		now  time.Duration
		want int
	}{
		{"a burst at first", 0, 5},
		{"and no more", 0, 0},
		{"one when it is due", 100 * time.Millisecond, 1},
		{"not before", 199 * time.Millisecond, 0},
		{"three later", 400 * time.Millisecond, 3},
		{"a burst after a pause", time.Hour, 5},
		{"the clock of another loop is behind", time.Hour - time.Millisecond, 0},
	} {
		if got := taken(tc.now); got != tc.want {
			t.Errorf("%s: %d tokens, want %d", tc.name, got, tc.want)
		}
	}
	for n, greedy := range []bool{true, false} {
		var b Bucket
		taken := 0
		for b.Take(0, r, greedy) {
			taken++
		}
		if want := []int{3, 5}[n]; taken != want {
			t.Errorf("greedy %v: a burst of %d, want %d", greedy, taken, want)
		}
	}
	for range 1000 {
		if !b.Take(0, Rate{}, false) {
			t.Fatal("without a limit a message may not pass")
		}
	}
}

func TestClients(t *testing.T) {
	t.Parallel()
	c, r := NewClients(64), PerSecond(10, 3)
	a, b := c.Key(1, 1, 0), c.Key(2, 1, 0)
	take := func(k Key, now time.Duration, wantOK, wantKnown bool) {
		t.Helper()
		if ok, known := c.Take(k, now, r); ok != wantOK || known != wantKnown {
			t.Errorf("Take(%x, %v) = %v, %v, want %v, %v", k, now, ok, known, wantOK, wantKnown)
		}
	}
	take(a, 0, true, false)
	take(a, 0, true, true)
	take(a, 0, true, true)
	take(a, 0, false, true)
	take(b, 0, true, false) // the same client elsewhere is another one
	take(a, 100*time.Millisecond, true, true)
	take(a, 100*time.Millisecond, false, true)
	// Others that are made up free it, and take nothing from anybody.
	for i := range 10_000 {
		if ok, _ := c.Take(c.Key(3, uint64(i), 7), time.Second, r); !ok {
			t.Fatalf("client %d may not send its first message", i)
		}
	}
	take(a, time.Second, true, false)
}

// A table that has room for all clients knows nearly all of them again, also after the
// time that its places hold has begun anew.
func TestClientsAreKnownAgain(t *testing.T) {
	t.Parallel()
	const clients = 4096
	c := NewClients(2 * clients)
	again := 0
	for _, now := range []time.Duration{203*24*time.Hour + 12*time.Hour, 203*24*time.Hour + 20*time.Hour} {
		again = 0
		for i := range clients {
			if _, known := c.Take(c.Key(1, uint64(i), 0), now, Rate{}); known {
				again++
			}
		}
	}
	if again < clients*9/10 {
		t.Errorf("%d of %d clients are known again", again, clients)
	}
}

// A reader is a relay that reads a socket, and a network that sends to it, by a clock of
// their own: what waits is served in order.
type reader struct {
	share  Share
	bucket Bucket
	now    time.Duration
	queue  []time.Duration // when each message came
	shed   int
}

// run lets time pass in steps in which so many messages a second come and can be read.
func (r *reader) run(d time.Duration, come, read int) {
	const step = 10 * time.Millisecond
	for end := r.now + d; r.now < end; r.now += step {
		if r.share.Drains() {
			r.bucket.Hold(r.now+step, r.share.Rate())
		}
		for range come / 100 {
			if r.bucket.Take(r.now, r.share.Rate(), false) {
				r.queue = append(r.queue, r.now)
			} else {
				r.shed++
			}
		}
		n := min(read/100, len(r.queue))
		if n == 0 {
			continue
		}
		youngest := r.now - r.queue[n-1]
		r.queue = r.queue[n:]
		r.share.Read(r.now, youngest, n, len(r.queue) > 0, false, SomeOthers)
	}
}

func TestShareFollowsWhatIsRead(t *testing.T) {
	t.Parallel()
	r := new(reader)
	r.run(time.Second, 5000, 10_000)
	if r.share.Rate().Limits() {
		t.Error("a limit, though all is read")
	}
	r.run(10*time.Second, 50_000, 10_000)
	wait := time.Duration(0)
	for range 100 {
		r.run(100*time.Millisecond, 50_000, 10_000)
		if len(r.queue) > 0 {
			wait = max(wait, r.now-r.queue[0])
		}
	}
	if wait > 500*time.Millisecond {
		t.Errorf("a message waits for %v in a flood", wait)
	}
	if per := r.share.per; per < 3000 || per > 30_000 {
		t.Errorf("%f messages a second may come where 10,000 are read", per)
	}
	shed := r.shed
	r.run(20*time.Second, 5000, 10_000)
	if r.share.Rate().Limits() {
		t.Error("the limit has not ended with the flood")
	}
	if late := r.shed - shed; late > 5000 {
		t.Errorf("%d messages were shed after the flood", late)
	}
}

// A reader that was held up once in a burst has another share soon than what it read
// until then.
func TestShareAfterAHold(t *testing.T) {
	t.Parallel()
	r := new(reader)
	r.run(500*time.Millisecond, 20_000, 20_000)
	r.run(400*time.Millisecond, 20_000, 0)
	r.run(500*time.Millisecond, 20_000, 50_000)
	if n := r.share.Rate(); n.Limits() && r.share.per < 20_000 {
		t.Errorf("%f messages a second may come where 50,000 can be read", r.share.per)
	}
	shed := r.shed
	r.run(time.Second, 20_000, 50_000)
	if r.shed != shed {
		t.Errorf("%d messages are shed afterwards", r.shed-shed)
	}
}

// A share tells that what comes will be too late, and no other: not in a burst that is
// read in time.
func TestShareTellsWhatIsInVain(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		read int // messages in 10 ms of which each brings 2000
		want bool
	}{{"much is read", 800, false}, {"hardly anything is read", 60, true}} {
		var s Share
		read, got := 0, false
		for i := 1; i <= 40; i++ {
			now := time.Duration(i) * 10 * time.Millisecond
			read += tc.read
			age := now - time.Duration(read/2)*10*time.Microsecond
			s.Read(now, age, tc.read, true, false, NoOthers)
			got = got || s.InVain(now, age, 2*time.Second)
		}
		if got != tc.want {
			t.Errorf("%s: in vain: %v", tc.name, got)
		}
	}
}

// What may wait is all that comes until more is known, then what is read soon, and less of
// it where others wait behind it.
func TestShareBoundsWhatWaits(t *testing.T) {
	t.Parallel()
	const few, most = 8192, 65536
	for _, tc := range []struct {
		name   string
		each   time.Duration // of a message
		lasts  time.Duration
		others Others
		want   int
		rest   time.Duration // of each 10 messages
	}{
		{"not known yet", 10 * time.Microsecond, 40 * time.Millisecond, SomeOthers, most, 0},
		{"a burst of one", 10 * time.Microsecond, time.Second, NoOthers, most, 0},
		{"a burst that is spread", 100 * time.Microsecond, 100 * time.Millisecond, NoOthers, most, 990 * time.Microsecond},
		{"a flood beside others", 10 * time.Microsecond, time.Second, SomeOthers, 25_000, 0},
		{"one that is read slowly", 200 * time.Microsecond, time.Second, NoOthers, 10_000, 0},
		{"hardly at all", time.Millisecond, time.Second, NoOthers, few, 0},
		{"hardly at all, beside others", time.Millisecond, time.Second, MaybeOthers, leastBurst, 0},
	} {
		var s Share
		for now := time.Duration(0); now <= tc.lasts; now += 10 * tc.each {
			s.Rested(tc.rest)
			s.Read(now, 0, 10, true, false, tc.others)
		}
		if got := s.Waiting(tc.others, few, most); got < tc.want*9/10 || got > tc.want*11/10 {
			t.Errorf("%s: %d may wait, want some %d", tc.name, got, tc.want)
		}
		if tc.others != NoOthers && tc.lasts >= time.Second {
			limited := Share{reads: s.reads, per: 1000}
			if got, want := limited.Waiting(tc.others, few, most), max(leastBurst, int(s.reads/50)); got != want {
				t.Errorf("%s: %d may wait once there is a limit, want %d", tc.name, got, want)
			}
		}
		s = Share{reads: s.reads}
		s.Read(2*time.Second, 0, 1, false, false, tc.others)
		if got := s.Waiting(tc.others, few, most); got != most {
			t.Errorf("%s: %d may wait once nothing does, want %d", tc.name, got, most)
		}
	}
}

// A process that gets its processor for a moment of each 100 ms is late with each
// message, and reads them all.
func TestShareOfAReaderThatIsHeldUp(t *testing.T) {
	t.Parallel()
	var s Share
	for i := range 100 {
		now := time.Duration(i) * 100 * time.Millisecond
		s.Read(now, 90*time.Millisecond, 128, true, false, SomeOthers)
		s.Read(now, 40*time.Millisecond, 100, false, false, SomeOthers)
	}
	if s.Rate().Limits() {
		t.Error("a limit, though all is read")
	}
}

func TestNothingAllocates(t *testing.T) {
	c, r := NewClients(1024), PerSecond(10, 5)
	var b Bucket
	var s Share
	now := time.Duration(0)
	if n := testing.AllocsPerRun(1000, func() {
		now += time.Millisecond
		b.Take(now, r, false)
		c.Take(c.Key(1, uint64(now), 0), now, r)
		s.Read(now, time.Second, 128, true, false, SomeOthers)
		s.Rate()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTake(b *testing.B) {
	c, r := NewClients(1<<14), PerSecond(1000, 1000)
	var k Bucket
	for i := 0; b.Loop(); i++ {
		now := time.Duration(i) * time.Microsecond
		c.Take(c.Key(1, uint64(i)&8191, 0), now, r)
		k.Take(now, r, false)
	}
}
