package clientmac

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReadRoom(t *testing.T) {
	for name, family := range map[string]int{"ipv4": unix.AF_INET, "ipv6": unix.AF_INET6} {
		r, err := ReadRoom(family)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile("/proc/sys/net/" + name + "/neigh/default/gc_thresh3")
		if err != nil {
			t.Skip(err)
		}
		if want, _ := strconv.Atoi(strings.TrimSpace(string(b))); r.Limit != want {
			t.Errorf("%s: limit %d, want %d", name, r.Limit, want)
		}
		if r.Entries < 0 { // permanent ones, of other namespaces too, may exceed the limit
			t.Errorf("%s: %d entries of %d", name, r.Entries, r.Limit)
		}
	}
	if r, err := ReadRoom(unix.AF_PACKET); err == nil {
		t.Errorf("a family without a table: %+v", r)
	}
}
