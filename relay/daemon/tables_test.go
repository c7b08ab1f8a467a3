package daemon

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/host/clientmac"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/senderror"
)

// TestFullTables has errors come that a full table has caused, and others of the
// same name.
func TestFullTables(t *testing.T) {
	reads := 0
	room, fails := clientmac.Room{Full: 7}, error(nil)
	f := fullTable{
		from: "EINVAL", to: senderror.NeighboursFull6, full: 7,
		seen: make(map[string]uint64), ofTables: make(map[string]uint64),
		read: func(int) (clientmac.Room, error) { reads++; return room, fails },
	}
	step := func(name string, client, server uint64, wantReads int, want ...status.ErrorCount) {
		t.Helper()
		got := f.split([]status.ErrorCount{{Towards: "client", Error: "EINVAL", Count: client}, {Towards: "server", Error: "EINVAL", Count: server}, {Towards: "server", Error: "EPERM", Count: 9}})
		want = append(want, status.ErrorCount{Towards: "server", Error: "EPERM", Count: 9})
		sums := func(all []status.ErrorCount) map[string]uint64 {
			m := make(map[string]uint64)
			for _, e := range all {
				m[e.Towards+" "+e.Error] += e.Count
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
	ec := func(towards, name string, n uint64) status.ErrorCount {
		return status.ErrorCount{Towards: towards, Error: name, Count: n}
	}
	step("none", 0, 0, 0, ec("client", "EINVAL", 0), ec("server", "EINVAL", 0))
	step("another cause", 2, 0, 1, ec("client", "EINVAL", 2), ec("server", "EINVAL", 0))
	step("no new ones", 2, 0, 1, ec("client", "EINVAL", 2), ec("server", "EINVAL", 0))
	room.Full = 1000
	step("full", 980, 3, 2, ec("client", "EINVAL", 2), ec("client", f.to, 978), ec("server", "EINVAL", 0), ec("server", f.to, 3))
	step("no more", 980, 3, 2, ec("client", "EINVAL", 2), ec("client", f.to, 978), ec("server", "EINVAL", 0), ec("server", f.to, 3))
	step("another cause again", 981, 3, 3, ec("client", "EINVAL", 3), ec("client", f.to, 978), ec("server", "EINVAL", 0), ec("server", f.to, 3))
	room.Full, fails = 2000, errors.New("no netlink")
	step("cannot be read", 982, 3, 4, ec("client", "EINVAL", 4), ec("client", f.to, 978), ec("server", "EINVAL", 0), ec("server", f.to, 3))
	if len(fullTables()) != 2 {
		t.Error("not both families")
	}
}
