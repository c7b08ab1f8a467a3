package relay_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp6"
)

// A network6 is the clients' end of a link, on which DHCPv6 clients send and hear
// frames, as those do that the kernel has no neighbour for.
type network6 struct {
	t     testing.TB
	fd    int
	to    unix.SockaddrLinklayer
	relay netip.Addr // the relay's link-local address on the link
}

// network6 makes a link of the relay with IPv6 and attaches to its clients' end.
func (b *bed) network6(name, prefix string) *network6 {
	b.t.Helper()
	b.relay.Veth(name, b.clients.Space, "c"+name)
	b.relay.ipv6(name, prefix)
	n := attach6(b.clients, "c"+name)
	as, err := b.relay.NL.AddrList(b.relay.Link(name), netlink.FAMILY_V6)
	b.relay.Must(err)
	for _, a := range as {
		if a.IP.IsLinkLocalUnicast() {
			n.relay, _ = netip.AddrFromSlice(a.IP)
		}
	}
	return n
}

// attach6 opens the clients' end of a link for DHCPv6.
func attach6(s *space, link string) *network6 {
	s.T.Helper()
	n := &network6{t: s.T, to: unix.SockaddrLinklayer{Ifindex: s.Index(link)}}
	const ipv6 = unix.ETH_P_IPV6>>8 | unix.ETH_P_IPV6<<8&0xff00 // in network order
	s.Do(func() (err error) {
		n.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, ipv6)
		return err
	})
	s.T.Cleanup(func() { _ = unix.Close(n.fd) })
	s.Must(unix.SetsockoptInt(n.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer))
	s.Must(unix.SetsockoptTimeval(n.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000}))
	s.Must(unix.Bind(n.fd, &unix.SockaddrLinklayer{Protocol: ipv6, Ifindex: n.to.Ifindex}))
	return n
}

// uplink6 gives the servers' link IPv6 and returns a server at 2001:db8:9::2.
func (b *bed) uplink6() *net.UDPConn {
	b.t.Helper()
	b.relay.ipv6("up", "2001:db8:9::1/64")
	b.servers.ipv6("s", "2001:db8:9::2/64")
	b.acquaint("2001:db8:9::1", "2001:db8:9::2")
	v := b.servers.ListenUDP("udp6", "[::]:547")
	b.servers.Must(v.SetReadBuffer(buffer))
	rc, err := v.SyscallConn()
	b.servers.Must(err)
	b.servers.Must(rc.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer)
	}))
	b.servers.Must(err)
	return v
}

const relaying6 = "[[interface]]\nname = \"vlan10\"\nservers = [\"2001:db8:9::2\"]\n"

// A client6 is a DHCPv6 client: what it sends from, and its transaction.
type client6 struct {
	mac  [6]byte
	addr netip.Addr
	xid  uint32
}

// client6Of returns client number n, whose address says nothing of its MAC.
func client6Of(n uint32) client6 {
	a := netip.MustParseAddr("fe80::c:0:0:0").As16()
	binary.BigEndian.PutUint32(a[12:], n)
	return client6{macOf(n), netip.AddrFrom16(a), n}
}

// message returns a message of a type with a Client Identifier.
func (c *client6) message(t dhcp6.Type, size int) []byte {
	b := []byte{byte(t), byte(c.xid >> 16), byte(c.xid >> 8), byte(c.xid)}
	b = dhcp6.AppendOption(b, dhcp6.OptionClientID, append([]byte{0, 3, 0, 1, 9}, c.mac[1:]...)) // another's DUID-LL
	for len(b) < size {
		b = dhcp6.AppendOption(b, 16, bytes.Repeat([]byte{byte(len(b))}, min(size-len(b), 500)))
	}
	return b
}

