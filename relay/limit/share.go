package limit

import "time"

// What makes a Share. A queue that is found empty now and then is none, however long
// messages wait in between, as those of a process do that gets its processor for a few
// milliseconds of each 100: so the least age counts, not the largest (RFC 8289, section
// 3.1).
const (
	window   = 200 * time.Millisecond // of a judgement
	lateness = 100 * time.Millisecond // what no message of a window has waited less than
	leastPer = 100                    // messages a second that each interface may have always
	freeFrom = 1 << 20                // messages a second that are no limit any more
	quicker  = 1.08                   // per window that was not late
	slower   = 0.6                    // per window that was
)

// A Share is how much each interface may send to a socket that is read more slowly than
// messages come: the same for all, so that those are cut that send most. There is no
// limit until then; it follows what the relay turns out to read, and ends by itself. It
// belongs to the one that reads the socket.
type Share struct {
	began   time.Duration // of the window
	changed time.Duration // when the rate was changed last: what came before tells nothing of it
	least   time.Duration // age of a message in the window
	told    bool          // the window has a message that came after the change
	count   int           // messages in the window
	per     float64       // messages a second; 0: no limit
}

// Restart forgets all that is known, and judges what is read from now on.
func (s *Share) Restart(now time.Duration) { *s = Share{began: now} }

// Read takes note of n messages that were read at now, of which none had waited for less
// than age; more says that others wait. It reports whether Rate has changed.
func (s *Share) Read(now, age time.Duration, n int, more bool) bool {
	s.count += n
	if !more {
		age = 0
	}
	if now-age >= s.changed && (!s.told || age < s.least) {
		s.told, s.least = true, age
	}
	took := now - s.began
	if took < window {
		return false
	}
	was := s.per
	switch {
	case !s.told:
	case s.least <= lateness:
		for ; took >= window && s.per != 0; took -= window {
			if s.per *= quicker; s.per > freeFrom {
				s.per = 0
			}
		}
	case s.per == 0:
		s.per = max(leastPer, float64(s.count)/took.Seconds()/2)
	default:
		s.per = max(leastPer, s.per*slower)
	}
	if s.per < was || was == 0 && s.per != 0 {
		s.changed = now
	}
	s.began, s.told, s.count = now, false, 0
	return s.per != was
}

// Rate returns what each interface may send: what it sends in a second at once, if it
// was silent.
func (s *Share) Rate() Rate { return PerSecond(int(s.per), int(s.per)) }
