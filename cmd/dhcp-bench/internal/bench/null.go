package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"

	"dhcp-relay/relay/host/egress"
	"dhcp-relay/relay/host/frame"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/dhcp"
)

// A NullConfig says what a null relay moves where.
type NullConfig struct {
	Family  dhcp.Family
	Links   []string   // the clients' links
	Address netip.Addr // the relay's address on the first one, onto which all replies go
	Server  netip.Addr // where requests go
}

const (
	nullBatch  = 128
	nullBuffer = 64 << 20
)

// Null moves octets between clients and a server until ctx ends, with the same
// system calls as the relay and nothing else: it looks at nothing, changes
// nothing, counts nothing. It is no relay, but what one could cost at least.
// (Of DHCPv6 it makes Relay-forwards, as the way back is in them.)
func Null(ctx context.Context, c NullConfig) error {
	l, err := net.InterfaceByName(c.Links[0])
	if err != nil {
		return fmt.Errorf("link %s: %w", c.Links[0], err)
	}
	p, err := udp.Listen(udp.Config{Family: c.Family, Port: serverPort(c.Family), RcvBuf: nullBuffer})
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = p.Close() }) // which ends the reads
	defer stop()
	n := &null{NullConfig: c, link: l}
	if c.Family == dhcp.V6 {
		if err := n.join(p.Requests); err != nil {
			return errors.Join(err, p.Close())
		}
	} else if n.frames, err = frame.Open(l.Index, l.HardwareAddr); err != nil {
		return errors.Join(err, p.Close())
	}
	if err := n.judge(); err != nil {
		return errors.Join(err, p.Close())
	}
	replies := make(chan error, 1)
	go func() { replies <- n.move(p.Replies, udp.NewQueue(p.Requests), n.reply, n.flushFrames) }()
	err = n.move(p.Requests, udp.NewQueue(p.Requests), n.request, func() {})
	err = errors.Join(err, <-replies)
	if ctx.Err() != nil {
		return nil // the end was asked for
	}
	return err
}

type null struct {
	NullConfig
	link   *net.Interface
	frames *frame.Conn
	queue  frame.Queue // of replies in frames

	together udp.Segmentation // of requests, as the relay would have it
}

// move reads batches and hands each datagram on; flush sends what is not in the queue.
func (n *null) move(from *udp.Conn, q *udp.Queue, each func(*udp.Queue, *udp.Datagram), flush func()) error {
	ds := udp.NewBatch(nullBatch)
	for {
		got, err := from.Read(ds)
		if err != nil {
			return err
		}
		for i := range ds[:got] {
			each(q, &ds[i])
		}
		q.Flush(func(int, syscall.Errno) {})
		flush()
	}
}

func (n *null) flushFrames() { n.queue.Flush(func(int, error) {}) }

// join joins on all links.
func (n *null) join(c *udp.Conn) error {
	all, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, l := range all {
		if slices.Contains(n.Links, l.Name) {
			err = errors.Join(err, c.Join(l.Index))
		}
	}
	return err
}

// judge looks whether bursts to the server may leave together.
func (n *null) judge() error {
	h, err := egress.Open()
	if err != nil {
		return err
	}
	n.together.Allow(h.Look([]egress.Way{{Dst: n.Server}})[0].Reason.Good())
	return h.Close()
}

func (n *null) request(q *udp.Queue, d *udp.Datagram) {
	at, size := udp.Headroom, d.N
	if n.Family == dhcp.V6 {
		at, size = at-relayLen-4, size+relayLen+4
		h := d.Store[at:]
		h[0], h[1] = relayForw, 0
		a, peer := n.Address.As16(), d.Src.Addr().As16()
		copy(h[2:], a[:])
		copy(h[18:], peer[:])
		h[relayLen], h[relayLen+1], h[relayLen+2], h[relayLen+3] = 0, optRelayed, byte(d.N>>8), byte(d.N)
	}
	q.Add(0, d.Store[at:at+size], netip.AddrPortFrom(n.Server, serverPort(n.Family)), netip.Addr{}, 0, &n.together)
}

// reply hands on a reply. Replies to fewer octets than a message has are not in
// the load; one would end the process, not mislead the measurement.
func (n *null) reply(q *udp.Queue, d *udp.Datagram) {
	b := d.Store[udp.Headroom : udp.Headroom+d.N]
	if n.Family == dhcp.V6 {
		q.Add(0, b[relayLen+4:], netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[18:])), 546), netip.Addr{}, n.link.Index, nil)
		return
	}
	dst := netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[yiaddrAt:])), 68)
	// A frame that does not go out is missed where the frames are counted.
	_ = n.queue.Add(0, n.frames, d.Store[udp.Headroom-frame.Headroom:udp.Headroom+d.N], n.link.MTU, netip.AddrPortFrom(n.Address, portServer), dst, b[chaddrAt:chaddrAt+6])
}
