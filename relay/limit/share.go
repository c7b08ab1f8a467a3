package limit

import "time"

// What makes a Share. A queue that is found empty now and then is none, however long
// messages wait in between, as those of a process do that gets its processor for a few
// milliseconds of each 100: so only what was not read whole for a while counts (RFC 8289,
// section 3.1).
const (
	window     = 150 * time.Millisecond // of a judgement, more than a period of the processor's quota
	lateFirst  = 250 * time.Millisecond // age of messages that begins a limit: a burst may wait that long
	lateNext   = 20 * time.Millisecond  // age of messages that lowers one
	leastPer   = 100                    // messages a second that each interface may have always
	leastBurst = 1024                   // messages that each may have at once
	freeFrom   = 1 << 20                // messages a second that are no limit any more
	quicker    = 1.08                   // per window that was not late
	quickest   = 1.5                    // the same where perhaps nobody needs the rest
	slower     = 0.7                    // per window that was
	spare      = 0.9                    // of what is read, so that what waits becomes less

	soonest  = 50 * time.Millisecond // of a judgement of how much may wait
	aloneFor = 2 * time.Second       // what waits of one that is alone is read within it
)

// A Share is how much each interface may send to a socket that is read more slowly than
// messages come: the same for all, so that those are cut that send most. There is no
// limit until then; it is what the relay turns out to read, and ends by itself. It
// belongs to the one that reads the socket.
type Share struct {
	began   time.Duration // since when what waits was not read whole; if waits
	count   int           // messages read since then
	first   time.Duration // age then
	changed time.Duration // when the rate was changed last: what came before tells nothing of it
	per     float64       // messages a second; 0: no limit
	reads   float64       // messages a second while some waited last; 0: not known
	rested  time.Duration // since what waits was not read whole
	waits   bool
	drains  bool
}

// Others are who may be kept out by what waits.
type Others uint8

// What is known of others.
const (
	NoOthers    Others = iota // nobody else is heard
	MaybeOthers               // they may have been kept out unheard
	SomeOthers                // somebody else is heard
)

// Read takes note of n messages that were read at now, of which none had waited for less
// than age; more says that others wait, full that they take much of the room for them. It
// reports whether Rate has changed.
func (s *Share) Read(now, age time.Duration, n int, more, full bool, others Others) bool {
	was := s.per
	if !more {
		age = 0
	}
	if s.waits {
		s.count += n
	} else if more {
		s.waits, s.began, s.count, s.first, s.rested = true, now, 0, age, 0
	}
	if took := now - s.began; s.waits && took >= soonest {
		s.reads = float64(s.count) / max(took-s.rested, time.Millisecond).Seconds()
	} else if !s.waits && s.per == 0 {
		s.reads = 0
	}
	if s.drains { // the longer it takes, the better it tells
		s.per, s.changed = max(leastPer, s.speed(now)), now
	}
	switch {
	case others == NoOthers:
		s.per, s.drains = 0, false
	case s.late(now, age, full, others):
		s.lower(now, age)
	case !s.drains:
		s.raise(now, others)
	case age <= lateNext && !full: // what is read from now on came by the new rate
		s.waits, s.drains = false, false
	}
	s.waits = s.waits && more
	return s.per != was
}

// Rested takes note that the reader has rested of itself before what it reads next.
func (s *Share) Rested(d time.Duration) { s.rested += d }

// late reports whether messages wait for too long.
func (s *Share) late(now, age time.Duration, full bool, others Others) bool {
	switch took := now - s.began; {
	case !s.waits, s.count == 0, s.drains:
		return false
	case s.per == 0 && full:
		return true
	default:
		return took >= window && (full || age > lateFirst || age > lateNext && s.per != 0 && others == SomeOthers)
	}
}

// InVain reports whether a message that comes now will wait for longer than most until it
// is read, if what was read since messages wait tells how many come; age is that of the
// latest one.
func (s *Share) InVain(now, age, most time.Duration) bool {
	took := now - s.began
	if !s.waits || took <= 0 {
		return false
	}
	came := max(took-(age-s.first), time.Millisecond) // what was read came within it
	return age.Seconds()*took.Seconds()/came.Seconds() > most.Seconds()
}

// lower makes the rate what was read of late, or less, and has what waits be drained.
func (s *Share) lower(now, age time.Duration) {
	s.drains = true
	switch {
	case s.per == 0:
		s.per = max(leastPer, s.speed(now))
	case now-age < s.changed: // it came before
		return
	default:
		s.per = max(leastPer, min(s.per*slower, s.speed(now)))
	}
	s.changed = now
}

// speed returns how many messages a second are read while some wait, but for what is
// kept to spare.
func (s *Share) speed(now time.Duration) float64 {
	return float64(s.count) / (now - s.began).Seconds() * spare
}

// raise makes the rate larger for the time since it was changed.
func (s *Share) raise(now time.Duration, others Others) {
	by := quicker
	if others != SomeOthers {
		by = quickest
	}
	for ; s.per != 0 && now-s.changed >= window; s.changed += window {
		if s.per *= by; s.per > freeFrom {
			s.per = 0
		}
	}
}

// Rate returns what each interface may send: what it sends in a quarter of a second at
// once, if it was silent, and what a network's clients send who all begin together.
func (s *Share) Rate() Rate { return PerSecond(int(s.per), max(leastBurst, int(s.per/4))) }

// Waiting returns how many messages of each interface may wait, of which there are not to
// be more than most: so many that none waits for long where others wait behind it. Who is
// alone may have few always, and as many as are read before they are too old.
func (s *Share) Waiting(others Others, few, most int) int {
	least, within := leastBurst, lateFirst
	switch {
	case s.reads == 0:
		return most
	case others == NoOthers:
		least, within = few, aloneFor
	case s.per != 0:
		within = lateNext
	}
	return min(max(least, int(s.reads*within.Seconds())), most)
}

// Drains reports whether what came before the limit waits still: who has sent most of it
// is to send nothing until it is read.
func (s *Share) Drains() bool { return s.drains }
