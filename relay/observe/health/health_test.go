package health_test

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"dhcp-relay/relay/observe/health"
)

const (
	s    = time.Second
	link = 7
)

var (
	start = time.Unix(1_790_000_000, 0)
	other = netip.MustParseAddr("10.9.0.77")
)

// judge returns the state at a moment.
func judge(v *health.Server, now time.Duration) health.State {
	_, is := v.Judge(now, start.Add(now))
	return is
}

// hour has a server answer for an hour, each 5 seconds.
func hour(v *health.Server) time.Duration {
	now := s
	for ; now < time.Hour; now += 5 * s {
		v.Asked(1, link, 0, now)
		v.Replied(link, netip.Addr{}, now+time.Millisecond)
		v.Answered(time.Millisecond)
		judge(v, now+s)
	}
	return now
}

func TestStates(t *testing.T) {
	t.Parallel()
	ask := func(v *health.Server, n int, now time.Duration) {
		for range n {
			v.Asked(1, link, 0, now)
		}
	}
	for name, c := range map[string]struct {
		fresh bool // without an hour of good history
		play  func(v *health.Server, now time.Duration)
		after time.Duration // of the beginning of play
		want  health.State
	}{
		"nothing was ever asked":             {fresh: true, want: health.Idle},
		"a new one has yet to answer":        {fresh: true, play: func(v *health.Server, now time.Duration) { ask(v, 3, now) }, after: time.Minute, want: health.Waiting},
		"a new one is silent":                {fresh: true, play: func(v *health.Server, now time.Duration) { ask(v, 4, now) }, after: 5 * s, want: health.Silent},
		"it answered a moment ago":           {after: s, want: health.Answering},
		"nothing is asked for long":          {after: 11 * time.Minute, want: health.Idle},
		"three requests wait":                {play: func(v *health.Server, now time.Duration) { ask(v, 3, now) }, after: time.Minute, want: health.Answering},
		"four requests wait a moment":        {play: func(v *health.Server, now time.Duration) { ask(v, 4, now) }, after: 4 * s, want: health.Answering},
		"four requests wait":                 {play: func(v *health.Server, now time.Duration) { ask(v, 4, now) }, after: 5 * s, want: health.Silent},
		"one request of four is answered":    {play: func(v *health.Server, now time.Duration) { ask(v, 4, now); v.Replied(link, other, now+4*s) }, after: 60 * s, want: health.Answering},
		"a reply overtakes its request":      {play: func(v *health.Server, now time.Duration) { v.Replied(link, netip.Addr{}, now+1); ask(v, 4, now) }, after: 6 * s, want: health.Silent},
		"they did not leave":                 {play: func(v *health.Server, now time.Duration) { ask(v, 4, now); v.Unasked(4) }, after: time.Minute, want: health.Answering},
		"they were refused":                  {play: func(v *health.Server, now time.Duration) { ask(v, 4, now); v.Refused(now) }, after: 6 * s, want: health.Unreachable},
		"a link that it never answers":       {play: func(v *health.Server, now time.Duration) { v.Asked(9, link+1, 0, now) }, after: time.Minute, want: health.Answering},
		"its replies are dropped":            {play: func(v *health.Server, now time.Duration) { ask(v, 4, now); v.Dropped(now + s) }, after: 6 * s, want: health.Dropped},
		"a stranger answers":                 {play: func(v *health.Server, now time.Duration) { ask(v, 4, now); v.Strange(now + s) }, after: 6 * s, want: health.Elsewhere},
		"the network says why":               {play: func(v *health.Server, now time.Duration) { ask(v, 4, now); v.Explain(trouble(now)) }, after: 6 * s, want: health.Unreachable},
		"the network says why, soon":         {play: func(v *health.Server, now time.Duration) { ask(v, 4, now); v.Explain(trouble(now + s)) }, after: 2 * s, want: health.Unreachable},
		"the network said why at first":      {play: func(v *health.Server, now time.Duration) { ask(v, 4, now); v.Explain(trouble(now)) }, after: 4 * s, want: health.Answering},
		"the network says why to few":        {play: func(v *health.Server, now time.Duration) { ask(v, 2, now); v.Explain(trouble(now + 4*s)) }, after: 5 * s, want: health.Unreachable},
		"the network says why to one":        {play: func(v *health.Server, now time.Duration) { ask(v, 1, now); v.Explain(trouble(now + s)) }, after: 5 * s, want: health.Answering},
		"the network said why":               {play: func(v *health.Server, now time.Duration) { ask(v, 4, now); v.Explain(trouble(now)) }, after: 62 * s, want: health.Silent},
		"the network lies":                   {play: func(v *health.Server, now time.Duration) { v.Explain(trouble(now)) }, after: 6 * s, want: health.Answering},
		"it is silent, and nobody asks more": {play: func(v *health.Server, now time.Duration) { ask(v, 4, now) }, after: 11 * time.Minute, want: health.Idle},
		"most answers are late": {play: func(v *health.Server, now time.Duration) {
			for range 6 {
				v.Replied(link, netip.Addr{}, now)
				v.Answered(3 * s)
			}
		}, after: s, want: health.Slow},
		"half of the answers are late": {play: func(v *health.Server, now time.Duration) {
			for range 20 {
				v.Replied(link, netip.Addr{}, now)
				v.Answered(3 * s)
				v.Answered(time.Millisecond)
			}
		}, after: s, want: health.Answering},
		"it was late": {play: func(v *health.Server, now time.Duration) {
			for range 20 {
				v.Answered(3 * s)
			}
			v.Judge(now, start)
			v.Replied(link, netip.Addr{}, now)
			for range 6 {
				v.Answered(time.Millisecond)
			}
		}, after: s, want: health.Answering},
		"it answers what was sent again": {play: func(v *health.Server, now time.Duration) {
			for range 6 {
				v.Replied(link, netip.Addr{}, now)
				now += s
				v.AnsweredAgain(s, 5*s, now)
			}
		}, after: s, want: health.Slow},
		"it is back, and answers what was sent again": {play: func(v *health.Server, now time.Duration) {
			for range 6 {
				v.AnsweredAgain(s, 4*s, now+time.Minute)
			}
			v.Replied(link, netip.Addr{}, now+time.Minute)
		}, after: 61 * s, want: health.Answering},
		"it only listens": {play: func(v *health.Server, now time.Duration) { v.Fix(health.Listening); ask(v, 4, now) }, after: time.Minute, want: health.Listening},
		"it is forgotten": {play: func(v *health.Server, now time.Duration) { ask(v, 4, now); judge(v, now+6*s); v.Forget() }, after: 7 * s, want: health.Idle},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, now := new(health.Server), s
			if !c.fresh {
				now = hour(v)
			}
			if c.play != nil {
				c.play(v, now)
			}
			if got := judge(v, now+c.after); got != c.want || v.State() != got {
				t.Errorf("%v, and by State %v, want %v", got, v.State(), c.want)
			}
		})
	}
}

