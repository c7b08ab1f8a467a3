package relay

import (
	"time"

	"dhcp-relay/giaddr/watch"
)

// staleAfter is how long reading the host's interfaces may fail before that is told:
// an attempt that changes of the host have interrupted is made again each second.
const staleAfter = 5 * time.Second

// A HostReading tells how well the engine follows the interfaces of the host.
type HostReading struct {
	Resyncs uint64    // how often messages of the kernel were lost, and everything was read anew
	Stale   string    // why interfaces and addresses cannot be read; "" if they can
	Since   time.Time // when Stale began
}

// HostReading returns how well the engine follows the interfaces of the host, as of a
// second ago.
func (e *Engine) HostReading() HostReading {
	if p := e.hostReading.Load(); p != nil {
		return *p
	}
	return HostReading{}
}

// watched takes note of how well the engine follows, and logs once when that ends
// and when it is so again.
func (e *Engine) watched(s watch.Stats, now time.Time) {
	was, is := e.HostReading(), HostReading{Resyncs: s.Resyncs}
	if s.Err != nil && now.Sub(s.Since) >= staleAfter {
		is.Stale, is.Since = s.Err.Error(), s.Since
	}
	e.hostReading.Store(&is)
	switch {
	case is.Stale != "" && was.Stale == "":
		e.log.Error("interfaces cannot be read, so changes of them have no effect", "err", s.Err, "since", s.Since, "retry_every", time.Second)
	case is.Stale == "" && was.Stale != "":
		e.log.Info("interfaces are read again", "stale_for", now.Sub(was.Since))
	}
}
