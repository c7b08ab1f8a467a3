package check

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/dhcp"
)

// Listen tells what keeps this host from serving TCP at an address: what is wrong,
// and what to do; nothing if it can, or this daemon does so already.
func Listen(at netip.AddrPort) (problem, remedy string) {
	err := tryBind(at)
	switch {
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return fmt.Sprintf("this host has no address %s now", at.Addr()), "nothing to do if it is to come later; relaying does not wait for it"
	case errors.Is(err, unix.EADDRINUSE):
		hs, _ := udp.TCPHolders(at) // kernels without tcp_diag cannot tell
		who := fmt.Sprintf("an unknown process on %s", at)
		if len(hs) > 0 {
			who = hs[0].String()
			if hs[0].Command == program {
				return "", ""
			}
		}
		return fmt.Sprintf("port %d is held by %s", at.Port(), who), "stop that program, or write another port; root sees which it is"
	}
	return "", ""
}

// tryBind binds a socket as a server does, but does not listen on it: that would
// keep the daemon from its port.
func tryBind(at netip.AddrPort) error {
	if a := at.Addr().Unmap(); a.Is4() {
		return bindTo(unix.AF_INET, &unix.SockaddrInet4{Port: int(at.Port()), Addr: a.As4()})
	}
	return bindTo(unix.AF_INET6, &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()})
}

func bindTo(family int, addr unix.Sockaddr) error {
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }() // it was never used
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	return unix.Bind(fd, addr)
}

// shared reports whether the relay can listen on a port beside those who hold it. It
// tries on the loopback alone, so that what is meant for them still reaches them.
func shared(f dhcp.Family, port uint16) bool {
	family, addr := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Port: int(port)})
	if f == dhcp.V6 {
		family, addr = unix.AF_INET6, &unix.SockaddrInet6{Port: int(port)}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return true
	}
	defer func() { _ = unix.Close(fd) }() // it was never used
	err = errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1), unix.BindToDevice(fd, "lo"))
	if f == dhcp.V6 {
		err = errors.Join(err, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1))
	}
	if err != nil {
		return true // not known, as where binding is not permitted
	}
	return !errors.Is(unix.Bind(fd, addr), unix.EADDRINUSE)
}
