package watch

import (
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	dumpTimeout = 10 * time.Second // for the kernel to answer
	dumpTries   = 4                // while links come and go
	skipStats   = 1 << 3           // RTEXT_FILTER_SKIP_STATS: they are most of a link's message
)

// A dumper reads all links and addresses at once. It keeps its socket, so that
// it stays in its network namespace, and works when there are no more files.
type dumper struct {
	handle nl.SocketHandle
}

func newDumper() (*dumper, error) {
	s, err := nl.Subscribe(unix.NETLINK_ROUTE) // to nothing
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	tv := unix.NsecToTimeval(dumpTimeout.Nanoseconds())
	if err := s.SetReceiveTimeout(&tv); err != nil {
		s.Close()
		return nil, fmt.Errorf("set netlink timeout: %w", err)
	}
	return &dumper{nl.SocketHandle{Socket: s}}, nil
}

// dump returns all links and addresses. If they change all the time the error is
// nl.ErrDumpInterrupted; the result is usable, but may lack something.
func (d *dumper) dump() (fresh host, err error) {
	for range dumpTries {
		fresh, err = d.once()
		if !errors.Is(err, nl.ErrDumpInterrupted) {
			break
		}
	}
	return fresh, err
}

func (d *dumper) once() (host, error) {
	fresh := newHost()
	linkErr := d.all(unix.RTM_GETLINK, unix.RTM_NEWLINK, &fresh, nl.NewIfInfomsg(unix.AF_UNSPEC),
		nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(skipStats)))
	if linkErr != nil && !errors.Is(linkErr, nl.ErrDumpInterrupted) {
		return host{}, fmt.Errorf("read links: %w", linkErr)
	}
	if fresh.bridges() {
		err := d.all(unix.RTM_GETLINK, unix.RTM_NEWLINK, &fresh, nl.NewIfInfomsg(unix.AF_BRIDGE),
			nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(nl.RTEXT_FILTER_BRVLAN_COMPRESSED)))
		if err != nil {
			return fresh, fmt.Errorf("read VLANs of bridges: %w", err)
		}
	}
	if err := d.all(unix.RTM_GETADDR, unix.RTM_NEWADDR, &fresh, nl.NewIfAddrmsg(unix.AF_UNSPEC)); err != nil {
		return fresh, fmt.Errorf("read addresses: %w", err)
	}
	if linkErr != nil {
		return fresh, fmt.Errorf("read links: %w", linkErr)
	}
	return fresh, nil
}

// all asks the kernel for all objects of a kind, and applies the answers to h.
func (d *dumper) all(ask, answer int, h *host, data ...nl.NetlinkRequestData) error {
	req := nl.NewNetlinkRequest(ask, unix.NLM_F_DUMP)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: &d.handle}
	for _, part := range data {
		req.AddData(part)
	}
	return req.ExecuteIter(unix.NETLINK_ROUTE, uint16(answer), func(msg []byte) bool {
		h.apply(uint16(answer), msg)
		return true
	})
}
