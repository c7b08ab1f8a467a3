package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
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
// thousands of interfaces has a file for each.
const strictEvery = time.Minute

func (s *surroundings) listStrict(now time.Time) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looked.IsZero() || now.Sub(s.looked) > strictEvery {
		s.strict, s.looked = strictIn("/proc/sys/net/ipv4/conf"), now
	}
	return s.strict
}

// strictIn lists the interfaces whose reverse path filter is strict. The kernel
// takes the higher of an interface's own value and that of all: 0 for none, 1
// for strict, 2 for loose (ip-sysctl, rp_filter). It lists none of those that
// cannot be read.
func strictIn(dir string) (names []string) {
	all := rpFilter(dir, "all")
	if all == "2" {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // no IPv4, or no such kernel: nothing is filtered
	}
	for _, e := range entries {
		name := e.Name()
		if slices.Contains([]string{"all", "default", "lo"}, name) {
			continue
		}
		if max(all, rpFilter(dir, name)) == "1" {
			names = append(names, name)
		}
	}
	return names
}

// rpFilter reads one value, a digit; "" if it cannot be read.
func rpFilter(dir, name string) string {
	b, err := os.ReadFile(filepath.Join(dir, name, "rp_filter"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
