package daemon

import (
	"golang.org/x/sys/unix"

	"dhcp-relay/relay/host/clientmac"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/senderror"
)

// A fullTable tells which of the kernel's errors say that a neighbour table is full:
// they say something else as well, so that the table's own count has to tell. It is
// read when there are new errors, as that takes the longer the more interfaces there
// are.
type fullTable struct {
	family int             // of the table
	from   senderror.Error // of the kernel
	to     senderror.Error // what it is counted as
	read   func(family int) (clientmac.Room, error)

	full     uint64                       // that the table has counted
	seen     map[senderror.Towards]uint64 // errors so far, by whom they were sent towards
	ofTables map[senderror.Towards]uint64 // those of them that are counted as to
}

// fullTables returns both tables, as they are at the start.
func fullTables() []*fullTable {
	ts := []*fullTable{
		// __neigh_create fails, and the kernel makes EINVAL of it in IPv6 alone.
		{family: unix.AF_INET6, from: senderror.EINVAL, to: senderror.NeighboursFull6, read: clientmac.ReadRoom},
		{family: unix.AF_INET, from: senderror.ENOBUFS, to: senderror.NeighboursFull4, read: clientmac.ReadRoom},
	}
	for _, t := range ts {
		r, _ := t.read(t.family) // without it, what was before is counted, too
		t.full = r.Full
		t.seen, t.ofTables = make(map[senderror.Towards]uint64), make(map[senderror.Towards]uint64)
	}
	return ts
}

// split counts apart those of the errors that a full table has caused.
func (t *fullTable) split(all []count.SendError) []count.SendError {
	grown := make(map[int]uint64)
	for i := range all {
		if e := &all[i]; e.Error == t.from && e.Count > t.seen[e.Towards] {
			grown[i] = e.Count - t.seen[e.Towards]
			t.seen[e.Towards] = e.Count
		}
	}
	if len(grown) > 0 && t.overflown() {
		for i, n := range grown {
			t.ofTables[all[i].Towards] += n
		}
	}
	for i := range all {
		e := &all[i]
		if n := t.ofTables[e.Towards]; e.Error == t.from && n > 0 {
			e.Count -= n
			all = append(all, count.SendError{Towards: e.Towards, Error: t.to, Count: n})
		}
	}
	return all
}

// overflown reports whether the table was full since the last look.
func (t *fullTable) overflown() bool {
	r, err := t.read(t.family)
	if err != nil || r.Full == t.full {
		return false
	}
	t.full = r.Full
	return true
}
