package udp

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

const patient = 30 * time.Second

// listen opens a pair within the namespace, and closes it after the test.
func listen(s *netns.Space, c Config) *Pair {
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
func cable(t testing.TB) (relay, client *netns.Space) {
	t.Helper()
	return join(t, "d0", "192.0.2.1/24", "c0", "192.0.2.9/24")
}

// join makes two namespaces with a cable between them.
func join(t testing.TB, dev, addr, peerDev, peerAddr string) (s, peer *netns.Space) {
	t.Helper()
	s, peer = netns.NewSpace(t), netns.NewSpace(t)
	s.Veth(dev, peer, peerDev)
	s.Addr(dev, addr)
	peer.Addr(peerDev, peerAddr)
	return s, peer
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
		if err := c.poll.SetReadDeadline(time.Now().Add(wait)); err != nil {
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

// What a read finds out is its own, whichever datagrams the one before it filled.
func TestReadsFillAnyBatch(t *testing.T) {
	relay, client := cable(t)
	p := listen(relay, Config{Family: dhcp.V4, Port: 67})
	from := client.ListenUDP("udp4", "192.0.2.9:68")
	a, b := NewBatch(4), NewBatch(4)
	link, src, dst := relay.Index("d0"), netip.MustParseAddrPort("192.0.2.9:68"), netip.MustParseAddr("192.0.2.1")
	no := 0
	for _, c := range []struct {
		name string
		ds   []Datagram
		n    int
	}{
		{"the first", a, 3},
		{"the same", a, 1},
		{"more of the same", a, 4},
		{"others", b, 2},
		{"the first again", a, 2},
		{"a part of them", a[:2], 2},
		{"all of them", a, 4},
	} {
		var want, got []heard
		for range c.n {
			no++
			want = append(want, heard{itoa(no), link, src, dst})
			sendTo(t, from, itoa(no), "192.0.2.1:67")
		}
		for len(got) < c.n {
			n, err := p.Requests.Read(c.ds)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			for _, d := range c.ds[:n] {
				got = append(got, heard{string(d.Store[Headroom : Headroom+d.N]), d.Link, d.Src, d.Dst})
			}
		}
		if diff := cmp.Diff(want, got, opts()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
