package frame

import (
	"errors"
	"net"
	"reflect"
	"syscall"
	"unsafe"

	"github.com/mdlayher/packet"
	"github.com/mdlayher/raw" //nolint:staticcheck // SA1019: asked for by name; only this file knows it
	"golang.org/x/sys/unix"

	"dhcp-relay/relay/host/mmsg"
)

// A socket is a packet socket that only transmits.
type socket struct {
	conn  *raw.Conn
	rc    syscall.RawConn
	index int

	// Here, so that a send allocates none of it.
	to    unix.RawSockaddrLinklayer
	msgs  []mmsg.Message
	sent  int
	errno syscall.Errno
	try   func(fd uintptr) // attempt
	one   [1]mmsg.Message
	iov   unix.Iovec
}

// errLibrary says that the library is not what it was.
var errLibrary = errors.New("link: the socket of mdlayher/raw is not to be found")

// openSocket binds to protocol 0, with which the kernel hooks the socket into no
// interface's input.
func openSocket(index int) (*socket, error) {
	c, err := raw.ListenPacket(&net.Interface{Index: index}, 0, nil)
	if err != nil {
		return nil, err
	}
	rc, err := rawConn(c)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	s := &socket{conn: c, rc: rc, index: index}
	if err := s.room(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	s.to = unix.RawSockaddrLinklayer{Family: unix.AF_PACKET, Ifindex: int32(index), Halen: 6}
	s.try = s.attempt
	return s, nil
}

// sendBuffer is asked of the kernel, in octets: room for some 1,300 replies that an
// interface has yet to send. It is the queue of this link alone.
const sendBuffer = 512 << 10

// room sets the size of the buffer: beyond the system's limit by force, and up to it
// without the capability (CAP_NET_ADMIN).
func (s *socket) room() error {
	var err error
	cerr := s.rc.Control(func(fd uintptr) {
		if err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer); err != nil {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
		}
	})
	return errors.Join(cerr, err)
}

// rawConn returns the socket itself. The library hides it, and its own write waits
// for an interface whose queue is full, which holds up all others. go.mod names its
// version, and a test this.
func rawConn(c *raw.Conn) (syscall.RawConn, error) {
	p := reflect.ValueOf(c).Elem().FieldByName("p")
	if !p.IsValid() || p.Kind() != reflect.Pointer || p.IsNil() {
		return nil, errLibrary
	}
	f := p.Elem().FieldByName("c")
	if !f.IsValid() || f.Type() != reflect.TypeFor[*packet.Conn]() || f.IsNil() {
		return nil, errLibrary
	}
	return (*packet.Conn)(f.UnsafePointer()).SyscallConn()
}

// send sends whole frames until one fails, and returns how many, and the errno of that
// which failed: the kernel knows the MTU of this moment, so it is the one to ask. It never
// waits: EAGAIN says that as much as the socket may have is queued already.
func (s *socket) send(ms []mmsg.Message) (n int, err error) {
	s.msgs, s.sent, s.errno = ms, 0, 0
	err = s.rc.Control(s.try)
	s.msgs = nil
	if err == nil && s.errno != 0 {
		err = s.errno
	}
	return s.sent, err
}

// attempt makes one system call.
func (s *socket) attempt(fd uintptr) { s.sent, s.errno = mmsg.Send(fd, s.msgs) }

// address makes m a frame of this interface. It names the interface, although the socket
// is bound to it: the kernel forgets that of one that goes, and does not find it again
// when it comes back.
func (s *socket) address(m *mmsg.Message, iov *unix.Iovec, frame []byte) {
	iov.Base = &frame[0]
	iov.SetLen(len(frame))
	m.Header.Name = (*byte)(unsafe.Pointer(&s.to)) //nolint:gosec // G103: the kernel wants a pointer
	m.Header.Namelen = unix.SizeofSockaddrLinklayer
	m.Header.Iov = iov
	m.Header.SetIovlen(1)
}

// sendOne sends one whole frame.
func (s *socket) sendOne(frame []byte) error {
	s.address(&s.one[0], &s.iov, frame)
	_, err := s.send(s.one[:])
	s.iov.Base = nil
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

func (s *socket) close() error { return s.conn.Close() }
