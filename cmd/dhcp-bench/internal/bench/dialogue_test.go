package bench

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

// TestDialogueEnds has a server answer to itself, over and over.
func TestDialogueEnds(t *testing.T) {
	netns.Require(t)
	ns := netns.Test(t, "loop")
	lo := netip.MustParseAddr("127.0.0.1")
	server, err := listenServer(ns, netip.AddrPortFrom(lo, portServer))
	if err != nil {
		t.Fatal(err)
	}
	defer server.close()
	client, err := listenClients(ns, "lo", dhcp.V4)
	if err != nil {
		t.Fatal(err)
	}
	defer client.close()
	m := message4(0, opening)
	copy(m[giaddrAt:], lo.AsSlice()) // where the server sends its answer
	if err := unix.Sendto(server.fd, m, 0, &unix.SockaddrInet4{Port: portServer, Addr: lo.As4()}); err != nil {
		t.Fatal(err)
	}
	d := &dialogue{family: dhcp.V4, server: server, client: client, fallback: pair{v4: lo}}
	const after = 300 * time.Millisecond // longer than quiet: it goes on until then
	began := time.Now()
	last, err := d.settle(t.Context(), &load{after: after}, newTally(1, 1, false), 1)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < after || took > after+5*time.Second {
		t.Errorf("went on for %v, want %v", took, after)
	}
	if went := last.Sub(began); went < quiet/2 {
		t.Errorf("the server has answered for %v only", went)
	}
}
