package relay_test

import (
	"io"
	"net"
	"strings"
	"testing"
)

// A daemon whose sockets do not all work says so to who asks whether it is
// ready, until they do. That systemd's watchdog is answered more often than sockets
// are tried again does not keep it from that.
func TestReadinessTellsOfSockets(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.network("vlan10", "10.1.0.1/24")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n", "WATCHDOG_USEC=900000")
	says := func() string {
		t.Helper()
		resp, err := d.http.Get("http://127.0.0.1:9867/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.Status[:4] + string(body)
	}
	const ready = "200 ready\n"
	if got := says(); got != ready {
		t.Errorf("at the start: %q", got)
	}
	var other net.PacketConn
	b.relay.Do(func() (err error) {
		other, err = net.ListenPacket("udp6", "[::]:547")
		return err
	})
	d.reload("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\", \"2001:db8:9::2\"]\n", "configuration reloaded")
	d.await("a word about the sockets", func() bool {
		got := says()
		return strings.HasPrefix(got, "503 not all sockets work: ") && strings.Contains(got, "547")
	})
	b.relay.Must(other.Close())
	d.await("all sockets", func() bool { return says() == ready })
}
