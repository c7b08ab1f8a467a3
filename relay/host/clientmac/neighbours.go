package clientmac

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"sync/atomic"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Neighbours follows the kernel's neighbour table. It knows a client only after
// the kernel has had reason to ask for it or was told by it, so the first message
// of a new client is mostly unknown. It knows who has an address, not who sent a
// message. The zero value is ready.
type Neighbours struct {
	shards [shards]atomic.Pointer[map[neighbour][6]byte]
	buffer int // octets of receive buffer, 0: receiveBuffer
}

type neighbour struct {
	link int
	addr netip.Addr
}

// shards is how many parts the table has: a change copies one of them, so that
// look-ups need no lock.
const shards = 256

// receiveBuffer is asked of the kernel for notices, in octets.
const receiveBuffer = 4 << 20

// Answer answers queries with the link-layer addresses that the kernel has for
// their sources, if they are Ethernet addresses. It does not look at the messages.
func (n *Neighbours) Answer(qs []Query) {
	for i := range qs {
		q := &qs[i]
		q.MAC, q.Known = n.lookup(neighbour{q.Link, q.Src})
	}
}

func (n *Neighbours) lookup(k neighbour) (mac [6]byte, ok bool) {
	if m := n.shard(k).Load(); m != nil {
		mac, ok = (*m)[k]
	}
	return mac, ok
}

// Run keeps the table up to date until ctx ends, which is no error, in the
// network namespace of the calling thread.
func (n *Neighbours) Run(ctx context.Context) error {
	for {
		err := n.follow(ctx)
		n.clear()
		if ctx.Err() != nil {
			return nil
		}
		// Notices were lost, so all has to be read again.
		if !errors.Is(err, unix.ENOBUFS) {
			return fmt.Errorf("follow neighbours: %w", err)
		}
	}
}

// follow reads the table and then the changes, until ctx ends or there is an
// error.
func (n *Neighbours) follow(ctx context.Context) error {
	s, err := nl.Subscribe(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer s.Close()
	// To Subscribe with the group would make Send address the group, which needs
	// CAP_NET_ADMIN.
	if err := unix.SetsockoptInt(s.GetFd(), unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, unix.RTNLGRP_NEIGH); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	// Without CAP_NET_ADMIN the buffer stays as it is, and overflows sooner.
	_ = s.SetReceiveBufferSize(cmp.Or(n.buffer, receiveBuffer), true)
	defer context.AfterFunc(ctx, s.Close)()

	req := nl.NewNetlinkRequest(unix.RTM_GETNEIGH, unix.NLM_F_DUMP)
	req.AddData(&netlink.Ndmsg{Family: unix.AF_INET6})
	if err := s.Send(req); err != nil {
		return err
	}
	for {
		msgs, from, err := s.Receive()
		if err != nil {
			return err
		}
		if from.Pid != nl.PidKernel {
			continue
		}
		for _, m := range msgs {
			if err := n.notice(m.Header.Type, m.Data); err != nil {
				return err
			}
		}
	}
}

// notice takes one message of the kernel.
func (n *Neighbours) notice(typ uint16, data []byte) error {
	switch typ {
	case unix.NLMSG_ERROR:
		return nlError(data)
	case unix.RTM_NEWNEIGH, unix.RTM_DELNEIGH:
	default:
		return nil
	}
	if len(data) < unix.SizeofNdMsg || len(data)%unix.NLMSG_ALIGNTO != 0 {
		return unix.EBADMSG
	}
	e, err := netlink.NeighDeserialize(data)
	if err != nil {
		return err
	}
	addr, ok := netip.AddrFromSlice(e.IP)
	if !ok || e.Family != unix.AF_INET6 {
		return nil
	}
	k := neighbour{e.LinkIndex, addr}
	if typ == unix.RTM_DELNEIGH || e.State&valid == 0 || len(e.HardwareAddr) != 6 {
		n.forget(k)
		return nil
	}
	n.learn(k, [6]byte(e.HardwareAddr))
	return nil
}

// valid are the states in which the kernel has an address.
const valid = netlink.NUD_PERMANENT | netlink.NUD_NOARP | netlink.NUD_REACHABLE |
	netlink.NUD_PROBE | netlink.NUD_STALE | netlink.NUD_DELAY

func (n *Neighbours) learn(k neighbour, mac [6]byte) {
	m := n.part(k)
	if old, ok := m[k]; ok && old == mac {
		return // most notices are of states
	}
	m = maps.Clone(m)
	if m == nil {
		m = make(map[neighbour][6]byte)
	}
	m[k] = mac
	n.shard(k).Store(&m)
}

func (n *Neighbours) forget(k neighbour) {
	m := n.part(k)
	if _, ok := m[k]; !ok {
		return
	}
	m = maps.Clone(m)
	delete(m, k)
	n.shard(k).Store(&m)
}

// shard returns where a key belongs. Addresses of clients differ in the end.
func (n *Neighbours) shard(k neighbour) *atomic.Pointer[map[neighbour][6]byte] {
	a := k.addr.As16()
	return &n.shards[a[15]^a[13]^byte(k.link)]
}

// part returns the part of the table that k belongs to, nil if that is empty.
func (n *Neighbours) part(k neighbour) map[neighbour][6]byte {
	if m := n.shard(k).Load(); m != nil {
		return *m
	}
	return nil
}

func (n *Neighbours) clear() {
	for i := range n.shards {
		n.shards[i].Store(nil)
	}
}

// nlError returns the error in a netlink message of that type, which begins with
// a negative errno.
func nlError(data []byte) error {
	if len(data) < 4 {
		return unix.EBADMSG
	}
	if e := int32(binary.NativeEndian.Uint32(data)); e != 0 {
		return unix.Errno(-e)
	}
	return nil
}
