package shed

import (
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
)

// Of two interfaces each passes what its share is, once there is one; what is shed is
// counted for the one that it came by.
func TestGate(t *testing.T) {
	relay, client := netns.NewSpace(t), netns.NewSpace(t)
	relay.Veth("d0", client, "c0")
	relay.Veth("d1", client, "c1")
	relay.Addr("d0", "192.0.2.1/25")
	relay.Addr("d1", "192.0.2.129/25")
	client.Addr("c0", "192.0.2.2/25")
	client.Addr("c1", "192.0.2.130/25")
	g, err := New()
	if errors.Is(err, os.ErrPermission) {
		t.Skip("needs CAP_BPF")
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
	from := client.ListenUDP("udp4", "0.0.0.0:0")
	// heard returns how many of n messages pass that are sent to an address.
	heard := func(first byte, to string, n int) (passed int) {
		t.Helper()
		for range n {
			_, err := from.WriteToUDPAddrPort([]byte{first, 0}, netip.MustParseAddrPort(to))
			relay.Must(err)
		}
		b := make([]byte, 16)
		for {
			_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
			if _, err := conn.Read(b); err != nil {
				return passed
			}
			passed++
		}
	}
	const d0, d1 = "192.0.2.1:67", "192.0.2.129:67"
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
	if n := shed[Slot(relay.Index("d0"))]; n != 90 || len(shed) != 1 || g.Shed() != 90 {
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