// frame returns a message to all relays in an Ethernet frame.
func (c *client6) frame(payload []byte) []byte {
	f := []byte{0x33, 0x33, 0, 1, 0, 2}
	f = append(append(f, c.mac[:]...), 0x86, 0xdd)
	f = append(f, 0x60, 0, 0, 0, byte((len(payload)+8)>>8), byte(len(payload)+8), 17, 1)
	to := netip.MustParseAddr("ff02::1:2")
	f = append(append(f, c.addr.AsSlice()...), to.AsSlice()...)
	u := []byte{2, 34, 2, 35, f[18], f[19], 0, 0} // ports 546 and 547
	u = append(u, payload...)
	s := uint32(17 + len(u))
	for _, b := range [][]byte{f[22:54], u, make([]byte, len(u)%2)} {
		for i, o := range b {
			s += uint32(o) << (8 * (1 - i%2))
		}
	}
	s = s>>16 + s&0xffff
	binary.BigEndian.PutUint16(u[6:], ^uint16(s>>16+s))
	return append(f, u...)
}

// send sends a frame, again while the queue is full.
func (n *network6) send(frame []byte) {
	n.t.Helper()
	for range 1000 {
		err := unix.Sendto(n.fd, frame, 0, &n.to)
		if errors.Is(err, unix.ENOBUFS) {
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			n.t.Error(err)
		}
		return
	}
}

// hear returns the next frame with IPv6, nil if there is none for some time.
func (n *network6) hear(b []byte) []byte {
	c, from, err := unix.Recvfrom(n.fd, b, 0)
	ll, ok := from.(*unix.SockaddrLinklayer)
	if err != nil || !ok || c < 54 {
		return nil
	}
	if ll.Pkttype == unix.PACKET_OUTGOING {
		return b[:0]
	}
	return b[:c]
}

// await returns the next frame that the relay sent to a client's address.
func (n *network6) await(to netip.Addr) []byte {
	n.t.Helper()
	b := make([]byte, 1<<16)
	for end := time.Now().Add(patient); time.Now().Before(end); {
		if f := n.hear(b); len(f) >= 54 && netip.AddrFrom16([16]byte(f[38:54])) == to {
			return f
		}
	}
	n.t.Fatalf("nothing has come for %v", to)
	return nil
}

// answer6 returns the Relay-reply to a Relay-forward, with a message inside.
func answer6(fwd dhcp6.Message, inner []byte) []byte {
	opts, _ := fwd.Scan()
	b := append([]byte{byte(dhcp6.RelayReply)}, fwd[1:dhcp6.RelayHeaderLen]...)
	b = dhcp6.AppendOption(b, dhcp6.OptionInterfaceID, fwd.Value(opts.InterfaceID))
	return dhcp6.AppendOption(b, dhcp6.OptionRelayMsg, inner)
}

// inside returns the message of a Relay-forward.
func inside(fwd dhcp6.Message) dhcp6.Message {
	opts, _ := fwd.Scan()
	m, _ := fwd.Decapsulate(&opts)
	return m
}

// serve6 answers each message by an Advertise with its octets, until the socket is
// closed.
func serve6(t testing.TB, v *net.UDPConn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 1<<16)
		for {
			n, from, err := v.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			inner := bytes.Clone(inside(b[:n]))
			if len(inner) == 0 {
				continue
			}
			inner[0] = byte(dhcp6.Advertise)
			if _, err := v.WriteToUDPAddrPort(answer6(b[:n], inner), from); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = v.Close()
		<-done
	})
}

// neighbours returns how many clients the neighbour table of the relay has.
func (b *bed) neighbours6(link string) (n int) {
	b.t.Helper()
	ns, err := b.relay.NL.NeighList(b.relay.Index(link), netlink.FAMILY_V6)
	b.relay.Must(err)
	for _, e := range ns {
		if !e.IP.IsMulticast() && e.State&netlink.NUD_NOARP == 0 {
			n++
		}
	}
	return n
}

