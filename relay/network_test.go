package relay_test

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/wire/bootp"
)

var (
	nobody   = netip.MustParseAddrPort("0.0.0.0:68")
	everyone = netip.MustParseAddrPort("255.255.255.255:67")
)

// buffer is what test sockets have for bursts, in octets.
const buffer = 256 << 20

// A network is the clients' end of one of the relay's links. It sends and hears
// frames, as a client does that has no address.
type network struct {
	t    testing.TB
	fd   int
	to   unix.SockaddrLinklayer
	lost func() int // frames that the cable has lost on the way to the relay
}

// attach opens the clients' end of a link.
func attach(s *space, link string) *network {
	s.T.Helper()
	n := &network{t: s.T, to: unix.SockaddrLinklayer{Ifindex: s.Index(link)}, lost: func() int { return s.dropped(link) }}
	const ipv4 = unix.ETH_P_IP>>8 | unix.ETH_P_IP<<8&0xff00 // in network order
	s.Do(func() (err error) {
		n.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, ipv4)
		return err
	})
	s.T.Cleanup(func() { _ = unix.Close(n.fd) })
	s.Must(unix.SetsockoptInt(n.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer))
	s.Must(unix.Bind(n.fd, &unix.SockaddrLinklayer{Protocol: ipv4, Ifindex: n.to.Ifindex}))
	return n
}

// broadcast sends a request as a client does.
func (n *network) broadcast(payload []byte) {
	n.t.Helper()
	n.must(n.transmit(frameOf(payload)))
}

// frameOf returns a broadcast in an Ethernet frame.
func frameOf(payload []byte) []byte {
	f := []byte{
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, // destination
		2, 0, 0, 0, 0, 1, // source
		8, 0, // IPv4
	}
	return append(f, datagram(nobody, everyone, payload)...)
}

func (n *network) transmit(frame []byte) error { return unix.Sendto(n.fd, frame, 0, &n.to) }

func (n *network) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// flood sends so many DISCOVERs of different clients, hardly slower than it can.
func (n *network) flood(count int) {
	n.t.Helper()
	f := frameOf(discover(0).request())
	for xid := range count {
		binary.BigEndian.PutUint32(f[14+28+4:], uint32(xid))
		n.must(n.transmit(f))
		if xid%128 == 127 { // let the kernel bring them
			time.Sleep(200 * time.Microsecond)
		}
	}
}

// drain calls hear until it has returned true so many times, which may become
// fewer meanwhile, and returns how often it did. How long that takes is the machine's
// affair: only what stands still is too late.
func drain(hear func(time.Duration) bool, want func() int) (n int) {
	for end := time.Now().Add(patient); time.Now().Before(end); {
		goal := want()
		if n >= goal {
			break
		}
		for n < goal && hear(50*time.Millisecond) {
			n++
			end = time.Now().Add(patient)
		}
	}
	return n
}

// hear returns the next datagram to a client's port, not ok if none comes in
// time.
func (n *network) hear(wait time.Duration) (f frame, ok bool) {
	n.t.Helper()
	b := make([]byte, 4096)
	for end := time.Now().Add(wait); ; {
		left := time.Until(end)
		if left <= 0 {
			return f, false
		}
		tv := unix.NsecToTimeval(int64(left))
		n.must(unix.SetsockoptTimeval(n.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv))
		c, _, err := unix.Recvfrom(n.fd, b, 0)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENETDOWN) {
			continue
		}
		n.must(err)
		if f, ok = parseDatagram(b[14:c]); ok && f.dst.Port() == 68 {
			f.to, f.from = [6]byte(b[:6]), [6]byte(b[6:12])
			return f, true
		}
	}
}

func (n *network) hears(wait time.Duration) bool { _, ok := n.hear(wait); return ok }

// want returns the next datagram to a client and fails if none comes.
func (n *network) want() frame {
	n.t.Helper()
	f, ok := n.hear(patient)
	if !ok {
		n.t.Fatal("no reply has come")
	}
	return f
}

// A server is a socket that hears what the relay sends.
type server struct {
	t    testing.TB
	conn *net.UDPConn
}

func listenAt(s *space, addr string) *server {
	s.T.Helper()
	v := &server{s.T, s.ListenUDP("udp4", addr)}
	rc, err := v.conn.SyscallConn()
	s.Must(err)
	s.Must(rc.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer)
	}))
	s.Must(err)
	return v
}

// A heard is a message with the sender of its datagram.
type heard struct {
	bootp.Packet
	from netip.AddrPort
}

// hear returns the next message, not ok if none comes in time.
func (v *server) hear(wait time.Duration) (heard, bool) {
	v.t.Helper()
	b := make([]byte, 65536)
	if err := v.conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		v.t.Fatal(err)
	}
	n, from, err := v.conn.ReadFromUDPAddrPort(b)
	if err != nil {
		return heard{}, false
	}
	return heard{b[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port())}, true
}

func (v *server) hears(wait time.Duration) bool { _, ok := v.hear(wait); return ok }

// want returns the next message and fails if none comes.
func (v *server) want() heard {
	v.t.Helper()
	h, ok := v.hear(patient)
	if !ok {
		v.t.Fatal("no request has come to the server")
	}
	return h
}

// silent fails if a message has come.
func (v *server) silent() {
	v.t.Helper()
	if h, ok := v.hear(100 * time.Millisecond); ok {
		v.t.Errorf("server heard a message of %d octets", len(h.Packet))
	}
}

func (v *server) send(payload []byte, to netip.AddrPort) {
	v.t.Helper()
	if _, err := v.conn.WriteToUDPAddrPort(payload, to); err != nil {
		v.t.Fatal(err)
	}
}

// reply answers a request at the relay's port 67.
func (v *server) reply(h heard, kind bootp.Type, yiaddr string) {
	v.t.Helper()
	v.send(answer(h.Packet, kind, yiaddr), netip.AddrPortFrom(h.Giaddr(), 67))
}

// tally counts the different messages that come to a server, by xid, until the
// server is closed.
func (v *server) tally(most int) *atomic.Int64 {
	count := new(atomic.Int64)
	seen := make([]bool, most)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 2048)
		for {
			n, _, err := v.conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			if x := bootp.Packet(b[:n]).Xid(); int(x) < most && !seen[x] {
				seen[x] = true
				count.Add(1)
			}
		}
	}()
	v.t.Cleanup(func() {
		_ = v.conn.Close()
		<-done
	})
	return count
}
