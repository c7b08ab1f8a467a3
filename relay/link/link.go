// Package link sends replies to clients that cannot answer ARP yet, as Ethernet
// frames. It sends and never receives: the packet sockets have protocol 0, so
// the router's other traffic does not pass by them. What is in a frame, and to
// whom it goes, is decided elsewhere.
package link

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"
)

// ErrTooBig says that a payload does not fit one frame of the interface. It is
// not fragmented: a boot loader need not reassemble (RFC 951, section 3).
var ErrTooBig = errors.New("link: payload exceeds the MTU")

// ErrAddress says that an address cannot be put into a frame: not IPv4, or not
// 6 octets of link-layer address.
var ErrAddress = errors.New("link: not an IPv4 or Ethernet address")

// Broadcast returns the link-layer address of all stations.
func Broadcast() [6]byte { return [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} }

// How long a Send may wait for an interface whose queue is full: at least
// patience, and at most twice the horizon. A deadline serves for many sends, as it costs
// more to set one than to look whether it is near.
const (
	patience = 5 * time.Millisecond
	horizon  = 5 * patience
)

// Headroom is how many octets Send needs in front of a payload.
const Headroom = sizeHeaders

// A Conn sends frames on one interface. It is for one goroutine.
type Conn struct {
	sock     *socket
	mac      [6]byte
	id       uint16 // of the last IPv4 header
	deadline time.Time
	stuck    time.Time // the now of a Send for which the queue stayed full
}

// Open returns a Conn for the interface with an index, whose own link-layer
// address is mac. The error wraps the errno: ENXIO or ENODEV if there is no such
// interface, EPERM without CAP_NET_RAW.
func Open(index int, mac []byte) (*Conn, error) {
	if len(mac) != 6 {
		return nil, fmt.Errorf("open link %d: %w", index, ErrAddress)
	}
	s, err := openSocket(index)
	if err != nil {
		return nil, fmt.Errorf("open link %d: %w", index, err)
	}
	return &Conn{sock: s, mac: [6]byte(mac)}, nil
}

// Send sends the payload frame[Headroom:] to hw, which has 6 octets, from src to
// dst. It writes UDP, IPv4 and Ethernet headers in front of it, all checksums
// filled in. now may be some milliseconds old: who sends many asks the clock
// once. Errors are ErrTooBig, ErrAddress, os.ErrDeadlineExceeded if the
// interface's queue stays full for 25 ms, or wrap the errno: ENETDOWN if the
// interface is down, ENXIO if it is gone. Once a queue has stayed full, what has the
// same now does not wait: a batch to one link must not hold up those to others.
func (c *Conn) Send(now time.Time, frame []byte, src, dst netip.AddrPort, hw []byte) error {
	if len(hw) != 6 || !src.Addr().Is4() || !dst.Addr().Is4() {
		return ErrAddress
	}
	if len(frame) > Headroom+maxPayload {
		return ErrTooBig
	}
	if now.Equal(c.stuck) {
		return os.ErrDeadlineExceeded
	}
	c.id++
	putHeaders(frame, &header{to: [6]byte(hw), from: c.mac, src: src, dst: dst, id: c.id})
	if c.deadline.Sub(now) < patience {
		if err := c.extend(now); err != nil {
			return err
		}
	}
	err := c.sock.send(frame, hw)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	// The queue is full, or the deadline was over before anything was tried: for want
	// of CPU, or because now is old.
	if err := c.extend(time.Now()); err != nil {
		return err
	}
	if err = c.sock.send(frame, hw); errors.Is(err, os.ErrDeadlineExceeded) {
		c.stuck = now
	}
	return err
}

// extend sets a new deadline.
func (c *Conn) extend(now time.Time) error {
	c.deadline = now.Add(horizon)
	return c.sock.setDeadline(c.deadline)
}

// Close closes the Conn.
func (c *Conn) Close() error { return c.sock.close() }