// TestR9915_ManyClientsAtOnce has more DHCPv6 clients ask at once than the kernel's
// neighbour table has room for; none of them answers a neighbour solicitation. With
// RELAY_TEST_SOAK there are 20,000, within 5 s.
func TestR9915_ManyClientsAtOnce(t *testing.T) {
	clients, within := uint32(3000), patient
	if os.Getenv("RELAY_TEST_SOAK") != "" {
		clients, within = 20_000, 5*time.Second
	}
	b := newBed(t)
	v := b.uplink6()
	n := b.network6("vlan10", "2001:db8:10::1/64")
	d := b.start(relaying6)
	if d.log.count("first messages of unknown clients go without option 79") > 0 {
		netns.Need(t, "CAP_BPF", unix.EPERM)
	}
	serve6(t, v)

	var mu sync.Mutex
	left := make(map[uint32]bool, clients)
	for i := range clients {
		left[i] = true
	}
	waiting := func() (some []uint32) {
		mu.Lock()
		defer mu.Unlock()
		for i := range left {
			some = append(some, i)
		}
		return some
	}
	ended := make(chan struct{})
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		f := make([]byte, 4096)
		for {
			select {
			case <-ended:
				return
			default:
			}
			got := n.hear(f)
			if len(got) < 66 || got[20] != 17 || binary.BigEndian.Uint16(got[56:]) != 546 {
				continue
			}
			i := binary.BigEndian.Uint32(got[62:]) & 0xffffff
			c := client6Of(i)
			want := c.message(dhcp6.Advertise, 0)
			if [6]byte(got[:6]) != c.mac || netip.AddrFrom16([16]byte(got[38:54])) != c.addr ||
				netip.AddrFrom16([16]byte(got[22:38])) != n.relay || !bytes.Equal(got[62:], want) {
				t.Errorf("client %d: got %x", i, got)
			}
			mu.Lock()
			delete(left, i)
			mu.Unlock()
		}
	}()
	began, rounds := time.Now(), 0
	for ; time.Since(began) < within; rounds++ {
		some := waiting()
		if len(some) == 0 {
			break
		}
		for k, i := range some {
			c := client6Of(i)
			n.send(c.frame(c.message(dhcp6.Solicit, 0)))
			if k%64 == 63 { // let the kernel bring them
				time.Sleep(500 * time.Microsecond)
			}
		}
		// A client asks again after a second (RFC 9915, section 18.2.1).
		for again := time.Now().Add(time.Second); len(waiting()) > 0 && time.Now().Before(again); {
			time.Sleep(10 * time.Millisecond)
		}
	}
	took := time.Since(began)
	close(ended)
	<-heard
	t.Logf("%d of %d clients answered after %v, in %d rounds", int(clients)-len(left), clients, took, rounds)
	if len(left) > 0 {
		t.Errorf("%d of %d clients have no answer after %v: %v", len(left), clients, took, d.scrape())
	}
	if k := b.neighbours6("vlan10"); k > 0 {
		t.Errorf("%d neighbours are left", k)
	}
	s := d.balanced()
	if k := s.sum("dhcp_relay_send_errors_total"); k > 0 {
		t.Errorf("%d errors of sending", k)
	}
}

// TestR9686_ReplyToAnAddressWithoutRoute has a client register an address for which
// the relay has no on-link route: the reply goes to the identified link all the same.
func TestR9686_ReplyToAnAddressWithoutRoute(t *testing.T) {
	b := newBed(t)
	v := b.uplink6()
	n := b.network6("vlan10", "2001:db8:10::1/64")
	b.start(relaying6)
	serve6(t, v)
	c := client6Of(5)
	c.addr = netip.MustParseAddr("2001:db8:77::abcd")
	n.send(c.frame(c.message(36, 0)))
	f := n.await(c.addr)
	from := netip.MustParseAddr("2001:db8:10::1") // of the client's scope, though not of its prefix
	if [6]byte(f[:6]) != c.mac || netip.AddrFrom16([16]byte(f[22:38])) != from || !bytes.Equal(f[62:], c.message(dhcp6.Advertise, 0)) {
		t.Errorf("reply %x", f)
	}
}

