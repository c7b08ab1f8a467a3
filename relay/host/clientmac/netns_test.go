package clientmac

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/dhcp"
)

// needTable returns a table of 1<<log sets.
func needTable(t testing.TB, log int, reject ...byte) *Table {
	t.Helper()
	return need(t, filter{log: log, reject: reject})
}

func need(t testing.TB, f filter) *Table {
	t.Helper()
	table, err := newTable(f)
	if errors.Is(err, os.ErrPermission) {
		netns.Need(t, "CAP_BPF", err)
	}
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(func() { _ = table.Close() })
	return table
}

// A space is a namespace of the relay's or of a client's.
type space struct{ *netns.Space }

func newSpace(t testing.TB) *space {
	t.Helper()
	return &space{netns.NewSpace(t)}
}

// add adds a link, sets it up and returns its index; without the kernel's help
// the test is skipped.
func (s *space) add(l netlink.Link) int {
	s.T.Helper()
	s.Add(l)
	return s.Up(l.Attrs().Name)
}

// attrs names a link and says on which other it sits, if any.
func attrs(name string, parent int) netlink.LinkAttrs {
	a := netns.Attrs(name)
	a.ParentIndex = parent
	return a
}

// enslave puts a link under a bridge or a VRF.
func (s *space) enslave(link, master int) {
	s.T.Helper()
	s.Must(s.NL.LinkSetMasterByIndex(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: link}}, master))
}

// ready waits until the kernel has made IPv6 work on a link, which it does some
// time after the link is up, and last of all gives it a link-local address.
func (s *space) ready(link int) {
	s.T.Helper()
	eventually(s.T, "link-local address", func() bool {
		as, err := s.NL.AddrList(&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: link}}, netlink.FAMILY_V6)
		return err == nil && len(as) > 0
	})
}

// A wire is the clients' end of a cable.
type wire struct {
	s    *space
	link int // the relay's end
	fd   int
}

// cable joins the relay's namespace to one where frames are made.
func (s *space) cable(name string) *wire {
	s.T.Helper()
	w := &wire{s: newSpace(s.T)}
	s.Veth(name, w.s.Space, name)
	w.link = s.Index(name)
	peer := w.s.Index(name)
	s.ready(w.link) // a bridge takes ports at once only when they are
	w.s.Do(func() (err error) {
		// Protocol 0: it sends only.
		w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		return unix.Bind(w.fd, &unix.SockaddrLinklayer{Ifindex: peer})
	})
	s.T.Cleanup(func() { _ = unix.Close(w.fd) })
	return w
}

func (w *wire) send(frames ...[]byte) {
	w.s.T.Helper()
	for _, f := range frames {
		w.s.Must(w.trySend(f))
	}
}

func (w *wire) trySend(f []byte) error {
	_, err := unix.Write(w.fd, f)
	return err
}

// relay listens for DHCPv6 on links as the daemon does, bound to a device unless it
// is "".
func (s *space) relay(device string, links ...int) *udp.Conn {
	s.T.Helper()
	c := udp.Config{RcvBuf: 64 << 20}
	if device != "" {
		c.VRF = s.Index(device)
	}
	return s.listen(c, links...)
}

func (s *space) listen(c udp.Config, links ...int) *udp.Conn {
	s.T.Helper()
	c.Family, c.Port = dhcp.V6, 547
	var p *udp.Pair
	s.Do(func() (err error) {
		p, err = udp.Listen(c)
		return err
	})
	s.T.Cleanup(func() { _ = p.Close() })
	for _, l := range links {
		s.ready(l)
		s.Must(p.Requests.Join(l))
	}
	return p.Requests
}

func (t *Table) mustAttach(tb testing.TB, c *udp.Conn) *Source {
	tb.Helper()
	src, err := t.Attach(c.SyscallConn())
	if err != nil {
		tb.Fatal(err)
	}
	return src
}

