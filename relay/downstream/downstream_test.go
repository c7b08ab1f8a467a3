package downstream_test

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"testing"
	"time"

	"dhcp-relay/relay/downstream"
)

const usual = 547

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func TestR9915_OnlyWhoHasAskedGetsReplies(t *testing.T) {
	t.Parallel()
	tb := downstream.New(64)
	tb.Asked(3, at("[fe80::a1]:547"), time.Minute)
	tb.Asked(4, at("[2001:db8::a2]:1000"), time.Minute)
	tb.Asked(4, at("[2001:db8::a2]:2000"), time.Minute)
	for _, c := range []struct {
		name string
		link int
		to   string
		now  time.Duration
		want bool
	}{
		{"who has asked", 3, "[fe80::a1]:547", time.Minute, true},
		{"R8357-6 at a port that it has not asked from", 3, "[fe80::a1]:53", time.Minute, false},
		{"on another link", 4, "[fe80::a1]:547", time.Minute, false},
		{"another", 3, "[fe80::a3]:547", time.Minute, false},
		{"R8357-6 at the port that it has asked from", 4, "[2001:db8::a2]:1000", time.Minute, true},
		{"R8357-6 at another port that it has asked from", 4, "[2001:db8::a2]:2000", time.Minute, true},
		{"at the usual port", 4, "[2001:db8::a2]:547", time.Minute, true},
		{"at any port", 4, "[2001:db8::a2]:22", time.Minute, false},
		{"within the time", 3, "[fe80::a1]:547", downstream.Lately, true},
		{"after the time", 3, "[fe80::a1]:547", 2*time.Minute + downstream.Lately + 64*time.Second, false},
	} {
		if got := tb.MayGet(c.link, at(c.to), usual, c.now); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestR9915_NobodyHasAskedAnEmptyTable(t *testing.T) {
	t.Parallel()
	tb := downstream.New(0)
	if tb.MayGet(1, at("[fe80::a1]:547"), usual, 0) {
		t.Error("an empty table knows a relay")
	}
}

// The oldest go first.
func TestTableNeverGrows(t *testing.T) {
	t.Parallel()
	tb := downstream.New(4)
	relay := func(n int) netip.AddrPort {
		a := [16]byte{0xfe, 0x80}
		binary.BigEndian.PutUint32(a[12:], uint32(n))
		return netip.AddrPortFrom(netip.AddrFrom16(a), usual)
	}
	for n := range 100 {
		tb.Asked(1, relay(n), time.Duration(n)*time.Minute*2)
	}
	known := 0
	for n := range 100 {
		if tb.MayGet(1, relay(n), usual, 200*time.Minute) {
			if known++; n < 96 {
				t.Errorf("relay %d is known, which 4 have asked after", n)
			}
		}
	}
	if known != 4 {
		t.Errorf("%d are known, want 4", known)
	}
}

func TestTableDoesNotAllocate(t *testing.T) {
	tb := downstream.New(64)
	to := at("[fe80::a1]:547")
	if n := testing.AllocsPerRun(1000, func() {
		tb.Asked(1, to, time.Minute)
		tb.MayGet(1, to, usual, time.Minute)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func TestLoopsAtOnce(t *testing.T) {
	t.Parallel()
	tb := downstream.New(1 << 10)
	var wg sync.WaitGroup
	for link := range 4 {
		wg.Go(func() {
			for range 1000 {
				tb.Asked(link, at("[fe80::a1]:547"), time.Minute)
				if !tb.MayGet(link, at("[fe80::a1]:547"), usual, time.Minute) {
					t.Error("who has just asked is not known")
					return
				}
			}
		})
	}
	wg.Wait()
}