// A server refuses its clients if several are refused and none is given a lease.
func TestRefusing(t *testing.T) {
	t.Parallel()
	refuse := func(v *health.Server, now time.Duration, clients ...uint64) {
		for i, c := range clients {
			at := now + time.Duration(i)*s/4
			v.Asked(1, link, c, at)
			v.Replied(link, netip.Addr{}, at)
			v.Refuses(c, at)
		}
	}
	for name, c := range map[string]struct {
		play  func(v *health.Server, now time.Duration)
		after time.Duration
		want  health.State
	}{
		"several clients":      {func(v *health.Server, now time.Duration) { refuse(v, now, 1, 2, 3, 4) }, s, health.Refusing},
		"one client":           {func(v *health.Server, now time.Duration) { refuse(v, now, 1, 1, 1, 1, 1) }, s, health.Answering},
		"too few":              {func(v *health.Server, now time.Duration) { refuse(v, now, 1, 2, 3) }, s, health.Answering},
		"one is given a lease": {func(v *health.Server, now time.Duration) { refuse(v, now, 1, 2, 3); v.Grants(); refuse(v, now, 4) }, s, health.Answering},
		"it offers still": {func(v *health.Server, now time.Duration) {
			refuse(v, now, 1, 2, 3, 4)
			v.Replied(link, netip.Addr{}, now+2*s)
		}, 3 * s, health.Refusing},
		"it is over":     {func(v *health.Server, now time.Duration) { refuse(v, now, 1, 2, 3, 4); judge(v, now+s); v.Grants() }, 2 * s, health.Answering},
		"nobody asks it": {func(v *health.Server, now time.Duration) { refuse(v, now, 1, 2, 3, 4); judge(v, now+s) }, 31 * s, health.Answering},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := new(health.Server)
			now := hour(v)
			c.play(v, now)
			if got := judge(v, now+c.after); got != c.want || v.Down() != (c.want == health.Refusing) {
				t.Errorf("%v, down: %v, want %v", got, v.Down(), c.want)
			}
		})
	}
}

