// Package shed drops in the filter of a socket what exceeds the share of an interface, or
// would wait for too long, before it takes room in the receive buffer and time of the
// process that reads it. It decides nothing: who reads sets the share, and what may wait.
package shed

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// Slots is by how many remainders of their indexes interfaces are told apart.
const Slots = 1 << 12

// What may wait of an interface at most, in messages.
const (
	Most = 1 << 16 // while nothing is known of who reads
	Few  = 20_000  // of a reader that reads nothing: 10,000 a second, for as long as they are good
)

// A reader that reads nothing of an interface for so many ticks stands still: it gets no
// processor. A tick is 2^tickShift nanoseconds, some milliseconds.
const (
	tickShift = 20
	stalled   = 48
)

// A board is what the filter and the process share, on any CPU. An interface's bucket is
// limit.Bucket, with the kernel's monotonic clock. The filter changes it without a lock:
// where two CPUs do so at once, one message too many passes.
//
// What waits of an interface is what was admitted less what was read. What the kernel drops
// for a full buffer is never read, so both begin anew with each epoch: once nothing waits.
//
//	 0 each     nanoseconds between messages, 0: no limit
//	 8 ahead    nanoseconds that messages may be ahead of that
//	16 until    when the limit ends by itself, since the start of the kernel
//	24 most     messages of an interface that may wait
//	32 epoch
//	64 slot 0    0 due: when the next message is due | 8 shed: messages
//	            16 epoch: of what follows | 20 admitted: messages | 24 read: messages
//	            28 seen: read at since | 32 since: when read was another, in ticks
//	104 slot 1 ... 4095
//	places     when the next message of a client is due that does not send much
type board struct {
	each, ahead, until uint64
	most               uint64
	epoch              uint32
	_                  [28]byte
	slots              [Slots]slot
	places             [1 << logPlaces]uint64
}

type slot struct {
	due, shed                          uint64
	epoch, admitted, read, seen, since uint32
	_                                  uint32
}

// Places in a board, in octets.
const (
	offEach     = 0
	offAhead    = 8
	offUntil    = 16
	offMost     = 24
	offEpochs   = 32
	offSlots    = 64
	sizeSlot    = 40
	offPlaces   = offSlots + Slots*sizeSlot
	offDue      = 0
	offShed     = 8
	offEpoch    = 16
	offAdmitted = 20
	offRead     = 24
	offSeen     = 28
	offSince    = 32
)

// udpHeader is how many octets are in front of a message.
const udpHeader = 8

// A Gate is the filter's part of one socket. Set, Hold, Bound, Read, Waiting and Emptied
// are for who reads the socket, the others for one goroutine.
type Gate struct {
	board   *board
	states  *ebpf.Map
	clients Clients
	told    [Slots]uint64 // of slot.shed, by Collect
}

// New makes a gate that lets everything pass of which no more than Most waits. If the
// error is os.ErrPermission, CAP_BPF is missing; ebpf.ErrNotSupported means that the
// kernel is too old.
func New(c Clients) (*Gate, error) {
	const size = int(unsafe.Sizeof(board{}))
	m, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: "dhcp_share", Type: ebpf.Array, Flags: unix.BPF_F_MMAPABLE,
		KeySize: 4, ValueSize: uint32(size), MaxEntries: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("create map of interfaces' shares: %w", err)
	}
	mem, err := unix.Mmap(m.FD(), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("map interfaces' shares: %w", err), m.Close())
	}
	g := &Gate{board: (*board)(unsafe.Pointer(&mem[0])), states: m, clients: c} //nolint:gosec // the map has this size
	g.Bound(Most)
	g.Emptied() // no slot is of this epoch yet
	runtime.AddCleanup(g, func(mem []byte) {
		_ = unix.Munmap(mem) // fails only for what is not mapped
	}, mem)
	return g, nil
}

// Close gives up the map: call it once the filter is on its socket, or is not wanted.
func (g *Gate) Close() error { return g.states.Close() }

// Attach puts a filter on a UDP socket, in place of the one that it has, that lets pass
// what begins with the octet first, or all but that, within the share of its interface.
func (g *Gate) Attach(rc syscall.RawConn, first byte, only bool) error {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "dhcp_share", Type: ebpf.SocketFilter, Instructions: g.program(first, only), License: "BSD",
	})
	if err != nil {
		return fmt.Errorf("load filter of interfaces' shares: %w", err)
	}
	defer func() { _ = p.Close() }() // the socket has it now, or nobody wants it
	cerr := rc.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_BPF, p.FD())
	})
	if err := errors.Join(cerr, err); err != nil {
		return fmt.Errorf("attach filter of interfaces' shares: %w", err)
	}
	return nil
}

// Set makes the share of each interface one message in each time, some of which may be
// ahead, for a while. An each of 0 is no limit.
func (g *Gate) Set(each, ahead, lasts time.Duration) {
	store(&g.board.ahead, uint64(ahead))
	store(&g.board.until, monotonic()+uint64(lasts))
	store(&g.board.each, uint64(each))
	runtime.KeepAlive(g)
}

// Hold has the share of an interface begin in a while, with nothing ahead, and until then
// lets nothing of it pass.
func (g *Gate) Hold(slot int, lasts time.Duration) {
	store(&g.board.slots[slot].due, monotonic()+uint64(lasts)+load(&g.board.ahead))
	runtime.KeepAlive(g)
}

// Bound sets how many messages of each interface may wait to be read.
func (g *Gate) Bound(most int) {
	store(&g.board.most, uint64(most))
	runtime.KeepAlive(g)
}

// Read takes note of n messages of an interface that were read.
func (g *Gate) Read(slot, n int) {
	s := &g.board.slots[slot]
	if atomic.LoadUint32(&s.epoch) == g.board.epoch { // else none was admitted since
		atomic.AddUint32(&s.read, uint32(n))
	}
	runtime.KeepAlive(g)
}

// Waiting returns how many messages of an interface wait to be read, less than 0 where some
// were read that came before the epoch.
func (g *Gate) Waiting(slot int) int {
	defer runtime.KeepAlive(g)
	s := &g.board.slots[slot]
	if atomic.LoadUint32(&s.epoch) != g.board.epoch {
		return 0
	}
	return int(int32(atomic.LoadUint32(&s.admitted) - s.read))
}

// Emptied begins another epoch: all that had come was read a moment ago.
func (g *Gate) Emptied() {
	atomic.AddUint32(&g.board.epoch, 1)
	runtime.KeepAlive(g)
}

// monotonic returns the time of the kernel's clock by which the filter works.
func monotonic() uint64 {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // it is always there
	return uint64(now.Nano())
}

// Shed returns how many messages were shed in all.
func (g *Gate) Shed() (sum uint64) {
	for i := range g.board.slots {
		sum += load(&g.board.slots[i].shed)
	}
	runtime.KeepAlive(g)
	return sum
}

// Collect tells how many messages were shed since it was called last, by index modulo
// Slots of the interface.
func (g *Gate) Collect(tell func(slot int, n uint64)) {
	for i := range g.board.slots {
		n := load(&g.board.slots[i].shed)
		if n > g.told[i] {
			tell(i, n-g.told[i])
			g.told[i] = n
		}
	}
	runtime.KeepAlive(g)
}

// Slot returns the slot of an interface.
func Slot(index int) int { return index % Slots }
