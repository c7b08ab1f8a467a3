// Package fdb knows by which port of a bridge a station is reached: what the bridge's
// forwarding table says, without a packet socket.
//
// A bridge learns the source of a frame before it hands the frame up, and notifies in the
// same breath. So what Follow has read before a message is asked about is never older than
// the message. What was learned before there was a Table is asked for once.
package fdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"dhcp-relay/giaddr"
)

// A Station is who is heard by a bridge.
type Station struct {
	giaddr.FDB
	MAC [6]byte // link-layer address
}

// A Table remembers the ports of stations. It is for one goroutine.
type Table struct {
	news, questions int // descriptors; -1: closed
	ports           stations
	in, out         []byte
	sequence        uint32
}

// Open returns a table of the bridges in the network namespace of this thread.
func Open() (*Table, error) {
	t := &Table{news: -1, questions: -1, ports: newStations(), in: make([]byte, 1<<15)}
	var err error
	if t.news, err = listen(); err == nil {
		t.questions, err = open(0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("follow the forwarding tables of bridges: %w", err), t.Close())
	}
	return t, nil
}

func open(flags int) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|flags, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	// The kernel answers within the call that asks; a bound all the same.
	err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000})
	if err = errors.Join(err, unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})); err != nil {
		_ = unix.Close(fd) // nothing is lost with it
		return -1, fmt.Errorf("netlink: %w", err)
	}
	return fd, nil
}

// queue is the room for notifications, in octets.
const queue = 4 << 20

// listen opens a socket that hears what bridges learn and forget, and nothing of the
// neighbours of IP.
func listen() (int, error) {
	fd, err := open(unix.SOCK_NONBLOCK)
	if err != nil {
		return -1, err
	}
	code, _ := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: unix.SizeofNlMsghdr, Size: 1}, // ndm_family
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.AF_BRIDGE, SkipFalse: 1},
		bpf.RetConstant{Val: 1 << 16},
		bpf.RetConstant{},
	})
	filter := make([]unix.SockFilter, len(code))
	for i, c := range code {
		filter[i] = unix.SockFilter{Code: c.Op, Jt: c.Jt, Jf: c.Jf, K: c.K}
	}
	err = errors.Join(
		unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}),
		unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, unix.RTNLGRP_NEIGH),
	)
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, queue) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, queue) // what overflows is asked for again
	}
	if err != nil {
		_ = unix.Close(fd) // nothing is lost with it
		return -1, err
	}
	return fd, nil
}

// Close gives up the table. It may be called twice.
func (t *Table) Close() (err error) {
	for _, fd := range []*int{&t.news, &t.questions} {
		if *fd >= 0 {
			err = errors.Join(err, unix.Close(*fd))
			*fd = -1
		}
	}
	return err
}

// mostNews bounds how many notifications are read at once.
const mostNews = 4096

// Follow takes note of all that the bridges have learned and forgotten until now.
func (t *Table) Follow() {
	for range mostNews {
		switch n, errno := readNow(t.news, t.in); errno {
		case 0:
			t.learn(t.in[:n])
		case unix.EAGAIN:
			return
		case unix.EINTR:
		default: // some were lost
			t.ports.clear()
		}
	}
	t.ports.clear()
}

// readNow reads what there is, without waiting. The call is raw: there is one for each
// batch of messages, and to tell Go's scheduler of it costs as much as the call.
func readNow(fd int, b []byte) (int, unix.Errno) {
	p := unsafe.Pointer(unsafe.SliceData(b)) //nolint:gosec // G103: the kernel wants a pointer
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(p), uintptr(len(b)), unix.MSG_DONTWAIT, 0, 0)
	return int(n), errno
}

// learn takes note of notifications.
func (t *Table) learn(b []byte) {
	for len(b) >= unix.SizeofNlMsghdr {
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > len(b) {
			return
		}
		kind, body := binary.NativeEndian.Uint16(b[4:]), b[unix.SizeofNlMsghdr:size]
		if s, port, ok := decode(body); ok {
			switch kind {
			case unix.RTM_NEWNEIGH:
				t.ports.put(s, port)
			case unix.RTM_DELNEIGH:
				// It may be there still, where another port had it before.
				t.ports.forget(s)
			}
		}
		b = b[min((size+3)&^3, len(b)):]
	}
}

