package clientmac

import (
	"encoding/binary"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// A Room is what the kernel has in one of its neighbour tables: all network
// namespaces share them.
type Room struct {
	Entries int    // that it has now
	Limit   int    // gc_thresh3: the most that it may have
	Full    uint64 // how often it had no room for another one, since the host's start
}

// Attributes of a neighbour table (linux/neighbour.h), and where their values are:
//
//	NDTA_CONFIG   0 key length | 2 entry size | 4 entries
//	NDTA_STATS    0 allocs | 8 destroys | 16 hash grows | 24 failed resolutions | 32 look-ups
//	             40 hits | 48 multicast probes | 56 unicast probes | 64 periodic gc | 72 forced gc
//	             80 table fulls
const (
	attrThresh3 = 4 // NDTA_THRESH3
	attrConfig  = 5 // NDTA_CONFIG
	attrStats   = 7 // NDTA_STATS

	sizeHeader = 4 // struct ndtmsg
	offEntries = 4
	offFull    = 80
)

// ReadRoom asks the kernel for the neighbour table of a family: unix.AF_INET for
// ARP, unix.AF_INET6 for neighbour discovery.
func ReadRoom(family int) (r Room, err error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETNEIGHTBL, unix.NLM_F_DUMP)
	req.AddData(&nl.RtGenMsg{RtGenmsg: unix.RtGenmsg{Family: uint8(family)}})
	// The first message is the table's, those that follow are of interfaces.
	err = req.ExecuteIter(unix.NETLINK_ROUTE, unix.RTM_NEWNEIGHTBL, func(m []byte) bool {
		if len(m) < sizeHeader || int(m[0]) != family {
			return true
		}
		attrs, err := nl.ParseRouteAttr(m[sizeHeader:])
		if err != nil {
			return true
		}
		for _, a := range attrs {
			r.set(int(a.Attr.Type&^unix.NLA_F_NESTED), a.Value)
		}
		return true
	})
	if err == nil && r.Limit == 0 {
		err = unix.ENODATA
	}
	if err != nil {
		return Room{}, fmt.Errorf("read neighbour table: %w", err)
	}
	return r, nil
}

// set takes the value of an attribute.
func (r *Room) set(attr int, v []byte) {
	switch {
	case attr == attrThresh3 && len(v) >= 4:
		r.Limit = int(binary.NativeEndian.Uint32(v))
	case attr == attrConfig && len(v) >= offEntries+4:
		r.Entries = int(binary.NativeEndian.Uint32(v[offEntries:]))
	case attr == attrStats && len(v) >= offFull+8:
		r.Full = binary.NativeEndian.Uint64(v[offFull:])
	}
}
