package clientmac

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// logSets is the binary logarithm of the number of sets. 4,096 of them are 61,440
// notes and 2 MiB.
const logSets = 12

// A Table is told by filters on sockets from which link-layer address each
// message came, before the message can be read.
type Table struct {
	notes  *notes
	sets   *ebpf.Map
	prog   *ebpf.Program // for sockets that are bound to no device
	filter filter
}

// notes is the memory that the filters write to. It stays mapped until nobody
// can look anything up any more.
type notes struct {
	sets []set
	seed uint64
	log  int
}

// New loads a filter that rejects messages whose first octet is in reject, lets
// all others through, and notes where they came from. The kernel counts those
// that it rejects as drops of the socket. If the error is
// os.ErrPermission, CAP_BPF is missing; ebpf.ErrNotSupported means that the
// kernel is too old or built without something. Its text says which. The caller
// can use Neighbours instead.
func New(reject ...uint8) (*Table, error) { return newTable(filter{log: logSets, reject: reject}) }

// New4 is New for sockets that hear BOOTP and DHCPv4.
func New4(reject ...uint8) (*Table, error) {
	return newTable(filter{log: logSets, reject: reject, v4: true})
}

// Adopt is New with the map of a former process, whose notes of messages that wait
// stay good for sockets that the filter is attached to anew. It closes the file.
func Adopt(left *os.File, reject ...uint8) (*Table, error) {
	return adopt(left, filter{log: logSets, reject: reject})
}

// Adopt4 is New4 as Adopt is New.
func Adopt4(left *os.File, reject ...uint8) (*Table, error) {
	return adopt(left, filter{log: logSets, reject: reject, v4: true})
}

func adopt(left *os.File, f filter) (*Table, error) {
	defer func() { _ = left.Close() }() // nothing was written to it
	fd, err := unix.FcntlInt(left.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("take over map of link-layer addresses: %w", err)
	}
	m, err := ebpf.NewMapFromFD(fd)
	if err != nil {
		return nil, fmt.Errorf("take over map of link-layer addresses: %w", explain(err))
	}
	if err := fits(m, f.log); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return tableOf(m, f)
}

// fits reports what a map has that newTable would not have given it.
func fits(m *ebpf.Map, log int) error {
	want := fmt.Sprint(ebpf.Array, unix.BPF_F_MMAPABLE, 4, setSize, 1<<log)
	if got := fmt.Sprint(m.Type(), m.Flags(), m.KeySize(), m.ValueSize(), m.MaxEntries()); got != want {
		return fmt.Errorf("map of link-layer addresses: type, flags and sizes %s, want %s", got, want)
	}
	var first [setSize]byte
	if err := m.Lookup(uint32(0), &first); err != nil {
		return fmt.Errorf("read map of link-layer addresses: %w", err)
	}
	if got := binary.NativeEndian.Uint64(first[offLabel:]); got != magic {
		return fmt.Errorf("map of link-layer addresses: label %x, want %x", got, uint64(magic))
	}
	return nil
}

// FD returns the descriptor of the map, for a later process.
func (t *Table) FD() int { return t.sets.FD() }

func newTable(f filter) (*Table, error) {
	m, err := ebpf.NewMap(&ebpf.MapSpec{
		Name: "dhcp_hwaddr", Type: ebpf.Array, Flags: unix.BPF_F_MMAPABLE,
		KeySize: 4, ValueSize: setSize, MaxEntries: 1 << f.log,
	})
	if err != nil {
		return nil, fmt.Errorf("create map of link-layer addresses: %w", explain(err))
	}
	var first [setSize]byte
	binary.NativeEndian.PutUint64(first[offLabel:], magic)
	_, _ = rand.Read(first[offLabel+8:][:8]) // never fails
	if err := m.Put(uint32(0), &first); err != nil {
		return nil, errors.Join(fmt.Errorf("label map of link-layer addresses: %w", explain(err)), m.Close())
	}
	return tableOf(m, f)
}

// tableOf makes a table of a map that has its label. It takes the map.
func tableOf(m *ebpf.Map, f filter) (*Table, error) {
	t := &Table{sets: m, filter: f}
	var err error
	if t.notes, err = mapNotes(t.sets, f.log); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	t.filter.sets, t.filter.seed = t.sets.FD(), t.notes.seed
	if t.prog, err = t.filter.load(); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// mapNotes makes the map's memory readable.
func mapNotes(m *ebpf.Map, log int) (*notes, error) {
	mem, err := unix.Mmap(m.FD(), 0, setSize<<log, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map link-layer addresses: %w", err)
	}
	n := &notes{sets: view(mem, log), log: log}
	n.seed = n.sets[0].label.seed
	runtime.AddCleanup(n, func(mem []byte) {
		_ = unix.Munmap(mem) // fails only for what is not mapped
	}, mem)
	return n, nil
}

func (f filter) load() (*ebpf.Program, error) {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "dhcp_hwaddr", Type: ebpf.SocketFilter, Instructions: f.program(), License: "BSD",
	})
	if err != nil {
		return nil, fmt.Errorf("load filter for link-layer addresses: %w", explain(err))
	}
	return p, nil
}

