package bench

import (
	"fmt"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
)

// A generator puts prepared frames onto one or more links of a namespace, in
// turn, many with one system call. It is for one goroutine.
type generator struct {
	fd      int
	set     frameSet
	msgs    [batch]mmsghdr
	iovs    [batch]unix.Iovec
	links   []unix.RawSockaddrLinklayer
	scratch []id
}

// newGenerator makes a generator; its socket receives nothing.
func newGenerator(n *netns.NS, set frameSet, devs ...string) (*generator, error) {
	g := &generator{set: set, fd: -1, scratch: make([]id, 0, batch)}
	err := n.Do(func() error {
		var err error
		// Protocol 0: the socket receives nothing.
		if g.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			return err
		}
		// One list: to ask for each by name lists them all each time.
		all, err := net.Interfaces()
		if err != nil {
			return err
		}
		index := make(map[string]int, len(all))
		for _, l := range all {
			index[l.Name] = l.Index
		}
		for _, d := range devs {
			if index[d] == 0 {
				return fmt.Errorf("no link %s", d)
			}
			g.links = append(g.links, unix.RawSockaddrLinklayer{
				Family: unix.AF_PACKET, Protocol: htons(set.etype), Ifindex: int32(index[d]), Halen: 6,
			})
		}
		return unix.SetsockoptInt(g.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, socketBuffer)
	})
	if err != nil {
		g.close()
		return nil, fmt.Errorf("generator on %v: %w", devs, err)
	}
	for i := range g.msgs {
		h := &g.msgs[i].hdr
		h.Iov = &g.iovs[i]
		h.SetIovlen(1)
		h.Namelen = unix.SizeofSockaddrLinklayer
	}
	return g, nil
}

func (g *generator) close() {
	if g.fd >= 0 {
		_ = unix.Close(g.fd) // what it has sent has been counted
	}
}

// sendNext sends n messages of a run, from sequence number first on; n is at
// most batch. It returns how many have gone.
func (g *generator) sendNext(run, first, n int) (int, error) {
	ids := g.scratch[:0]
	for i := range n {
		ids = append(ids, newID(run, first+i))
	}
	return g.send(ids)
}

// send sends the messages with the ids, at most batch of them.
func (g *generator) send(ids []id) (int, error) {
	for i, x := range ids {
		f := g.prepare(x)
		g.iovs[i].Base = &f[0]
		g.iovs[i].SetLen(len(f))
		g.msgs[i].hdr.Name = (*byte)(unsafe.Pointer(&g.links[x.seq()%len(g.links)]))
	}
	n, err := sendAll(g.fd, g.msgs[:len(ids)])
	if err != nil {
		return n, fmt.Errorf("generator: %w", err)
	}
	return n, nil
}

// prepare writes an id into the frame of its client.
func (g *generator) prepare(x id) []byte {
	k := x.seq() % len(g.set.frames)
	f := g.set.frames[k]
	acc := g.set.sums[k]
	at := g.set.idAt
	for i, o := range [3]byte{byte(x >> 16), byte(x >> 8), byte(x)} {
		f[at+i] = o
		// The datagram begins at an even octet of the frame, as do its words.
		if (at+i)%2 == 0 {
			acc += uint64(o) << 8
		} else {
			acc += uint64(o)
		}
	}
	putSum(f[g.set.sumAt:], acc)
	return f
}

func htons(v uint16) uint16 { return v>>8 | v<<8 }
