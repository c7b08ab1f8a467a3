package clientmac

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// copyOf returns the map of a table as a supervisor has it.
func copyOf(t *testing.T, fd int) *os.File {
	t.Helper()
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(own), "map")
}

// What waits in a socket was noted by the former process, what comes later is by the
// next one.
func TestAdoptedMapKnowsWhatWaits(t *testing.T) {
	r := newSpace(t)
	w := r.cable("client0")
	c := r.relay("", w.link)
	old := needTable(t, logSets)
	old.mustAttach(t, c)
	w.send(nth(7).solicit())
	left := copyOf(t, old.FD())
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	next, err := Adopt(left)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = next.Close() })
	s := next.mustAttach(t, c)
	w.send(nth(8).solicit())
	want := []seen{{nth(7).mac, true}, {nth(8).mac, true}}
	if diff := cmp.Diff(want, look(t, c, s, 2)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAdoptRefuses(t *testing.T) {
	label := func(m *Table, magic uint64) {
		var first [setSize]byte
		binary.NativeEndian.PutUint64(first[offLabel:], magic)
		if err := m.sets.Put(uint32(0), &first); err != nil {
			t.Fatal(err)
		}
	}
	other := needTable(t, logSets)
	label(other, magic+1)
	queue, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = queue.Close() }()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, want string
		left       *os.File
	}{
		{"another size", "type, flags and sizes", copyOf(t, needTable(t, logSets-1).FD())},
		{"another kind", "type, flags and sizes", copyOf(t, queue.FD())},
		{"another label", "label", copyOf(t, other.FD())},
		{"no map", "take over map", null},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := Adopt(tc.left); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Adopt: %v, want %q", err, tc.want)
			}
		})
	}
}
