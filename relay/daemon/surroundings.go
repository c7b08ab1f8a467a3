package daemon

import (
	"sync"
	"time"

	"dhcp-relay/relay/host/check"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/wire/dhcp"
)

// surroundings are what is known of the host beside its links. Safe for
// concurrent use; the zero value knows of nothing yet.
type surroundings struct {
	mu     sync.Mutex
	rivals []check.Rival
	strict []string
	looked time.Time // at strict
}

// setRivals keeps what other listeners were found.
func (s *surroundings) setRivals(rs []check.Rival) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rivals = rs
}

// listRivals lists those that are to be told. Where the relay guards its addresses,
// those that could take unicasts to them alone do no harm.
func (s *surroundings) listRivals(guarded func(dhcp.Family) bool) []status.Rival {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]status.Rival, 0, len(s.rivals))
	for i := range s.rivals {
		r := &s.rivals[i]
		if r.Harm == check.Steals && guarded(r.Family) {
			continue
		}
		all = append(all, status.Rival{Port: r.Addr.Port(), Who: r.String(), Effect: r.Effect(), Error: r.Error()})
	}
	return all
}

// doubles names the other listeners that serve the relay's clients too.
func (s *surroundings) doubles() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.rivals {
		if r := &s.rivals[i]; r.Error() {
			all = append(all, r.String())
		}
	}
	return all
}

// strictEvery is how long what was read of rp_filter is good for: a host with
// thousands of interfaces has a file for each. While a server is silent it may be the
// cause, and is to be told soon.
const (
	strictEvery = time.Minute
	strictSoon  = 5 * time.Second
)

// listStrict lists the interfaces with strict rp_filter.
func (s *surroundings) listStrict(now time.Time, silent bool) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	every := strictEvery
	if silent {
		every = strictSoon
	}
	if s.looked.IsZero() || now.Sub(s.looked) > every {
		s.strict, s.looked = check.Strict(), now
	}
	return s.strict
}