// TestR9915_WhoGetsAFrame tells to whom the kernel is left to bring a reply: to
// those whose link-layer address no request of the transaction has shown, or two.
// It asks who has the address.
func TestR9915_WhoGetsAFrame(t *testing.T) {
	b := newBed(t)
	v := b.uplink6()
	n := b.network6("vlan10", "2001:db8:10::1/64")
	b.start(relaying6)
	fwd, buf := []byte(nil), make([]byte, 1<<16)
	ask := func(c client6) netip.AddrPort {
		t.Helper()
		n.send(c.frame(c.message(dhcp6.Solicit, 0)))
		b.servers.Must(v.SetReadDeadline(time.Now().Add(patient)))
		k, from, err := v.ReadFromUDPAddrPort(buf)
		b.servers.Must(err)
		fwd = buf[:k]
		return from
	}
	say := func(c client6, t dhcp6.Type, to netip.AddrPort) {
		_, err := v.WriteToUDPAddrPort(answer6(fwd, c.message(t, 0)), to)
		b.servers.Must(err)
	}
	solicited := func(a netip.Addr) (f []byte) {
		t.Helper()
		s := netip.MustParseAddr("ff02::1:ff00:0").As16()
		w := a.As16()
		copy(s[13:], w[13:])
		f = n.await(netip.AddrFrom16(s))
		if f[20] != 58 || netip.AddrFrom16([16]byte(f[62:78])) != a {
			t.Errorf("a frame to %v, want a neighbour solicitation for %v: %x", s, a, f)
		}
		return f
	}

	c := client6Of(1)
	from := ask(c)
	say(c, dhcp6.Advertise, from)
	if f := n.await(c.addr); [6]byte(f[:6]) != c.mac {
		t.Errorf("Advertise to %x, want %x", f[:6], c.mac)
	}
	c.xid = 0
	say(c, dhcp6.Reconfigure, from)
	solicited(c.addr)

	c = client6Of(2)
	ask(c)
	forger := c
	forger.mac = macOf(666)
	from = ask(forger)
	say(c, dhcp6.Advertise, from)
	solicited(c.addr)
}

// TestR8200_LargeMessages has a Relay-forward that exceeds the uplink's MTU, and a
// reply that exceeds that of the clients' link: hosts send them in fragments.
func TestR8200_LargeMessages(t *testing.T) {
	b := newBed(t)
	v := b.uplink6()
	n := b.network6("vlan10", "2001:db8:10::1/64")
	b.relay.Must(b.relay.NL.LinkSetMTU(b.relay.Link("up"), 1280))
	b.servers.Must(b.servers.NL.LinkSetMTU(b.servers.Link("s"), 1280))
	d := b.start(relaying6)
	c := client6Of(3)
	asked := c.message(dhcp6.Solicit, 1400)
	n.send(c.frame(asked))
	buf := make([]byte, 1<<16)
	b.servers.Must(v.SetReadDeadline(time.Now().Add(patient)))
	k, from, err := v.ReadFromUDPAddrPort(buf)
	b.servers.Must(err)
	if got := inside(buf[:k]); !bytes.Equal(got, asked) || k < 1280 {
		t.Errorf("the server has heard %d octets, with %d inside, want %d", k, len(got), len(asked))
	}
	for _, size := range []int{1400, 1453, 4000} {
		reply := c.message(dhcp6.Advertise, size)
		_, err := v.WriteToUDPAddrPort(answer6(buf[:k], reply), from)
		b.servers.Must(err)
		var got []byte
		for len(got) < len(reply)+8 {
			f := n.await(c.addr)
			switch {
			case len(f) > 14+1500, [6]byte(f[:6]) != c.mac:
				t.Fatalf("%d octets to %x", len(f), f[:6])
			case f[20] == 17:
				got = append(got, f[54:]...)
			case f[20] == 44 && int(binary.BigEndian.Uint16(f[56:])&^7) == len(got):
				got = append(got, f[62:]...)
			default:
				t.Fatalf("frame %x", f[:62])
			}
		}
		if !bytes.Equal(got[8:], reply) {
			t.Errorf("a reply of %d octets has come as %x", len(reply), got)
		}
	}
	d.awaitOutcome("relayed", 4)
	d.balanced()
}