// read reads datagrams until there were n, in batches of 256, or until nothing
// has come for a while.
func read(t testing.TB, c *udp.Conn, n int, each func(d *udp.Datagram)) {
	t.Helper()
	readInto(t, udp.NewBatch(256), c, n, each)
}

func readInto(t testing.TB, ds []udp.Datagram, c *udp.Conn, n int, each func(d *udp.Datagram)) {
	t.Helper()
	watchdog := time.AfterFunc(30*time.Second, func() { _ = c.Close() })
	defer watchdog.Stop()
	for n > 0 {
		got, err := c.Read(ds)
		if err != nil {
			t.Fatalf("%d datagrams have not come: %v", n, err)
		}
		for i := range ds[:got] {
			each(&ds[i])
		}
		n -= got
	}
}

func payload(d *udp.Datagram) []byte { return d.Store[udp.Headroom : udp.Headroom+d.N] }

// A mac is a link-layer address, for texts.
type mac = [6]byte

// A client is one that frames come from.
type client struct {
	mac mac
	src netip.Addr
	xid uint32
}

// nth returns a client unlike all others, whose MAC says its number.
func nth(n int) client {
	m := mac{2, 0, 0, byte(n >> 16), byte(n >> 8), byte(n)}
	return client{m, linkLocal(m), uint32(n)}
}

// linkLocal returns the address that follows from a MAC (RFC 4291, appendix A).
func linkLocal(m mac) netip.Addr {
	return netip.AddrFrom16([16]byte{
		0xfe, 0x80, 8: m[0] ^ 2, 9: m[1], 10: m[2], 11: 0xff, 12: 0xfe, 13: m[3], 14: m[4], 15: m[5],
	})
}

const (
	typeSolicit = 1
	typeRequest = 3
)

// message is type, transaction ID and the beginning of an Elapsed Time option.
func (c client) message(typ byte) []byte {
	m := binary.BigEndian.AppendUint32(nil, uint32(typ)<<24|c.xid&0xffffff)
	return append(m, 0, 8, 0, 2, 0, 0)
}

// solicit is the client's Solicit in a frame.
func (c client) solicit() []byte { return c.frame(c.message(typeSolicit)) }

// frame puts a payload into a frame to All_DHCP_Relay_Agents_and_Servers.
func (c client) frame(payload []byte) []byte {
	f := append([]byte{0x33, 0x33, 0, 1, 0, 2}, c.mac[:]...) // RFC 2464, section 7
	f = binary.BigEndian.AppendUint16(f, typeIPv6)
	return append(f, packet(c.src, datagram(c.src, payload), 17)...)
}

// packet puts an IPv6 header before a payload of a protocol.
func packet(src netip.Addr, payload []byte, protocol byte) []byte {
	p := []byte{6 << 4, 0, 0, 0}
	p = binary.BigEndian.AppendUint16(p, uint16(len(payload)))
	p = append(p, protocol, 1) // next header, hop limit
	p = append(p, src.AsSlice()...)
	p = append(p, udp.AllAgents().AsSlice()...)
	return append(p, payload...)
}

// datagram puts a UDP header before a payload.
func datagram(src netip.Addr, payload []byte) []byte {
	d := []byte{546 >> 8, 546 & 0xff, 547 >> 8, 547 & 0xff}
	d = binary.BigEndian.AppendUint16(d, uint16(8+len(payload)))
	d = append(append(d, 0, 0), payload...)
	pseudo := append(append(src.AsSlice(), udp.AllAgents().AsSlice()...), 0, 17, d[4], d[5])
	binary.BigEndian.PutUint16(d[6:], ^sum(append(pseudo, d...)))
	return d
}

// sum is the ones' complement sum of RFC 1071.
func sum(b []byte) uint16 {
	var s uint32
	for ; len(b) > 1; b = b[2:] {
		s += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// eventually waits until f is true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); {
		if time.Now().After(end) {
			t.Fatal(errors.New("not in time: " + what))
		}
		time.Sleep(time.Millisecond)
	}
}
