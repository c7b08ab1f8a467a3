// Package frame sends replies to clients as Ethernet frames: to those that cannot
// answer ARP yet, and to more of them than the kernel's neighbour table holds. It
// sends and never receives: the packet sockets have protocol 0, so the router's
// other traffic does not pass by them. What is in a frame, and to whom it goes, is
// decided elsewhere.
package frame

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// ErrTooBig says that a payload is more than UDP can bear, or than the interface.
var ErrTooBig = errors.New("link: payload exceeds the MTU")

// errAddress says that addresses cannot be put into a frame: not of one family, or
// not 6 octets of link-layer address.
var errAddress = errors.New("link: not IP or Ethernet addresses")

// Broadcast returns the link-layer address of all stations.
func Broadcast() [6]byte { return [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} }

// Headroom is how many octets Send needs in front of a payload.
const Headroom = sizeHeaders6 + sizeFragment

// A Conn sends frames on one interface. It is for one goroutine.
type Conn struct {
	sock *socket
	mac  [6]byte
	id   uint32 // of the last datagram

	waits waiting
}

// Open returns a Conn for the interface with an index, whose own link-layer
// address is mac. The error wraps the errno: ENXIO or ENODEV if there is no such
// interface, EPERM without CAP_NET_RAW.
func Open(index int, mac []byte) (*Conn, error) {
	if len(mac) != 6 {
		return nil, fmt.Errorf("open link %d: %w", index, errAddress)
	}
	s, err := openSocket(index)
	if err != nil {
		return nil, fmt.Errorf("open link %d: %w", index, err)
	}
	// Another Conn of the same link must not count through the same numbers.
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails
	return &Conn{sock: s, mac: [6]byte(mac), id: binary.NativeEndian.Uint32(id[:])}, nil
}

// Send sends the payload frame[Headroom:] to hw, which has 6 octets, from src to
// dst. It writes UDP, IP and Ethernet headers in front of it, all checksums filled
// in. What is larger than the interface's MTU leaves in fragments, as a host may
// send it (RFC 1122, section 3.3.3; RFC 8200, section 4.5); an mtu of 0 leaves it to the
// kernel to say that it is. The payload is afterwards what it was. It never waits: a
// link that is slow must not hold up those to others. Errors are ErrTooBig,
// errAddress, or are the errno: EAGAIN or ENOBUFS if the interface's queue is full,
// ENETDOWN if the interface is down, ENXIO if it is gone.
func (c *Conn) Send(frame []byte, mtu int, src, dst netip.AddrPort, hw []byte) error {
	d, err := c.datagram(frame, mtu, src, dst, hw)
	if err != nil {
		return err
	}
	return c.transmit(&d)
}

// A datagram is what Send sends.
type datagram struct {
	header
	frame []byte
	mtu   int
}

// datagram makes the next datagram, with its headers in front of the payload.
func (c *Conn) datagram(frame []byte, mtu int, src, dst netip.AddrPort, hw []byte) (datagram, error) {
	v4 := dst.Addr().Is4()
	switch {
	case len(hw) != 6, !src.IsValid(), !dst.IsValid(), src.Addr().Is4() != v4:
		return datagram{}, errAddress
	case len(frame) > Headroom+maxPayload6, v4 && len(frame) > Headroom+maxPayload:
		return datagram{}, ErrTooBig
	}
	c.id++
	d := datagram{header{to: [6]byte(hw), from: c.mac, src: src, dst: dst, id: c.id}, frame, mtu}
	if v4 {
		putHeaders(d.bytes(), &d.header)
	} else {
		putHeaders6(d.bytes(), &d.header)
	}
	return d, nil
}

// bytes returns the datagram in one frame.
func (d *datagram) bytes() []byte {
	if d.dst.Addr().Is4() {
		return d.frame[Headroom-sizeHeaders:]
	}
	return d.frame[Headroom-sizeHeaders6:]
}

// fragmented reports whether the datagram is larger than the MTU.
func (d *datagram) fragmented() bool { return d.mtu > 0 && len(d.bytes())-offIP > d.mtu }

// transmit sends a datagram in one frame or in fragments.
func (c *Conn) transmit(d *datagram) error {
	if d.fragmented() {
		return c.again(d, c.fragments(d))
	}
	return c.again(d, c.sock.sendOne(d.bytes()))
}

// again sends a datagram in fragments if it could not be sent because it is larger than
// the MTU of this moment: that may have changed a moment ago. It returns another error
// as it is.
func (c *Conn) again(d *datagram, err error) error {
	if !tooBig(err) {
		return err
	}
	m := c.sock.mtu()
	if m == 0 || m >= d.mtu && d.mtu != 0 {
		return ErrTooBig
	}
	d.mtu = m
	if err = c.fragments(d); tooBig(err) {
		return ErrTooBig
	}
	return err
}

// tooBig reports whether something was larger than it might be.
func tooBig(err error) bool { return errors.Is(err, unix.EMSGSIZE) || errors.Is(err, ErrTooBig) }

// Close closes the Conn.
func (c *Conn) Close() error { return c.sock.close() }
