package frame

import (
	"errors"
	"net"
	"time"

	"github.com/mdlayher/raw" //nolint:staticcheck // SA1019: asked for by name; only this file knows it
	"golang.org/x/sys/unix"
)

// A socket is a packet socket that only transmits.
type socket struct {
	conn  *raw.Conn
	index int
	to    raw.Addr // here, so that a send does not allocate it
}

// openSocket binds to protocol 0, with which the kernel hooks the socket into no
// interface's input.
func openSocket(index int) (*socket, error) {
	c, err := raw.ListenPacket(&net.Interface{Index: index}, 0, nil)
	if err != nil {
		return nil, err
	}
	return &socket{conn: c, index: index}, nil
}

// send sends a whole frame to hw. The kernel knows the MTU of this moment, so it
// is the one to ask.
func (s *socket) send(frame, hw []byte) error {
	s.to.HardwareAddr = hw
	_, err := s.conn.WriteTo(frame, &s.to)
	if errors.Is(err, unix.EMSGSIZE) {
		return ErrTooBig
	}
	return err
}

// mtu asks the kernel for the interface's MTU, 0 if it cannot be told.
func (s *socket) mtu() int {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0
	}
	defer func() { _ = unix.Close(fd) }() // nothing was written to it
	r, err := unix.NewIfreq("")
	if err != nil {
		return 0
	}
	r.SetUint32(uint32(s.index))
	if unix.IoctlIfreq(fd, unix.SIOCGIFNAME, r) != nil {
		return 0
	}
	if r, err = unix.NewIfreq(r.Name()); err != nil || unix.IoctlIfreq(fd, unix.SIOCGIFMTU, r) != nil {
		return 0
	}
	return int(r.Uint32())
}

func (s *socket) setDeadline(t time.Time) error { return s.conn.SetWriteDeadline(t) }

func (s *socket) close() error { return s.conn.Close() }
