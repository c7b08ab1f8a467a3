package shed

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
)

// A bed is a socket behind a gate, and two interfaces by which messages come to it.
type bed struct {
	t            *testing.T
	gate         *Gate
	conn, from   *net.UDPConn
	slot0, slot1 int
}

const d0, d1 = "192.0.2.1:67", "192.0.2.129:67"

func newBed(t *testing.T) *bed {
	relay, client := netns.NewSpace(t), netns.NewSpace(t)
	relay.Veth("d0", client, "c0")
	relay.Veth("d1", client, "c1")
	relay.Addr("d0", "192.0.2.1/25")
	relay.Addr("d1", "192.0.2.129/25")
	client.Addr("c0", "192.0.2.2/25")
	client.Addr("c1", "192.0.2.130/25")
	g, err := New(ByChaddr)
	if errors.Is(err, os.ErrPermission) {
		netns.Need(t, "CAP_BPF", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	conn := relay.ListenUDP("udp4", "0.0.0.0:67")
	_ = conn.SetReadBuffer(4 << 20)
	rc, err := conn.SyscallConn()
	relay.Must(err)
	relay.Must(g.Attach(rc, 2, false))
	relay.Must(g.Close())
	return &bed{t, g, conn, client.ListenUDP("udp4", "0.0.0.0:0"), Slot(relay.Index("d0")), Slot(relay.Index("d1"))}
}

// send sends n messages of as many clients to an address.
func (b *bed) send(first byte, to string, n int) {
	b.t.Helper()
	for i := range n {
		b.sendBy(uint32(i), first, to)
	}
}

// sendBy sends a message of a client, which is not 0, to an address.
func (b *bed) sendBy(client uint32, first byte, to string) {
	b.t.Helper()
	m := [44]byte{first}
	binary.BigEndian.PutUint32(m[30:], client+1) // chaddr
	b.write(m[:], to)
}

func (b *bed) write(m []byte, to string) {
	b.t.Helper()
	if _, err := b.from.WriteToUDPAddrPort(m, netip.MustParseAddrPort(to)); err != nil {
		b.t.Fatal(err)
	}
}

// heard returns how many of n messages pass that are sent to an address.
func (b *bed) heard(first byte, to string, n int) (passed int) {
	b.t.Helper()
	b.send(first, to, n)
	m := make([]byte, 16)
	for {
		_ = b.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := b.conn.Read(m); err != nil {
			return passed
		}
		passed++
	}
}

// Of each interface no more waits than may, and of one that nobody reads a few once that
// lasts; the others' messages pass.
func TestWaiting(t *testing.T) {
	b := newBed(t)
	g := b.gate
	g.Bound(10)
	for _, tc := range []struct {
		name     string
		read     int
		emptied  bool
		to       string
		n, wants int
	}{
		{"so many may wait", 0, false, d0, 100, 10},
		{"no more", 0, false, d0, 1, 0},
		{"others may", 0, false, d1, 3, 3},
		{"what is read makes room", 4, false, d0, 100, 4},
		{"what was lost in the buffer does too, in the end", 0, true, d0, 100, 10},
		{"what came before", 5, true, d0, 9, 9},
	} {
		g.Read(b.slot0, tc.read)
		if tc.emptied {
			g.Emptied()
		}
		if n := b.heard(1, tc.to, tc.n); n != tc.wants {
			t.Errorf("%s: %d of %d pass, want %d", tc.name, n, tc.n, tc.wants)
		}
	}
	g.Bound(Most)
	g.Emptied()
	before, sent := g.Shed(), uint64(0)
	for end := time.Now().Add(time.Minute); g.Shed() == before && time.Now().Before(end); sent++ {
		b.send(1, d0, 1)
	}
	if sent <= Few || sent > Most {
		t.Errorf("%d messages pass while nobody reads, want some more than %d", sent-1, Few)
	}
	g.Read(b.slot0, 1)
	before = g.Shed()
	b.send(1, d0, 1)
	if n := g.Shed(); n != before {
		t.Error("nothing passes once it is read again")
	}
}

// Of two interfaces each passes what its share is, once there is one; what is shed is
// counted for the one that it came by.
func TestGate(t *testing.T) {
	b := newBed(t)
	g, heard := b.gate, b.heard
	if n := heard(1, d0, 100); n != 100 {
		t.Errorf("without a share %d of 100 pass", n)
	}
	if n := heard(2, d0, 100); n != 0 {
		t.Errorf("%d pass that begin with the octet that is not let pass", n)
	}
	g.Set(time.Hour, 9*time.Hour, time.Hour)
	if a, b := heard(1, d0, 100), heard(1, d1, 5); a != 10 || b != 5 {
		t.Errorf("%d and %d pass, want 10 and 5", a, b)
	}
	shed := make(map[int]uint64)
	g.Collect(func(slot int, n uint64) { shed[slot] += n })
	g.Collect(func(slot int, n uint64) { shed[slot] += n })
	if n := shed[b.slot0]; n != 90 || len(shed) != 1 || g.Shed() != 90 {
		t.Errorf("shed: %v, %d in all, want 90 of d0", shed, g.Shed())
	}
	g.Set(time.Hour, 0, -time.Second) // as when nobody sets it any more
	if n := heard(1, d0, 100); n != 100 {
		t.Errorf("after the end of the share %d of 100 pass", n)
	}
	g.Set(0, 0, time.Hour)
	if n := heard(1, d0, 100); n != 100 {
		t.Errorf("after the share %d of 100 pass", n)
	}
}

// Who sends much leaves half of what may be ahead to the other clients of its interface,
// and garbage does; who has no address is anybody.
func TestClients(t *testing.T) {
	b := newBed(t)
	b.gate.Set(time.Hour, 199*time.Hour, time.Hour)
	const loud, quiet = 77, 78
	// passed returns how many of n messages pass.
	passed := func(n int, send func()) int {
		t.Helper()
		before := b.gate.Shed()
		for range n {
			send()
		}
		return n - int(b.gate.Shed()-before)
	}
	if n := passed(1000, func() { b.sendBy(loud, 1, d0) }); n < 100+16 || n > 150 {
		t.Errorf("%d messages of one client pass, want some more than 100", n)
	}
	if n := passed(10, func() { b.sendBy(quiet, 1, d0) }); n != 10 {
		t.Errorf("%d of 10 messages of another client pass", n)
	}
	if n := passed(10, func() { b.write([]byte{1, 0}, d0) }); n != 0 {
		t.Errorf("%d of 10 messages pass that are none", n)
	}
	if n := passed(10, func() { b.write(make([]byte, 44), d0) }); n != 10 {
		t.Errorf("%d of 10 messages without a client's address pass", n)
	}
	if n := passed(1000, func() { b.sendBy(loud, 1, d0) }); n != 0 {
		t.Errorf("%d messages pass of who sends much", n)
	}
	if n := passed(10, func() { b.sendBy(loud, 1, d1) }); n != 10 {
		t.Errorf("%d of 10 messages pass on the other interface", n)
	}
}

// The same in DHCPv6, by source address; a Relay-forward is of many clients.
func TestClients6(t *testing.T) {
	relay := netns.NewSpace(t)
	relay.Addr("lo", "2001:db8::1/128", "2001:db8::2/128")
	g, err := New(BySource)
	if errors.Is(err, os.ErrPermission) {
		netns.Need(t, "CAP_BPF", err)
	}
	relay.Must(err)
	rc, err := relay.ListenUDP("udp6", "[::]:547").SyscallConn()
	relay.Must(err)
	relay.Must(g.Attach(rc, 13, false))
	relay.Must(g.Close())
	g.Set(time.Hour, 199*time.Hour, time.Hour)
	// passed returns how many of n messages pass.
	passed := func(from *net.UDPConn, n int, m ...byte) int {
		t.Helper()
		before := g.Shed()
		for range n {
			_, err := from.WriteToUDPAddrPort(m, netip.MustParseAddrPort("[2001:db8::1]:547"))
			relay.Must(err)
		}
		return n - int(g.Shed()-before)
	}
	loud, quiet := relay.ListenUDP("udp6", "[2001:db8::1]:546"), relay.ListenUDP("udp6", "[2001:db8::2]:546")
	if n := passed(loud, 1000, 1, 0, 0, 1); n < 100+16 || n > 150 {
		t.Errorf("%d messages of one client pass, want some more than 100", n)
	}
	for _, tc := range []struct {
		name    string
		from    *net.UDPConn
		message []byte
		want    int
	}{
		{"another client", quiet, []byte{1, 0, 0, 1}, 10},
		{"an octet", quiet, []byte{1}, 0},
		{"a relay", loud, []byte{relayForward, 0, 0, 0}, 10},
		{"who sends much", loud, []byte{1, 0, 0, 1}, 0},
	} {
		if n := passed(tc.from, 10, tc.message...); n != tc.want {
			t.Errorf("%s: %d of 10 messages pass, want %d", tc.name, n, tc.want)
		}
	}
}
