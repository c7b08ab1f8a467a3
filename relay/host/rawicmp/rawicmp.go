// Package rawicmp hears the ICMP errors about datagrams of this host, those that it
// makes itself for want of a neighbour among them. It asks no UDP socket for them
// (IP_RECVERR): there, an error of one datagram would fail the send of another.
package rawicmp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/bpf"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/icmp"
)

// Types of messages.
const (
	unreachable4, exceeded4, parameter4       = 3, 11, 12
	unreachable6, big6, exceeded6, parameter6 = 1, 2, 3, 4
)

// A Listener hears errors of one family in one network namespace, in all VRFs: the
// sysctl net.ipv4.raw_l3mdev_accept is 1 by default. Make one with Listen; Read is for
// one goroutine at a time.
type Listener struct {
	family dhcp.Family
	conn   *net.IPConn
	buf    [1500]byte // an error holds no more than the beginning of a datagram
	oob    [128]byte
}

// Listen hears errors about datagrams that were sent from ports; see Ports. It needs
// CAP_NET_RAW.
func Listen(f dhcp.Family, ports ...uint16) (*Listener, error) {
	network, addr := "ip4:icmp", "0.0.0.0"
	if f == dhcp.V6 {
		network, addr = "ip6:ipv6-icmp", "::"
	}
	c, err := net.ListenIP(network, &net.IPAddr{IP: net.ParseIP(addr)})
	if err != nil {
		return nil, fmt.Errorf("hear ICMP errors: %w", err)
	}
	l := &Listener{family: f, conn: c}
	if err := errors.Join(l.setUp(), l.Ports(ports...)); err != nil {
		return nil, fmt.Errorf("hear ICMP errors: %w", errors.Join(err, c.Close()))
	}
	return l, nil
}

// setUp leaves out what is no error, and asks for the interface of what is one.
func (l *Listener) setUp() error {
	if l.family == dhcp.V6 {
		var f ipv6.ICMPFilter
		f.SetAll(true)
		for _, t := range []ipv6.ICMPType{unreachable6, big6, exceeded6, parameter6} {
			f.Accept(t)
		}
		c := ipv6.NewPacketConn(l.conn)
		return errors.Join(c.SetICMPFilter(&f), c.SetControlMessage(ipv6.FlagInterface, true))
	}
	var f ipv4.ICMPFilter
	f.SetAll(true)
	for _, t := range []ipv4.ICMPType{unreachable4, exceeded4, parameter4} {
		f.Accept(t)
	}
	c := ipv4.NewPacketConn(l.conn)
	return errors.Join(c.SetICMPFilter(&f), c.SetControlMessage(ipv4.FlagInterface, true))
}

// Ports has errors about datagrams from other ports left out from now on, 16 at most;
// without any, all are heard. Fragments of IPv6 are, too.
func (l *Listener) Ports(ports ...uint16) error {
	prog, err := bpf.Assemble(program(l.family, ports[:min(len(ports), 16)]))
	if err != nil {
		return err
	}
	if l.family == dhcp.V6 {
		return ipv6.NewPacketConn(l.conn).SetBPF(prog)
	}
	return ipv4.NewPacketConn(l.conn).SetBPF(prog)
}

// program is the filter. It sees IPv4 packets, and in IPv6 what follows the header.
func program(f dhcp.Family, ports []uint16) (is []bpf.Instruction) {
	const all = 1 << 16
	if len(ports) == 0 {
		return []bpf.Instruction{bpf.RetConstant{Val: all}}
	}
	if f == dhcp.V6 {
		is = append(is,
			bpf.LoadAbsolute{Off: 8 + 6, Size: 1}, // next header of the datagram
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: 44, SkipFalse: 1},
			bpf.RetConstant{Val: all},
			bpf.LoadAbsolute{Off: 8 + 40, Size: 2}, // its source port
		)
	} else {
		is = append(is,
			bpf.LoadMemShift{Off: 0},
			bpf.LoadIndirect{Off: 8 + 20, Size: 2}, // source port of the datagram, which has no options
		)
	}
	for i, p := range ports {
		is = append(is, bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(p), SkipTrue: uint8(len(ports) - i)})
	}
	return append(is, bpf.RetConstant{Val: 0}, bpf.RetConstant{Val: all})
}

// Read waits for an error about a UDP datagram, and returns it with the index of the
// interface on which it was heard. After Close the error is net.ErrClosed.
func (l *Listener) Read() (e icmp.Error, link int, err error) {
	for {
		n, oobn, _, from, err := l.conn.ReadMsgIP(l.buf[:], l.oob[:])
		if err != nil {
			return e, 0, err
		}
		e, ok := l.decode(l.buf[:n], from)
		if ok {
			return e, l.link(l.oob[:oobn]), nil
		}
	}
}

func (l *Listener) decode(b []byte, from *net.IPAddr) (icmp.Error, bool) {
	if l.family == dhcp.V4 {
		return icmp.Decode4(b)
	}
	a, ok := netip.AddrFromSlice(from.IP)
	if !ok {
		return icmp.Error{}, false
	}
	return icmp.Decode6(b, a)
}

// link returns the interface that control messages tell of, 0 if they do not.
func (l *Listener) link(oob []byte) int {
	if l.family == dhcp.V6 {
		var m ipv6.ControlMessage
		if m.Parse(oob) != nil {
			return 0
		}
		return m.IfIndex
	}
	var m ipv4.ControlMessage
	if m.Parse(oob) != nil {
		return 0
	}
	return m.IfIndex
}

// Close ends Read.
func (l *Listener) Close() error { return l.conn.Close() }