// TestR9915_WithoutFramesTheKernelBringsReplies takes away what frames need: DHCPv6
// goes on by the kernel's neighbour table, and the log says what that means.
func TestR9915_WithoutFramesTheKernelBringsReplies(t *testing.T) {
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		netns.Need(t, "setpriv (Debian: util-linux)", err)
	}
	for _, capability := range []string{"net_raw", "bpf"} {
		t.Run("without "+capability, func(t *testing.T) {
			if free, err := os.ReadFile("/proc/sys/kernel/unprivileged_bpf_disabled"); err != nil || free[0] == '0' {
				netns.Need(t, "kernel.unprivileged_bpf_disabled", unix.EOPNOTSUPP)
			}
			b := newBed(t)
			v := b.uplink6()
			n := b.network6("vlan10", "2001:db8:10::1/64")
			b.clients.ipv6("cvlan10", "fe80::77/64")
			keep := "--bounding-set=-all,+net_bind_service,+net_admin,+net_raw,+bpf"
			d := b.launchBy([]string{setpriv, strings.Replace(keep, ",+"+capability, "", 1), "--inh-caps=-all"}, relaying6)
			d.await("relaying", func() bool { return d.logged("relaying", nil) })
			serve6(t, v)
			c := client6{macOf(1), netip.MustParseAddr("fe80::77"), 1}
			copy(c.mac[:], b.clients.Link("cvlan10").Attrs().HardwareAddr)
			n.send(c.frame(c.message(dhcp6.Solicit, 0)))
			n.await(c.addr)
			if b.neighbours6("vlan10") == 0 {
				t.Error("the kernel has not asked for the client")
			}
			const says = "replies to DHCPv6 clients go by the kernel's neighbour table, which has room for few at once (net.ipv6.neigh.default.gc_thresh3)"
			if k := d.log.count(says); k != 1 {
				t.Errorf("%d lines say that replies go by the kernel, want 1", k)
			}
			d.awaitOutcome("relayed", 2)
		})
	}
}

// TestNeighbourTableIsFull fills the kernel's neighbour table, which all namespaces
// share, so it runs with RELAY_TEST_SOAK alone: what the kernel calls EINVAL is told
// as what it is.
func TestNeighbourTableIsFull(t *testing.T) {
	if os.Getenv("RELAY_TEST_SOAK") == "" {
		t.Skip("it fills the neighbour table of the host; make soak runs it")
	}
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		netns.Need(t, "setpriv (Debian: util-linux)", err)
	}
	b := newBed(t)
	v := b.uplink6()
	n := b.network6("vlan10", "2001:db8:10::1/64")
	d := b.launchBy([]string{setpriv, "--bounding-set=-all,+net_bind_service,+net_admin,+bpf", "--inh-caps=-all"}, relaying6)
	d.await("relaying", func() bool { return d.logged("relaying", nil) })
	serve6(t, v)
	for i := range uint32(2000) {
		c := client6Of(i)
		n.send(c.frame(c.message(dhcp6.Solicit, 0)))
		if i%64 == 63 {
			time.Sleep(time.Millisecond)
		}
	}
	report := ""
	d.await("the status names the table", func() bool {
		resp, err := d.http.Get("http://127.0.0.1:9867/api/v1/status")
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		body, _ := io.ReadAll(resp.Body)
		report = string(body)
		return strings.Contains(report, "neighbours_full_ipv6")
	})
	for _, want := range []string{"gc_thresh3", `"severity":"error"`} {
		if !strings.Contains(strings.ReplaceAll(strings.ToLower(report), " ", ""), want) {
			t.Errorf("the status has no %s:\n%s", want, report)
		}
	}
	if s := d.balanced(); s.sum("dhcp_relay_send_errors_total", `error="EINVAL"`) == 0 {
		t.Error("no EINVAL was counted: the table was not full")
	}
}
