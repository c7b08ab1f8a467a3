package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/wire/dhcp"
)

// openSender opens a socket that sends from the port and hears nothing. It is bound
// to a group that nobody joins: so nothing is for it, unlike with an address of the
// host or the wildcard, and the kernel chooses the source of what it sends as it
// does for a wildcard socket.
//
// It fragments what is larger than the interface's MTU, as a host does, and leaves
// DF clear: what goes out by it was as large when it came (RFC 1122, section 3.3.3).
func (c Config) openSender() (*Conn, error) { return c.silent(true) }

// Sender opens a socket that sends from the port, with a send buffer of its own, and
// hears nothing: what fills it, such as a slow way to a server, is no loss of what
// leaves by others. IPv4: what exceeds the interface's MTU is refused, as Requests does.
func (c Config) Sender() (*Conn, error) { return c.silent(false) }

// silent opens a socket that only sends. Fragments says whether it fragments what is
// larger than the interface's MTU in IPv4.
func (c Config) silent(fragments bool) (*Conn, error) {
	af, group := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Port: int(c.Port), Addr: nobody4()})
	if c.Family == dhcp.V6 {
		af, group = unix.AF_INET6, &unix.SockaddrInet6{Port: int(c.Port), Addr: nobody6()}
	}
	fd, err := unix.Socket(af, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), "sender")
	defer func() { _ = f.Close() }() // the connection has its own descriptor
	if err := c.sender(fd, fragments); err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, group); err != nil {
		return nil, c.explain(os.NewSyscallError("bind", err))
	}
	pc, err := net.FilePacketConn(f)
	if err != nil {
		return nil, err
	}
	conn, err := newConn(c.Family, pc.(*net.UDPConn))
	if err != nil {
		return nil, errors.Join(err, pc.Close())
	}
	if c.Family == dhcp.V6 {
		if err := conn.probe.open(c.VRF); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

// sender sets up a socket that only sends.
func (c Config) sender(fd int, fragments bool) error {
	if err := c.options(fd); err != nil {
		return err
	}
	if c.Family == dhcp.V4 && fragments {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT); err != nil {
			return fmt.Errorf("set IP_MTU_DISCOVER: %w", err)
		}
	}
	if err := (Config{}).buffers(fd); err != nil {
		return err
	}
	return filter(fd, nothing())
}

// nobody4 and nobody6 are groups that no socket joins: 224.0.0.0 is reserved (RFC
// 5771, section 4), and ff1e::/16 is for transient groups (RFC 4291, section 2.7).
func nobody4() [4]byte { return [4]byte{224, 0, 0, 0} }

func nobody6() [16]byte { return [16]byte{0: 0xff, 1: 0x1e, 13: 1, 15: 2} }

// onlySends reports whether a socket is bound as those that only send.
func onlySends(a netip.Addr) bool {
	return a == netip.AddrFrom4(nobody4()) || a == netip.AddrFrom16(nobody6())
}