// Another server is asked in place of a silent one if several clients wait, or one does
// for long.
func TestDown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		clients []uint64
		every   time.Duration
		want    bool
		is      health.State
	}{
		"two clients":          {[]uint64{1, 1, 1, 2}, s, true, health.Silent},
		"a batch of several":   {[]uint64{1, 0, 1, 1}, s, true, health.Silent},
		"one client":           {[]uint64{1, 1, 1, 1}, 2 * s, false, health.Silent},
		"one client, for long": {[]uint64{1, 1, 1, 1, 1}, 8 * s, true, health.Silent},
		"few requests":         {[]uint64{1, 2}, s, false, health.Answering},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := new(health.Server)
			now := hour(v)
			for i, client := range c.clients {
				v.Asked(1, link, client, now+time.Duration(i)*c.every)
			}
			if is := judge(v, now+5*s+time.Duration(len(c.clients))*c.every); is != c.is || v.Down() != c.want {
				t.Errorf("%v, down: %v, want %v and %v", is, v.Down(), c.is, c.want)
			}
			v.Replied(link, netip.Addr{}, now+time.Minute)
			if judge(v, now+time.Minute); v.Down() {
				t.Error("down after a reply")
			}
		})
	}
	v := new(health.Server)
	now := hour(v)
	v.Asked(4, link, 1, now)
	v.Explain(trouble(now))
	if judge(v, now+6*s); !v.Down() {
		t.Error("not down though the network says why")
	}
}

func trouble(now time.Duration) health.Trouble {
	return health.Trouble{Cause: health.PortClosed, From: other, At: start.Add(now)}
}

// What is told of a silent server is when it last answered, what was sent since, and
// since when; the first reply ends it.
func TestReading(t *testing.T) {
	t.Parallel()
	v := new(health.Server)
	now := hour(v)
	last := start.Add(now - 5*s + time.Millisecond)
	v.Asked(18, link, 0, now)
	if was, is := v.Judge(now+5*s, start.Add(now+5*s)); was != health.Answering || is != health.Silent {
		t.Errorf("%v, then %v", was, is)
	}
	if r := v.Read(); !r.LastReply.Equal(last) || r.Requests != 18 || !r.First.Equal(start.Add(now)) || !r.Since.Equal(start.Add(now)) {
		t.Errorf("%+v, want the last reply at %v, 18 requests since, silent since %v", r, last, start.Add(now))
	}
	v.Replied(link, other, now+8*s)
	if was, is := v.Judge(now+9*s, start.Add(now+9*s)); was != health.Silent || is != health.Answering {
		t.Errorf("%v, then %v", was, is)
	}
	if r := v.Read(); r.From != other || r.Requests != 0 || !r.Since.Equal(start.Add(now+9*s)) {
		t.Errorf("%+v", r)
	}
	v.Replied(link, netip.Addr{}, now+9*s)
	judge(v, now+10*s)
	if r := v.Read(); r.From.IsValid() || !r.First.IsZero() {
		t.Errorf("from %v, want its own address", r.From)
	}
}

// The way of a message neither allocates nor waits for who judges.
func TestNoAllocation(t *testing.T) {
	v := new(health.Server)
	if n := testing.AllocsPerRun(100, func() {
		v.Asked(3, link, 0, s)
		v.Replied(link, other, s)
		v.Answered(2 * s)
		v.AnsweredAgain(s, 2*s, 3*s)
		v.Dropped(s)
		v.Strange(s)
		v.Refused(s)
		v.Refuses(1, s)
		v.Grants()
		_ = v.State().Well()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	v := new(health.Server)
	var wg sync.WaitGroup
	for n := range 3 {
		from := netip.AddrFrom4([4]byte{10, 9, 0, byte(n + 1)})
		wg.Go(func() {
			for i := range time.Duration(1000) {
				v.Asked(2, link, 0, i)
				v.Unasked(1)
				v.Refuses(uint64(n), i)
				v.Grants()
				v.Replied(link, from, i)
				v.Answered(i)
			}
		})
	}
	for i := range time.Duration(1000) {
		judge(v, i)
		if a := v.Read().From; a.IsValid() && a.As4()[0] != 10 {
			t.Errorf("from %v", a)
		}
	}
	wg.Wait()
	v.Replied(link, other, time.Hour)
	if is := judge(v, time.Hour); is != health.Answering {
		t.Errorf("%v", is)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for i, d := range health.States() {
		if s := health.State(i); d.Name == "" || d.What == "" || s.String() != d.Name {
			t.Errorf("state %d: %+v", i, d)
		}
	}
	for c := range health.Cause(health.NumCauses) {
		if c.String() == "" {
			t.Errorf("cause %d has no name", c)
		}
	}
	for s, well := range map[health.State]bool{health.Silent: false, health.Unreachable: false, health.Dropped: false, health.Slow: true, health.Idle: true, health.Listening: true} {
		if s.Well() != well {
			t.Errorf("%v is well: %v", s, !well)
		}
	}
}
