package clientmac

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/relay/host/udp"
)

// follow runs n in the namespace, until the test ends.
func (s *space) follow(n *Neighbours) {
	s.T.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.In(func() error { return n.Run(ctx) }) }()
	s.T.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.T.Error(err)
		}
	})
}

func (s *space) neigh(link int, addr netip.Addr, m mac) *netlink.Neigh {
	return &netlink.Neigh{
		LinkIndex: link, Family: netlink.FAMILY_V6, State: netlink.NUD_PERMANENT,
		IP: addr.AsSlice(), HardwareAddr: m[:],
	}
}

func (n *Neighbours) knows(link int, c client) bool {
	m, ok := n.lookup(neighbour{link, c.src})
	return ok && m == c.mac
}

func TestNeighboursFollow(t *testing.T) {
	r := newSpace(t)
	link := r.cable("client0").link
	old, moved, v4 := nth(1), nth(1), netip.MustParseAddr("192.0.2.1")
	moved.mac = mac{2, 9, 9, 9, 9, 9}

	r.Must(r.NL.NeighSet(r.neigh(link, old.src, old.mac)))
	n := &Neighbours{}
	if n.knows(link, old) {
		t.Error("knows a neighbour before it runs")
	}
	r.follow(n)
	eventually(t, "neighbour that was there before", func() bool { return n.knows(link, old) })
	if _, ok := n.lookup(neighbour{link + 1, old.src}); ok {
		t.Error("knows the neighbour on another link")
	}

	r.Must(r.NL.NeighSet(r.neigh(link, moved.src, moved.mac)))
	eventually(t, "changed neighbour", func() bool { return n.knows(link, moved) })

	r.Must(r.NL.NeighSet(r.neigh(link, nth(2).src, nth(2).mac)))
	eventually(t, "new neighbour", func() bool { return n.knows(link, nth(2)) })

	e := r.neigh(link, v4, nth(3).mac)
	e.Family = netlink.FAMILY_V4
	r.Must(r.NL.NeighSet(e))
	r.Must(r.NL.NeighDel(r.neigh(link, moved.src, moved.mac)))
	eventually(t, "end of a neighbour", func() bool { return !n.knows(link, moved) })
	if _, ok := n.lookup(neighbour{link, v4}); ok {
		t.Error("knows a neighbour of the other family")
	}
	if !n.knows(link, nth(2)) {
		t.Error("has forgotten another neighbour")
	}
}

// A buffer for a few notices only makes the kernel drop most of them.
func TestNeighboursAfterLoss(t *testing.T) {
	const many = 900
	r := newSpace(t)
	link := r.cable("client0").link
	n := &Neighbours{buffer: 1}
	r.follow(n)
	for i := range many {
		r.Must(r.NL.NeighSet(r.neigh(link, nth(i).src, nth(i).mac)))
	}
	eventually(t, "all neighbours", func() bool {
		for i := range many {
			if !n.knows(link, nth(i)) {
				return false
			}
		}
		return true
	})
}

func TestNeighboursWithoutCapabilities(t *testing.T) {
	r := newSpace(t)
	link := r.cable("client0").link
	r.Must(r.NL.NeighSet(r.neigh(link, nth(1).src, nth(1).mac)))
	n := &Neighbours{}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- r.In(func() error {
			without(t, unix.CAP_BPF, unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN)
			return n.Run(ctx)
		})
	}()
	eventually(t, "neighbour", func() bool { return n.knows(link, nth(1)) })
	cancel()
	r.Must(<-ended)
	if n.knows(link, nth(1)) {
		t.Error("knows a neighbour although nothing keeps it up to date any more")
	}
}

// end returns a link with the kernel's own IPv6, whose address works by then, and
// who is there.
func (s *space) end(name string) (link int, c client) {
	s.T.Helper()
	l := s.Link(name)
	link = l.Attrs().Index
	s.ready(link)
	as, err := s.NL.AddrList(l, netlink.FAMILY_V6)
	s.Must(err)
	s.Local(name, as[0].IP)
	src, _ := netip.AddrFromSlice(as[0].IP)
	return link, client{mac(l.Attrs().HardwareAddr), src, 1}
}

// ends joins two namespaces, and returns what is at the second end.
func (s *space) ends(to *space) (link, toLink int, c client) {
	s.T.Helper()
	for _, e := range []*space{s, to} {
		e.Sysctl("ipv6/conf/default/accept_dad", "0")
	}
	s.Veth("client0", to.Space, "eth0")
	toLink, c = to.end("eth0")
	link, _ = s.end("client0")
	return link, toLink, c
}

// The kernel's table does not know who sends for the first time. It does once
// the kernel has asked for the client, to send the reply.
func TestNeighboursKnowSecondMessage(t *testing.T) {
	r, host := newSpace(t), newSpace(t)
	link, eth, cl := r.ends(host)
	c := r.relay("", link)
	s := needTable(t, logSets).mustAttach(t, c)
	n := &Neighbours{}
	r.follow(n)
	r.Must(r.NL.NeighSet(r.neigh(link, nth(1).src, nth(1).mac)))
	eventually(t, "any neighbour", func() bool { return n.knows(link, nth(1)) })

	host.datagram(&unix.SockaddrInet6{Port: 547, Addr: udp.AllAgents().As16(), ZoneId: uint32(eth)}, cl.message(typeSolicit))
	if diff := cmp.Diff([]seen{{cl.mac, true}}, look(t, c, s, 1)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if m, ok := n.lookup(neighbour{link, cl.src}); ok {
		t.Errorf("knows %x before the kernel could", m)
	}
	r.datagram(&unix.SockaddrInet6{Port: 546, Addr: cl.src.As16(), ZoneId: uint32(link)}, []byte{2})
	eventually(t, "client that was answered", func() bool { return n.knows(link, cl) })
}

// datagram sends one by the kernel's own means.
func (s *space) datagram(to unix.Sockaddr, payload []byte) {
	s.T.Helper()
	s.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		return unix.Sendto(fd, payload, 0, to)
	})
}

func TestNeighboursLookupAllocatesNothing(t *testing.T) {
	n := &Neighbours{}
	n.learn(neighbour{1, nth(1).src}, nth(1).mac)
	qs := []Query{{Link: 1, Src: nth(1).src}}
	if a := testing.AllocsPerRun(1000, func() { n.Answer(qs) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func TestNeighboursErrors(t *testing.T) {
	for _, tc := range []struct {
		name string
		data []byte
		want error
	}{
		{"no error", []byte{0, 0, 0, 0}, nil},
		{"an errno", binary.NativeEndian.AppendUint32(nil, ^uint32(unix.EPERM)+1), unix.EPERM},
		{"cut short", []byte{1, 2, 3}, unix.EBADMSG},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := (&Neighbours{}).notice(unix.NLMSG_ERROR, tc.data); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}
