package udp

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"dhcp-relay/relay/spacetest"
)

const patient = 5 * time.Second

// listen opens a pair within the namespace, and closes it after the test.
func listen(s *spacetest.Space, c Config) *Pair {
	s.T.Helper()
	var p *Pair
	s.Do(func() (err error) {
		p, err = Listen(c)
		return err
	})
	s.T.Cleanup(func() { _ = p.Close() })
	return p
}

// cable joins a relay's d0, which is 192.0.2.1, to a client's c0, which is
// 192.0.2.9.
func cable(t testing.TB) (relay, client *spacetest.Space) {
	t.Helper()
	relay, client = spacetest.New(t), spacetest.New(t)
	relay.Veth("d0", client, "c0")
	relay.Addr("d0", "192.0.2.1/24")
	client.Addr("c0", "192.0.2.9/24")
	return relay, client
}

// A heard is what a test wants to know of a datagram.
type heard struct {
	Payload string
	Link    int
	Src     netip.AddrPort
	Dst     netip.Addr
}

// hear reads n datagrams, or fewer if nothing comes for a while.
func hear(t testing.TB, c *Conn, n int, wait time.Duration) []heard {
	t.Helper()
	var hs []heard
	ds := NewBatch(64)
	for len(hs) < n {
		if err := c.pc.SetReadDeadline(time.Now().Add(wait)); err != nil {
			t.Fatal(err)
		}
		got, err := c.Read(ds)
		if errors.Is(err, ErrWoken) { // by the deadline
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range ds[:got] {
			hs = append(hs, heard{string(d.Store[Headroom : Headroom+d.N]), d.Link, d.Src, d.Dst})
		}
	}
	return hs
}

// silent fails the test if there is something to read.
func silent(t testing.TB, c *Conn, name string) {
	t.Helper()
	if hs := hear(t, c, 1, 20*time.Millisecond); len(hs) != 0 {
		t.Errorf("%s heard %v", name, hs)
	}
}
