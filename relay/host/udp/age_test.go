package udp

import (
	"encoding/binary"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/wire/dhcp"
)

// stamped returns control messages that begin with a time of arrival, and their octets.
func stamped(at time.Time) (c control, n int) {
	b, n := c.message(0, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, sizeTime)
	binary.NativeEndian.PutUint64(b, uint64(at.Unix()))
	binary.NativeEndian.PutUint64(b[8:], uint64(at.Nanosecond()))
	return c, n
}

func TestAges(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for _, tc := range []struct {
		name    string
		arrived time.Duration // ago, by the host's clock
		read    time.Duration // ago: the first read, or when nothing waited
		emptied bool
		want    time.Duration
	}{
		{"it has just come", time.Millisecond, time.Minute, true, time.Millisecond},
		{"it waits for a reader that was stopped", time.Minute, time.Minute + time.Second, true, time.Minute},
		{"the clock was set back", -24 * time.Hour, time.Minute, true, 0},
		{"the clock was set forward", 24 * time.Hour, 2 * time.Millisecond, true, 2 * time.Millisecond},
		{"it waited for a new process", 5 * time.Second, 3 * time.Millisecond, false, 0},
		{"it waits for a new process that reads on", 5 * time.Second, 2 * time.Second, false, 0},
		{"it came to a new process that reads on", time.Second, 2 * time.Second, false, time.Second},
		{"a new process does not come to the end of what waits", 5 * time.Second, time.Minute, false, 5 * time.Second},
		{"its process hung, and another one took over", time.Minute, 3 * time.Millisecond, false, time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := ages{since: ago(tc.read), known: tc.emptied}
			c, n := stamped(ago(tc.arrived))
			if got := a.of(&c, n, now); got != tc.want {
				t.Errorf("age %v, want %v", got, tc.want)
			}
		})
	}
	a := ages{since: ago(time.Hour), known: true}
	if got := a.of(new(control), 0, now); got != 0 {
		t.Errorf("without a time of arrival: age %v, want 0", got)
	}
}

// The kernel tells the age of each datagram, of both families, together with where it
// came from.
func TestReadTellsTheAge(t *testing.T) {
	relay, client := cable(t)
	relay.Addr("d0", "2001:db8::1/64")
	client.Addr("c0", "2001:db8::9/64")
	for _, tc := range []struct {
		family dhcp.Family
		own    string
	}{{dhcp.V4, "192.0.2.1:67"}, {dhcp.V6, "[2001:db8::1]:547"}} {
		t.Run(tc.family.String(), func(t *testing.T) {
			p := listen(relay, Config{Family: tc.family, Port: tc.family.Port()})
			c := client.ListenUDP(network(tc.family), "")
			ds := NewBatch(8)
			read := func() Datagram {
				t.Helper()
				if n, err := p.Requests.Read(ds); n != 1 || err != nil {
					t.Fatalf("Read() = %d, %v", n, err)
				}
				return ds[0]
			}
			sendTo(t, c, request, tc.own)
			read()
			const wait = 50 * time.Millisecond
			var d Datagram
			// The kernel begins to stamp some time after it was asked to.
			for range 100 {
				began := time.Now()
				sendTo(t, c, request, tc.own)
				time.Sleep(wait) // what is measured
				d = read()
				if most := time.Since(began); d.Age > most {
					t.Fatalf("age %v, want %v at most", d.Age, most)
				}
				if d.Age >= wait/2 {
					break
				}
			}
			if d.Age < wait/2 {
				t.Errorf("age %v, want %v at least", d.Age, wait/2)
			}
			if d.Link == 0 || !d.Dst.IsValid() || d.Src.Port() == 0 {
				t.Errorf("datagram from %v to %v on link %d", d.Src, d.Dst, d.Link)
			}
		})
	}
}
