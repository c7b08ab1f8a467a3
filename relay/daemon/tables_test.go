package daemon

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/host/clientmac"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/senderror"
)

// TestFullTables has errors come that a full table has caused, and others of the
// same name.
func TestFullTables(t *testing.T) {
	reads := 0
	room, fails := clientmac.Room{Full: 7}, error(nil)
	f := fullTable{
		from: senderror.EINVAL, to: senderror.NeighboursFull6, full: 7,
		seen: make(map[senderror.Towards]uint64), ofTables: make(map[senderror.Towards]uint64),
		read: func(int) (clientmac.Room, error) { reads++; return room, fails },
	}
	step := func(name string, client, server uint64, wantReads int, want ...count.SendError) {
		t.Helper()
		got := f.split([]count.SendError{{Towards: senderror.Clients, Error: senderror.EINVAL, Count: client}, {Towards: senderror.Servers, Error: senderror.EINVAL, Count: server}, {Towards: senderror.Servers, Error: senderror.EPERM, Count: 9}})
		want = append(want, count.SendError{Towards: senderror.Servers, Error: senderror.EPERM, Count: 9})
		sums := func(all []count.SendError) map[string]uint64 {
			m := make(map[string]uint64)
			for _, e := range all {
				m[e.Towards.String()+" "+e.Error.String()] += e.Count
			}
			return m
		}
		if diff := cmp.Diff(sums(want), sums(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if reads != wantReads {
			t.Errorf("%s: the table was read %d times, want %d", name, reads, wantReads)
		}
	}
	ec := func(towards senderror.Towards, e senderror.Error, n uint64) count.SendError {
		return count.SendError{Towards: towards, Error: e, Count: n}
	}
	step("none", 0, 0, 0, ec(senderror.Clients, senderror.EINVAL, 0), ec(senderror.Servers, senderror.EINVAL, 0))
	step("another cause", 2, 0, 1, ec(senderror.Clients, senderror.EINVAL, 2), ec(senderror.Servers, senderror.EINVAL, 0))
	step("no new ones", 2, 0, 1, ec(senderror.Clients, senderror.EINVAL, 2), ec(senderror.Servers, senderror.EINVAL, 0))
	room.Full = 1000
	step("full", 980, 3, 2, ec(senderror.Clients, senderror.EINVAL, 2), ec(senderror.Clients, f.to, 978), ec(senderror.Servers, senderror.EINVAL, 0), ec(senderror.Servers, f.to, 3))
	step("no more", 980, 3, 2, ec(senderror.Clients, senderror.EINVAL, 2), ec(senderror.Clients, f.to, 978), ec(senderror.Servers, senderror.EINVAL, 0), ec(senderror.Servers, f.to, 3))
	step("another cause again", 981, 3, 3, ec(senderror.Clients, senderror.EINVAL, 3), ec(senderror.Clients, f.to, 978), ec(senderror.Servers, senderror.EINVAL, 0), ec(senderror.Servers, f.to, 3))
	room.Full, fails = 2000, errors.New("no netlink")
	step("cannot be read", 982, 3, 4, ec(senderror.Clients, senderror.EINVAL, 4), ec(senderror.Clients, f.to, 978), ec(senderror.Servers, senderror.EINVAL, 0), ec(senderror.Servers, f.to, 3))
	if len(fullTables()) != 2 {
		t.Error("not both families")
	}
}
