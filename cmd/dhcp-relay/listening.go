package main

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/config"
	"dhcp-relay/relay/host/check"
	"dhcp-relay/relay/host/udp"
)

// listenDoubts tells what keeps this host from serving the metrics where they are
// to be served. The relay relays all the same, so that none of it is an error.
func listenDoubts(cfg *config.Config) []config.Problem {
	at := cfg.Metrics
	if !at.On {
		return nil
	}
	const key = "metrics.listen"
	err := tryBind(at.Listen)
	switch {
	case errors.Is(err, unix.EADDRNOTAVAIL):
		return []config.Problem{cfg.Wrong(key, fmt.Sprintf("this host has no address %s now, so the metrics are not served", at.Listen.Addr()),
			"nothing to do if it is to come later; relaying does not wait for it")}
	case errors.Is(err, unix.EADDRINUSE):
		hs, _ := udp.TCPHolders(at.Listen) // kernels without tcp_diag cannot tell
		who := fmt.Sprintf("an unknown process on %s", at.Listen)
		if len(hs) > 0 {
			who = hs[0].String()
			if hs[0].Command == check.Program {
				return nil // the daemon itself
			}
		}
		return []config.Problem{cfg.Wrong(key, fmt.Sprintf("port %d is held by %s, so the metrics are not served", at.Listen.Port(), who),
			"stop that program, or write another port; root sees which it is")}
	}
	return nil
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
