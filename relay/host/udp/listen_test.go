package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

const (
	request  = "\x01 request"   // op BOOTREQUEST
	reply    = "\x02 reply"     // op BOOTREPLY
	badOp    = "\x07 neither"   // no op at all
	solicit  = "\x01 solicit"   // type SOLICIT
	forward  = "\x0c forward"   // type RELAY-FORW
	replRely = "\x0d relay-rep" // type RELAY-REPL
)

func opts() cmp.Options {
	return cmp.Options{
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }),
	}
}

// sendOn sends by a given interface, with the source 0.0.0.0 where it has no
// address.
func sendOn(t testing.TB, c *net.UDPConn, payload string, link int, dst string) {
	t.Helper()
	_, err := ipv4.NewPacketConn(c).WriteTo([]byte(payload), &ipv4.ControlMessage{IfIndex: link},
		net.UDPAddrFromAddrPort(netip.MustParseAddrPort(dst)))
	if err != nil {
		t.Fatal(err)
	}
}

func sendTo(t testing.TB, c *net.UDPConn, payload, dst string) {
	t.Helper()
	if _, err := c.WriteToUDPAddrPort([]byte(payload), netip.MustParseAddrPort(dst)); err != nil {
		t.Fatal(err)
	}
}

func TestR1542_1_HearsBroadcastsAndUnicasts(t *testing.T) {
	relay, client := netns.NewSpace(t), netns.NewSpace(t)
	relay.Veth("bare", client, "c0")
	relay.Veth("d1", client, "c1")
	relay.Addr("d1", "192.0.2.1/24")
	relay.Addr("lo", "203.0.113.7/32")
	for _, name := range []string{"all", "bare", "d1"} {
		relay.Sysctl("ipv4/conf/"+name+"/rp_filter", "1")
	}
	p := listen(relay, Config{Family: dhcp.V4, Port: 67})

	from0 := netip.MustParseAddrPort("0.0.0.0:68")
	all := netip.MustParseAddr("255.255.255.255")
	c := client.ListenUDP("udp4", "0.0.0.0:68")

	t.Run("broadcast on an interface without address, rp_filter 1", func(t *testing.T) {
		sendOn(t, c, request, client.Index("c0"), "255.255.255.255:67")
		want := []heard{{request, relay.Index("bare"), from0, all}}
		if diff := cmp.Diff(want, hear(t, p.Requests, 1, patient), opts()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
	t.Run("broadcast on an interface with address, rp_filter 1", func(t *testing.T) {
		sendOn(t, c, request, client.Index("c1"), "255.255.255.255:67")
		want := []heard{{request, relay.Index("d1"), from0, all}}
		if diff := cmp.Diff(want, hear(t, p.Requests, 1, patient), opts()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})

	client.Addr("c1", "192.0.2.9/24")
	from := netip.MustParseAddrPort("192.0.2.9:68")
	client.Route("203.0.113.7/32", "192.0.2.1")
	for _, tc := range []struct{ name, payload, dst string }{
		{"subnet broadcast", request, "192.0.2.255"},
		{"unicast to the interface", request, "192.0.2.1"},
		{"unicast to another local address", request, "203.0.113.7"},
		{"unicast with bad op", badOp, "192.0.2.1"},
		{"unicast without payload", "", "192.0.2.1"},
		{"broadcast without payload", "", "192.0.2.255"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sendOn(t, c, tc.payload, client.Index("c1"), tc.dst+":67")
			want := []heard{{tc.payload, relay.Index("d1"), from, netip.MustParseAddr(tc.dst)}}
			if diff := cmp.Diff(want, hear(t, p.Requests, 1, patient), opts()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	silent(t, p.Replies, "Replies")
}

func TestRequestsAndRepliesLandOnTheirOwnSockets(t *testing.T) {
	relay, client := cable(t)
	p := listen(relay, Config{Family: dhcp.V4, Port: 67, RcvBuf: 4 << 20})
	c := client.ListenUDP("udp4", "0.0.0.0:67")
	for i := range 500 {
		sendOn(t, c, request, client.Index("c0"), "255.255.255.255:67")
		if i < 300 {
			sendTo(t, c, reply, "192.0.2.1:67")
		}
	}
	count := func(c *Conn, want string, n int) {
		t.Helper()
		hs := hear(t, c, n, patient)
		for _, h := range hs {
			if h.Payload != want {
				t.Fatalf("heard %q, want only %q", h.Payload, want)
			}
		}
		if len(hs) != n {
			t.Errorf("heard %d of %q, want %d", len(hs), want, n)
		}
	}
	count(p.Requests, request, 500)
	count(p.Replies, reply, 300)
	silent(t, p.Requests, "Requests")
	silent(t, p.Replies, "Replies")

	t.Run("broadcast reply", func(t *testing.T) {
		sendTo(t, c, reply, "192.0.2.255:67")
		count(p.Replies, reply, 1)
		silent(t, p.Requests, "Requests")
	})
}

func TestR9915_1_HearsMulticastsOnJoinedLinks(t *testing.T) {
	relay, client := netns.NewSpace(t), netns.NewSpace(t)
	relay.Veth("d0", client, "c0")
	relay.Veth("d1", client, "c1")
	for _, l := range []string{"0", "1"} {
		relay.Addr("d"+l, "fe80::1/64")
		relay.Addr("d"+l, "2001:db8:"+l+"::1/64")
		client.Addr("c"+l, "fe80::9/64")
		client.Addr("c"+l, "2001:db8:"+l+"::9/64")
	}
	p := listen(relay, Config{Family: dhcp.V6, Port: 547})
	relay.Must(p.Requests.Join(relay.Index("d0")))
	relay.Must(p.Requests.Join(relay.Index("d0"))) // twice is once

	c := client.ListenUDP("udp6", "[::]:546")
	send := func(payload, dst, link string) {
		t.Helper()
		_, err := ipv6.NewPacketConn(c).WriteTo([]byte(payload),
			&ipv6.ControlMessage{IfIndex: client.Index(link)}, &net.UDPAddr{IP: net.ParseIP(dst), Port: 547})
		client.Must(err)
	}
	ll := netip.MustParseAddrPort("[fe80::9]:546")
	one := func(c *Conn, want heard) {
		t.Helper()
		if diff := cmp.Diff([]heard{want}, hear(t, c, 1, patient), opts()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	t.Run("multicast on the joined link", func(*testing.T) {
		send(solicit, "ff02::1:2", "c0")
		one(p.Requests, heard{solicit, relay.Index("d0"), ll, AllAgents()})
	})
	t.Run("multicast on another link", func(t *testing.T) {
		send(solicit, "ff02::1:2", "c1")
		silent(t, p.Requests, "Requests")
	})
	t.Run("multicast relay-reply is not lost uncounted", func(*testing.T) {
		send(replRely, "ff02::1:2", "c0")
		one(p.Requests, heard{replRely, relay.Index("d0"), ll, AllAgents()})
	})
	t.Run("unicasts", func(*testing.T) {
		at, from := netip.MustParseAddr("2001:db8:1::1"), netip.MustParseAddrPort("[2001:db8:1::9]:546")
		for range 50 {
			send(forward, at.String(), "c1")
			send(replRely, at.String(), "c1")
			one(p.Requests, heard{forward, relay.Index("d1"), from, at})
			one(p.Replies, heard{replRely, relay.Index("d1"), from, at})
		}
	})
	t.Run("after Leave", func(t *testing.T) {
		relay.Must(p.Requests.Leave(relay.Index("d0")))
		relay.Must(p.Requests.Leave(relay.Index("d0")))
		send(solicit, "ff02::1:2", "c0")
		silent(t, p.Requests, "Requests")
	})
	t.Run("link that is not there", func(t *testing.T) {
		if err := p.Requests.Join(4711); !errors.Is(err, unix.ENODEV) {
			t.Errorf("Join: %v, want ENODEV", err)
		}
	})
	if n := p.Drops(); n != 0 {
		t.Errorf("Drops() = %d, want 0", n)
	}
}

// TestJoinsMoreLinksThanOneSocketMay makes one socket's memory for options
// small, rather than to make thousands of links.
func TestJoinsMoreLinksThanOneSocketMay(t *testing.T) {
	relay := netns.NewSpace(t)
	client := netns.NewSpace(t)
	const links = 24
	name := func(s string, i int) string { return s + string(rune('a'+i)) }
	for i := range links {
		relay.Veth(name("d", i), client, name("c", i))
		relay.Addr(name("d", i), "fe80::1/64")
		client.Addr(name("c", i), "fe80::9/64")
	}
	p := listen(relay, Config{Family: dhcp.V6, Port: 547})
	exhaust(t, p.Requests, 4)
	for i := range links {
		relay.Do(func() error { return p.Requests.Join(relay.Index(name("d", i))) })
	}
	if len(p.Requests.groups.extra) == 0 {
		t.Fatal("the socket had room for all")
	}
	c := client.ListenUDP("udp6", "[::]:546")
	heardOn := func(i int) {
		t.Helper()
		_, err := ipv6.NewPacketConn(c).WriteTo([]byte(solicit),
			&ipv6.ControlMessage{IfIndex: client.Index(name("c", i))}, &net.UDPAddr{IP: net.ParseIP("ff02::1:2"), Port: 547})
		client.Must(err)
		hs := hear(t, p.Requests, 1, patient)
		if len(hs) != 1 || hs[0].Link != relay.Index(name("d", i)) {
			t.Fatalf("link %d: heard %v", i, hs)
		}
	}
	for i := range links {
		heardOn(i)
	}
	for i := range links - 1 {
		relay.Must(p.Requests.Leave(relay.Index(name("d", i))))
		heardOn(links - 1)
	}
	relay.Must(p.Requests.Leave(relay.Index(name("d", links-1))))
}

// The kernel takes the memory for a send's control messages from what memberships
// may use up.
func TestSendsWhileItHasJoinedManyLinks(t *testing.T) {
	relay, server := netns.NewSpace(t), netns.NewSpace(t)
	const links, free = 30, 24
	for i := range links {
		relay.Add(&netlink.Bridge{LinkAttrs: netns.Attrs(fmt.Sprintf("b%d", i))})
		relay.Up(fmt.Sprintf("b%d", i))
	}
	relay.Veth("u0", server, "s0")
	relay.Addr("u0", "2001:db8::1/64")
	server.Addr("s0", "2001:db8::9/64")
	at := listen(server, Config{Family: dhcp.V6, Port: 547})
	p := listen(relay, Config{Family: dhcp.V6, Port: 547})
	exhaust(t, p.Requests, free)
	for i := range links {
		relay.Do(func() error { return p.Requests.Join(relay.Index(fmt.Sprintf("b%d", i))) })
	}
	q, seg := NewQueue(p.Requests), together()
	for tag := range 2 { // with lengths that make one send of them
		q.Add(tag, []byte(forward), netip.MustParseAddrPort("[2001:db8::9]:547"), netip.MustParseAddr("2001:db8::1"), 0, seg)
	}
	q.Flush(func(tag int, errno syscall.Errno) {
		if errno != 0 {
			t.Errorf("message %d: %v", tag, errno)
		}
	})
	if n := len(hear(t, at.Requests, 2, patient)); n != 2 {
		t.Errorf("the server heard %d messages, want 2", n)
	}
}

// exhaust uses up the socket's memory for options, but for some memberships.
func exhaust(t *testing.T, c *Conn, free int) {
	t.Helper()
	err := c.rc.Control(func(fd uintptr) {
		m := &unix.IPv6Mreq{Interface: 1}
		for i := range 1 << 16 {
			m.Multiaddr = [16]byte{0: 0xff, 1: 0x02, 13: byte(i >> 8), 14: byte(i), 15: 9}
			if unix.SetsockoptIPv6Mreq(int(fd), unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, m) != nil {
				t.Logf("a socket holds %d memberships", i)
				break
			}
		}
		for i := range free {
			m.Multiaddr = [16]byte{0: 0xff, 1: 0x02, 14: byte(i), 15: 9}
			_ = unix.SetsockoptIPv6Mreq(int(fd), unix.IPPROTO_IPV6, unix.IPV6_LEAVE_GROUP, m)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestListenBoundToVRF(t *testing.T) {
	relay, client := netns.NewSpace(t), netns.NewSpace(t)
	relay.Add(&netlink.Vrf{LinkAttrs: netns.Attrs("red"), Table: 10})
	relay.Up("red")
	relay.Veth("d0", client, "c0")
	relay.Must(relay.NL.LinkSetMaster(relay.Link("d0"), relay.Link("red")))
	relay.Addr("d0", "192.0.2.1/24")
	client.Addr("c0", "192.0.2.9/24")
	in := listen(relay, Config{Family: dhcp.V4, Port: 67, VRF: relay.Index("red")})
	out := listen(relay, Config{Family: dhcp.V4, Port: 67})
	c := client.ListenUDP("udp4", "0.0.0.0:67")
	for _, tc := range []struct {
		payload, dst string
		c            *Conn
	}{
		{request, "255.255.255.255", in.Requests},
		{request, "192.0.2.1", in.Requests},
		{reply, "192.0.2.1", in.Replies},
	} {
		sendOn(t, c, tc.payload, client.Index("c0"), tc.dst+":67")
		want := []heard{{tc.payload, relay.Index("d0"), netip.MustParseAddrPort("192.0.2.9:67"), netip.MustParseAddr(tc.dst)}}
		if diff := cmp.Diff(want, hear(t, tc.c, 1, patient), opts()); diff != "" {
			t.Errorf("%q to %s (-want +got)\n%s", tc.payload, tc.dst, diff)
		}
	}
	silent(t, out.Requests, "Requests of the default VRF")
	silent(t, out.Replies, "Replies of the default VRF")
}

func TestListenBoundToDevice(t *testing.T) {
	relay, client := netns.NewSpace(t), netns.NewSpace(t)
	for _, l := range []string{"0", "1"} {
		relay.Veth("d"+l, client, "c"+l)
		relay.Addr("d"+l, "192.0."+l+".1/24")
		client.Addr("c"+l, "192.0."+l+".9/24")
	}
	// In this order: see Holders. Unbound sockets do not fit a VRF's packets, so
	// with VRFs there is no order to keep.
	rest := listen(relay, Config{Family: dhcp.V4, Port: 67})
	p0 := listen(relay, Config{Family: dhcp.V4, Port: 67, VRF: relay.Index("d0")})
	c := client.ListenUDP("udp4", "0.0.0.0:67")
	for _, tc := range []struct {
		payload, dst string
		c            *Conn
	}{
		{request, "192.0.0.1", p0.Requests},
		{reply, "192.0.0.1", p0.Replies},
		{request, "192.0.1.1", rest.Requests},
		{reply, "192.0.1.1", rest.Replies},
	} {
		sendTo(t, c, tc.payload, tc.dst+":67")
		if hs := hear(t, tc.c, 1, patient); len(hs) != 1 || hs[0].Payload != tc.payload {
			t.Errorf("%q to %s: heard %v", tc.payload, tc.dst, hs)
		}
	}
}

func TestListenErrors(t *testing.T) {
	s := netns.NewSpace(t)
	t.Run("T26 the holder of the port is named", func(t *testing.T) {
		other := s.ListenUDP("udp4", "0.0.0.0:67") // without SO_REUSEADDR
		s.Do(func() error {
			_, err := Listen(Config{Family: dhcp.V4, Port: 67})
			if !errors.Is(err, unix.EADDRINUSE) || !strings.Contains(err.Error(), "udp.test (pid ") {
				t.Errorf("Listen: %v, want EADDRINUSE held by udp.test", err)
			}
			return nil
		})
		s.Must(other.Close())
	})
	t.Run("device that is not there", func(t *testing.T) {
		s.Do(func() error {
			for _, f := range []dhcp.Family{dhcp.V4, dhcp.V6} {
				if _, err := Listen(Config{Family: f, Port: 67, VRF: 4711}); !errors.Is(err, unix.ENODEV) {
					t.Errorf("Listen: %v, want ENODEV", err)
				}
			}
			return nil
		})
	})
}

func TestJoinErrors(t *testing.T) {
	s := netns.NewSpace(t)
	s.Add(&netlink.Bridge{LinkAttrs: netns.Attrs("small")})
	s.Must(s.NL.LinkSetMTU(s.Link("small"), 1000)) // less than IPv6 needs
	s.Up("small")
	p := listen(s, Config{Family: dhcp.V6, Port: 547})
	for link, want := range map[int]syscall.Errno{4711: unix.ENODEV, s.Index("small"): unix.EINVAL} {
		if err := p.Requests.Join(link); !errors.Is(err, want) {
			t.Errorf("Join on link %d: %v, want %v", link, err, want)
		}
	}
}

func TestT26_HoldersOfThePort(t *testing.T) {
	s := netns.NewSpace(t)
	s.ListenUDP("udp4", "0.0.0.0:68")
	p := listen(s, Config{Family: dhcp.V4, Port: 67, VRF: s.Index("lo")})
	s.ListenUDP("udp", "[::]:1067") // dual stack: hears IPv4 as well
	other, err := s.ListenUDP("udp6", "[::1]:2067").File()
	s.Must(err)
	s.Must(errors.Join(other.Chown(61234, -1), other.Close())) // another user has made it
	holders := func(f dhcp.Family, port uint16) (got []Holder) {
		s.Do(func() (err error) {
			got, err = Holders(f, port)
			for i := range got {
				got[i].Inode = 0
			}
			return err
		})
		return got
	}
	me := func(addr string, link int) Holder {
		return Holder{Addr: netip.MustParseAddrPort(addr), Link: link, PID: os.Getpid(), Command: "udp.test", UID: uint32(os.Geteuid())}
	}
	others := me("[::1]:2067", 0)
	others.UID = 61234
	any67 := me("0.0.0.0:67", 1)
	for _, tc := range []struct {
		name string
		f    dhcp.Family
		port uint16
		want []Holder
	}{
		{"bound to a device", dhcp.V4, 67, []Holder{any67, any67, any67}},
		{"dual stack", dhcp.V4, 1067, []Holder{me("[::]:1067", 0)}},
		{"IPv6 address does not hear IPv4", dhcp.V4, 2067, nil},
		{"IPv6", dhcp.V6, 2067, []Holder{others}},
		{"none", dhcp.V4, 69, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, holders(tc.f, tc.port), opts()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	s.Must(p.Close())
}

func TestCloseEndsRead(t *testing.T) {
	s := netns.NewSpace(t)
	p := listen(s, Config{Family: dhcp.V4, Port: 67})
	errs := make(chan error, 1)
	go func() {
		_, err := p.Requests.Read(NewBatch(4))
		errs <- err
	}()
	s.Must(p.Close())
	select {
	case err := <-errs:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("Read: %v, want net.ErrClosed", err)
		}
	case <-time.After(patient):
		t.Fatal("Read still waits")
	}
	if _, err := p.Requests.Read(NewBatch(1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read: %v, want net.ErrClosed", err)
	}
	if n := p.Drops(); n != 0 {
		t.Errorf("Drops() = %d, want 0", n)
	}
}
