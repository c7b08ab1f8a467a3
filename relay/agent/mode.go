package agent

// A Mode says which of a group's servers gets a request.
type Mode uint8

// The modes.
const (
	All      Mode = iota // a copy to each
	Failover             // the most preferred one that answers in time
	Hash                 // one, always the same for a client (RFC 1542, section 4.1.1)
	Balance              // one, by the hash that servers share clients by, too (RFC 3074)
	NumModes = int(iota)
)

// String returns the mode as the configuration has it.
func (m Mode) String() string { return [...]string{"all", "failover", "hash", "balance"}[m] }

// pick returns the one of some servers that a client always gets, as an index into
// servers; in has the bits of those that come into question, at least one. It is
// chosen by rendezvous, so that a server more or less moves few clients.
func (s *Snapshot) pick(servers []int, in uint64, client []byte) int {
	best, most := -1, uint64(0)
	for i, n := range servers {
		if in>>i&1 == 0 {
			continue
		}
		addr := s.Policy.Servers[n].Addr.Addr()
		a := addr.As16()
		octets := a[:]
		if addr.Is4() {
			octets = a[12:]
		}
		h := fnv(fnv(fnvOffset, octets), client)
		if h = mix(h); h > most || best < 0 {
			best, most = i, h
		}
	}
	return best
}

const fnvOffset, fnvPrime = 14695981039346656037, 1099511628211

// fnv continues the hash FNV-1a.
func fnv(h uint64, b []byte) uint64 {
	for _, c := range b {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return h
}

// mix spreads the last octets of an FNV hash over all of its bits.
func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