// explain says what to do about an error.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("needs CAP_BPF: %w", err)
	case errors.Is(err, unix.ENOSYS):
		return fmt.Errorf("needs a kernel with CONFIG_BPF_SYSCALL: %w", err)
	}
	if v := (*ebpf.VerifierError)(nil); errors.As(err, &v) || errors.Is(err, ebpf.ErrNotSupported) || errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("needs Linux 5.12, or 5.18 on arm64: %w", err)
	}
	return err
}

// Close gives up the filter. Sockets that have it keep it, and Lookup goes on to
// work for them.
func (t *Table) Close() error {
	var errs []error
	if t.prog != nil {
		errs = append(errs, t.prog.Close())
	}
	return errors.Join(append(errs, t.sets.Close())...)
}

// A Source tells from where the messages of one socket came.
type Source struct {
	notes  *notes
	device uint32
	v4     bool
}

// Attach puts the filter on a UDP socket of the table's family, in place of the one that it has.
// All sockets of a Table are in one network namespace. A socket that is bound to
// a device must be so already. What front ends, which has its context in R6, is rejected
// unseen.
func (t *Table) Attach(rc syscall.RawConn, front ...asm.Instruction) (*Source, error) {
	var s *Source
	var err error
	cerr := rc.Control(func(fd uintptr) { s, err = t.attach(int(fd), front) })
	if err := errors.Join(cerr, err); err != nil {
		return nil, fmt.Errorf("attach filter for link-layer addresses: %w", err)
	}
	return s, nil
}

func (t *Table) attach(fd int, front asm.Instructions) (*Source, error) {
	device, err := boundTo(fd)
	if err != nil {
		return nil, err
	}
	p := t.prog
	if device != 0 || len(front) > 0 {
		// What comes by a VRF is given to the filter as coming from the VRF device, and
		// to the reader as coming from the port. What both know is the socket's device.
		f := t.filter
		f.device, f.front = device, front
		if p, err = f.load(); err != nil {
			return nil, err
		}
		defer func() { _ = p.Close() }() // the socket has it now, or nobody wants it
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ATTACH_BPF, p.FD()); err != nil {
		return nil, fmt.Errorf("set SO_ATTACH_BPF: %w", err)
	}
	return &Source{notes: t.notes, device: device, v4: t.filter.v4}, nil
}

// boundTo returns the index of the device that a socket is bound to, or 0.
func boundTo(fd int) (uint32, error) {
	i, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX)
	if err != nil {
		return 0, fmt.Errorf("get SO_BINDTOIFINDEX: %w", err)
	}
	return uint32(i), nil
}

// Answer answers queries. A message must be asked about soon after it was read:
// after some 50,000 more have come it is forgotten. Messages of relays and those
// that came without an Ethernet header are unknown, and so are those of which two
// came that differ in nothing but this address: same link, source, type and
// transaction ID, or in DHCPv4 same link, chaddr and transaction ID. On a socket bound to a VRF the links of the VRF count as one.
//
// Another processor has written what is looked for, and not lately, so most of
// what an answer costs is to wait for memory. The queries of a batch wait
// together, if nothing stands between one load and the next.
func (s *Source) Answer(qs []Query) {
	for i := range qs {
		s.place(&qs[i])
	}
	for i := range qs {
		qs[i].set.fetch()
	}
	for i := range qs {
		qs[i].notes = qs[i].set.match(qs[i].key)
	}
	for i := range qs {
		q := &qs[i]
		q.MAC, q.Known = q.set.find(q.key, q.notes)
		q.set = nil
	}
	runtime.KeepAlive(s.notes) // and with it the mapping
}

// nobody is where those are looked for who cannot be known.
var nobody set

// place says where the answer to a query is.
func (s *Source) place(q *Query) {
	least := sizeHead
	if s.v4 {
		least = offChaddr + sizeChaddr
	}
	if len(q.Message) < least {
		q.set = &nobody
		return
	}
	scope := s.device
	if scope == 0 {
		scope = uint32(q.Link)
	}
	n := s.notes
	if s.v4 {
		q.key = newKey4(scope, q.Message)
	} else {
		q.key = newKey(scope, q.Src, q.Message)
	}
	q.set = &n.sets[q.key.index(n.seed, n.log)]
}
