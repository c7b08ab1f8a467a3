package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

// bound makes a set in the namespace, with sockets for the addresses.
func bound(s *netns.Space, c Config, addrs ...string) *Bound {
	s.T.Helper()
	var b *Bound
	s.Do(func() (err error) {
		if b, err = ListenBound(c); err != nil {
			return err
		}
		return b.Set(parse(addrs...))
	})
	s.T.Cleanup(func() { _ = b.Close() })
	return b
}

func parse(addrs ...string) (all []netip.Addr) {
	for _, a := range addrs {
		all = append(all, netip.MustParseAddr(a))
	}
	return all
}

// texts reads until n datagrams have come, and returns how often each came.
func texts(t *testing.T, c *Conn, n int) map[string]int {
	t.Helper()
	timer := time.AfterFunc(patient, c.Wake)
	defer timer.Stop()
	ds, got := NewBatch(4), make(map[string]int)
	for n > 0 {
		k, err := c.Read(ds)
		if err != nil {
			t.Fatalf("%d datagrams are missing: %v", n, err)
		}
		for i := range ds[:k] {
			got[fmt.Sprintf("%s to %v", ds[i].Store[Headroom:Headroom+ds[i].N], ds[i].Dst)]++
		}
		n -= k
	}
	return got
}

// T26: what is sent to an address goes to the socket that is bound to it, be there
// wildcards that are older or younger.
func TestT26_BoundSocketsAreFirst(t *testing.T) {
	for _, tc := range []struct {
		f             dhcp.Family
		network, wild string
		addrs         []string
	}{
		{dhcp.V4, "udp4", "0.0.0.0:67", []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"}},
		{dhcp.V6, "udp6", "[::]:547", []string{"2001:db8::1", "2001:db8::2", "2001:db8::3"}},
	} {
		t.Run(tc.f.String(), func(t *testing.T) {
			s := netns.NewSpace(t)
			if tc.f == dhcp.V6 {
				s.Sysctl("ipv6/conf/lo/disable_ipv6", "0")
				for _, a := range tc.addrs {
					s.Addr("lo", a+"/128")
				}
			}
			c := Config{Family: tc.f, Port: netip.MustParseAddrPort(tc.wild).Port()}
			older := shared(s, tc.network, tc.wild)
			p := listen(s, c)
			b := bound(s, c, tc.addrs[:2]...)
			younger := shared(s, tc.network, tc.wild)
			from := s.ListenUDP(tc.network, netip.AddrPortFrom(netip.MustParseAddr(tc.addrs[0]), 1).String())
			const many = 50
			send := func(text, to string) {
				t.Helper()
				at := netip.AddrPortFrom(netip.MustParseAddr(to), c.Port)
				if _, err := from.WriteToUDPAddrPort([]byte(text), at); err != nil {
					t.Fatal(err)
				}
			}
			for range many {
				send("x", tc.addrs[0])
				send("y", tc.addrs[1])
			}
			got := texts(t, b.Conn, 2*many)
			for i, text := range []string{"x", "y"} {
				if n := got[text+" to "+tc.addrs[i]]; n != many {
					t.Errorf("%d of %d have come to %s: %v", n, many, tc.addrs[i], got)
				}
			}
			// Another set of addresses: the one that stays loses nothing.
			send("waits", tc.addrs[1])
			s.Do(func() error { return b.Set(parse(tc.addrs[1], tc.addrs[2])) })
			send("z", tc.addrs[2])
			if got := texts(t, b.Conn, 2); got["waits to "+tc.addrs[1]] != 1 || got["z to "+tc.addrs[2]] != 1 || b.Len() != 2 {
				t.Errorf("%d sockets, %v", b.Len(), got)
			}
			if n := b.Drops(); n != 0 {
				t.Errorf("%d drops", n)
			}
			_, _, _ = older, younger, p
		})
	}
}

// shared opens a wildcard socket as another program does that lets others have the
// port too.
func shared(s *netns.Space, network, at string) net.PacketConn {
	s.T.Helper()
	var pc net.PacketConn
	s.Do(func() (err error) {
		lc := net.ListenConfig{Control: reuseAddr}
		pc, err = lc.ListenPacket(s.T.Context(), network, at)
		return err
	})
	s.T.Cleanup(func() { _ = pc.Close() })
	return pc
}

func TestBoundWakeAndClose(t *testing.T) {
	s := netns.NewSpace(t)
	b := bound(s, Config{Family: dhcp.V4, Port: 67}, "127.0.0.1")
	errs := make(chan error, 1)
	read := func() { _, err := b.Conn.Read(NewBatch(1)); errs <- err }
	go read()
	b.Conn.Wake()
	if err := <-errs; !errors.Is(err, ErrWoken) {
		t.Errorf("woken: %v", err)
	}
	go read()
	s.Must(b.Close())
	if err := <-errs; !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if b.Len() != 0 || b.Drops() != 0 {
		t.Errorf("%d sockets, %d drops", b.Len(), b.Drops())
	}
}

// One socket that fails hides nothing of the others, and is told when they are read;
// so is a set that cannot be asked.
func TestBoundTellsOfASocketThatFails(t *testing.T) {
	s := netns.NewSpace(t)
	b := bound(s, Config{Family: dhcp.V4, Port: 67}, "127.0.0.1", "127.0.0.2")
	if b.receive(0) {
		t.Error("done, with nothing to read")
	}
	from := s.ListenUDP("udp4", "127.0.0.1:1")
	for a, sock := range b.socks {
		sendTo(t, from, "to "+a.String(), a.String()+":67")
		arrived(t, sock.fd)
	}
	// The epoll still has the first one, under a number that is another file's.
	fd := b.socks[netip.MustParseAddr("127.0.0.1")].fd
	kept, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	s.Must(err)
	t.Cleanup(func() { _ = unix.Close(kept) })
	s.Must(unix.Dup3(b.epoll.fd, fd, unix.O_CLOEXEC))
	if got := texts(t, b.Conn, 1); got["to 127.0.0.2 to 127.0.0.2"] != 1 {
		t.Errorf("the other socket's: %v", got)
	}
	ds := NewBatch(4)
	if n, err := b.Conn.Read(ds); n != 0 || !errors.Is(err, unix.ENOTSOCK) {
		t.Errorf("read %d, %v, want ENOTSOCK", n, err)
	}
	whole := b.epoll.fd
	b.epoll.fd = kept // which is no epoll
	if n, err := b.Conn.Read(ds); n != 0 || !errors.Is(err, unix.EBADF) {
		t.Errorf("without its epoll: read %d, %v, want EBADF", n, err)
	}
	b.epoll.fd = whole
}

// What the kernel drops is counted, of closed sockets as well.
func TestBoundDrops(t *testing.T) {
	s := netns.NewSpace(t)
	b := bound(s, Config{Family: dhcp.V4, Port: 67, RcvBuf: 4096}, "127.0.0.1")
	from := s.ListenUDP("udp4", "127.0.0.1:1")
	for range 100 {
		if _, err := from.WriteToUDPAddrPort(make([]byte, 1000), netip.MustParseAddrPort("127.0.0.1:67")); err != nil {
			t.Fatal(err)
		}
	}
	n := b.Drops()
	if n == 0 || n > 100 {
		t.Errorf("%d drops", n)
	}
	s.Do(func() error { return b.Set(nil) })
	if b.Len() != 0 || b.Drops() != n {
		t.Errorf("%d sockets, %d drops, want %d", b.Len(), b.Drops(), n)
	}
}

// An address that another program has for itself is told.
func TestBoundToWhatAnotherHas(t *testing.T) {
	s := netns.NewSpace(t)
	s.ListenUDP("udp4", "127.0.0.2:67")
	b := bound(s, Config{Family: dhcp.V4, Port: 67}, "127.0.0.1")
	s.Do(func() error {
		if err := b.Set(parse("127.0.0.1", "127.0.0.2")); !errors.Is(err, unix.EADDRINUSE) {
			t.Errorf("error %v", err)
		}
		return nil
	})
	if b.Len() != 1 {
		t.Errorf("%d sockets", b.Len())
	}
}

func reuseAddr(_, _ string, rc syscall.RawConn) error {
	var err error
	return errors.Join(rc.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}), err)
}

// BenchmarkBroadcastBesideBound tells what sockets bound to addresses cost those who
// hear broadcasts.
func BenchmarkBroadcastBesideBound(b *testing.B) {
	for _, n := range []int{0, 100, 4000} {
		b.Run(fmt.Sprintf("addresses=%d", n), func(b *testing.B) {
			s := netns.NewSpace(b)
			c := Config{Family: dhcp.V4, Port: 67}
			listen(s, c)
			var addrs []netip.Addr
			for i := range n {
				addrs = append(addrs, netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}))
			}
			var set *Bound
			s.Do(func() (err error) {
				if set, err = ListenBound(c); err != nil {
					return err
				}
				return set.Set(addrs)
			})
			defer func() { _ = set.Close() }()
			s.Veth("a", s, "z")
			s.Addr("a", "192.0.2.1/24")
			from := s.ListenUDP("udp4", "192.0.2.1:1")
			rc, err := from.SyscallConn()
			s.Must(err)
			s.Must(rc.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1) }))
			s.Must(err)
			to := netip.MustParseAddrPort("192.0.2.255:67")
			b.ResetTimer()
			for range b.N {
				if _, err := from.WriteToUDPAddrPort([]byte{1}, to); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