// Port returns the index of the port by which a station is reached, 0 if the bridge does
// not know it.
func (t *Table) Port(s Station) int {
	port, ok := t.ports.get(s)
	if !ok {
		var err error
		if port, err = t.ask(s); err != nil {
			return 0
		}
		t.ports.put(s, port)
	}
	return port
}

// Places in a struct ndmsg, in octets:
//
//	 0      1            4             8       10      11      12
//	+------+------------+-------------+-------+-------+-------+
//	|family|            |   ifindex   | state | flags | type  |
//	+------+------------+-------------+-------+-------+-------+
const (
	offIndex = 4
	offState = 8
	offFlags = 10
)

// attrsOff is where the attributes begin in the octets of a question.
const attrsOff = unix.SizeofNlMsghdr + unix.SizeofNdMsg

// ask asks the kernel for the port of a station, 0 if the bridge does not know it.
func (t *Table) ask(s Station) (int, error) {
	t.sequence++
	var head [attrsOff]byte
	b := append(t.out[:0:cap(t.out)], head[:]...) //nolint:gocritic // its room is used again
	binary.NativeEndian.PutUint16(b[4:], unix.RTM_GETNEIGH)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST)
	binary.NativeEndian.PutUint32(b[8:], t.sequence)
	b[unix.SizeofNlMsghdr] = unix.AF_BRIDGE
	b = attr(b, unix.NDA_LLADDR, s.MAC[:]...)
	b = attr(b, unix.NDA_MASTER, binary.NativeEndian.AppendUint32(nil, uint32(s.Bridge))...)
	if s.VLAN != 0 {
		b = attr(b, unix.NDA_VLAN, binary.NativeEndian.AppendUint16(nil, s.VLAN)...)
	}
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	t.out = b
	if _, err := unix.Write(t.questions, b); err != nil {
		return 0, os.NewSyscallError("write", err)
	}
	return t.answer(s)
}

// patience bounds the wait for an answer.
const patience = 200 * time.Millisecond

func (t *Table) answer(s Station) (int, error) {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		n, err := unix.Read(t.questions, t.in)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return 0, os.NewSyscallError("read", err)
		}
		b := t.in[:n]
		if n < unix.SizeofNlMsghdr+4 || binary.NativeEndian.Uint32(b[8:]) != t.sequence {
			continue // of a question that was given up
		}
		switch binary.NativeEndian.Uint16(b[4:]) {
		case unix.NLMSG_ERROR:
			if no := unix.Errno(-int32(binary.NativeEndian.Uint32(b[unix.SizeofNlMsghdr:]))); no != unix.ENOENT {
				return 0, no
			}
			return 0, nil
		case unix.RTM_NEWNEIGH:
			if got, port, ok := decode(b[unix.SizeofNlMsghdr:]); ok && got == s {
				return port, nil
			}
			return 0, nil
		}
	}
	return 0, os.ErrDeadlineExceeded
}

func attr(b []byte, kind uint16, value ...byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtAttr+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	return append(b, make([]byte, -len(b)&3)...)
}

// decode reads an entry of a bridge's table: of the bridge itself, not of a card or of a
// tunnel behind the port, and of a station, not of this host.
func decode(b []byte) (s Station, port int, ok bool) {
	if len(b) < unix.SizeofNdMsg || b[0] != unix.AF_BRIDGE || b[offFlags]&unix.NTF_SELF != 0 {
		return s, 0, false
	}
	port = int(int32(binary.NativeEndian.Uint32(b[offIndex:])))
	if binary.NativeEndian.Uint16(b[offState:])&unix.NUD_PERMANENT != 0 {
		port = 0 // this host's own address
	}
	for rest := b[unix.SizeofNdMsg:]; len(rest) >= unix.SizeofRtAttr; {
		size := int(binary.NativeEndian.Uint16(rest))
		if size < unix.SizeofRtAttr || size > len(rest) {
			break
		}
		switch v := rest[unix.SizeofRtAttr:size]; binary.NativeEndian.Uint16(rest[2:]) {
		case unix.NDA_LLADDR:
			ok = copy(s.MAC[:], v) == len(s.MAC) && len(v) == len(s.MAC)
		case unix.NDA_VLAN:
			if len(v) == 2 {
				s.VLAN = binary.NativeEndian.Uint16(v)
			}
		case unix.NDA_MASTER:
			if len(v) == 4 {
				s.Bridge = int32(binary.NativeEndian.Uint32(v))
			}
		}
		rest = rest[min((size+3)&^3, len(rest)):]
	}
	return s, port, ok && s.Bridge != 0
}
