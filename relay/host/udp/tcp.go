package udp

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// tcpListen is the state of a TCP socket that accepts connections (TCP_LISTEN).
const tcpListen = 10

// TCPHolders lists the TCP sockets that listen where another one is to listen at
// an address, those of this process included.
func TCPHolders(at netip.AddrPort) ([]Holder, error) {
	var hs []Holder
	for _, af := range []uint8{unix.AF_INET, unix.AF_INET6} {
		socks, err := netlink.SocketDiagTCP(af)
		if err != nil {
			return nil, fmt.Errorf("list TCP sockets: %w", err)
		}
		for _, s := range socks {
			a, _ := netip.AddrFromSlice(s.ID.Source)
			if af == unix.AF_INET {
				a = a.Unmap()
			}
			if s.State != tcpListen || s.ID.SourcePort != at.Port() || !collide(a, at.Addr()) {
				continue
			}
			hs = append(hs, Holder{Addr: netip.AddrPortFrom(a, at.Port()), Inode: s.INode, UID: s.UID})
		}
	}
	Name(hs)
	return hs, nil
}

// collide reports whether two sockets cannot both listen at these addresses: they
// are the same, or one is a wildcard that takes in the other.
func collide(a, b netip.Addr) bool {
	a, b = a.Unmap(), b.Unmap()
	wild := func(w, other netip.Addr) bool { return w.IsUnspecified() && (w.Is6() || other.Is4()) }
	return a == b || wild(a, b) || wild(b, a)
}
