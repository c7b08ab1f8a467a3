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
	v4 := dst.Addr().Is4()
	switch {
	case len(hw) != 6, !src.IsValid(), !dst.IsValid(), src.Addr().Is4() != v4:
		return errAddress
	case len(frame) > Headroom+maxPayload6, v4 && len(frame) > Headroom+maxPayload:
		return ErrTooBig
	}
	c.id++
	h := header{to: [6]byte(hw), from: c.mac, src: src, dst: dst, id: c.id}
	err := c.datagram(frame, mtu, &h, hw)
	if errors.Is(err, ErrTooBig) {
		// The MTU may have changed a moment ago.
		if m := c.sock.mtu(); m > 0 && (m < mtu || mtu == 0) {
			err = c.datagram(frame, m, &h, hw)
		}
	}
	return err
}

// datagram sends a datagram in one frame or in fragments.
func (c *Conn) datagram(frame []byte, mtu int, h *header, hw []byte) error {
	f := frame[Headroom-sizeHeaders6:]
	if h.dst.Addr().Is4() {
		f = frame[Headroom-sizeHeaders:]
		putHeaders(f, h)
	} else {
		putHeaders6(f, h)
	}
	if mtu > 0 && len(f)-offIP > mtu {
		return c.fragments(frame, mtu, h, hw)
	}
	return c.sock.send(f, hw)
}

// Close closes the Conn.
func (c *Conn) Close() error { return c.sock.close() }
