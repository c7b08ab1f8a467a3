package relay

import (
	"net/netip"

	"dhcp-relay/relay/udp"
)

// A macTable knows the link-layer address from which a DHCPv6 message came.
type macTable interface {
	Lookup(link int, src netip.Addr) (mac [6]byte, ok bool)
}

// mac returns the link-layer source of a message, or nothing if it is not known.
// It is valid until the next call.
func (l *loop) mac(d *udp.Datagram) []byte {
	var ok bool
	if l.engine.macs == nil {
		return nil
	}
	if l.hardware, ok = l.engine.macs.Lookup(d.Link, d.Src.Addr()); !ok {
		return nil
	}
	return l.hardware[:]
}
