// Package count counts what the relay does. The way of a message only adds to
// atomics that were resolved before; who reads them pays. It must not learn
// addresses or identifiers of clients, and nothing here may hold up a message.
package count

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/senderror"
	"dhcp-relay/relay/wire/dhcp"
)

// maxLinks bounds the names of interfaces where more than that are in use at once.
const maxLinks = 16384

// Other is the name of what belongs to no interface of its own.
const Other = "other"

// A Table holds every counter of one relay. It is safe for concurrent use; the
// zero value is not usable, New makes one.
type Table struct {
	types    [dhcp.Families]types
	received [dhcp.Families]Counter
	errors   [senderror.NumTowards]errors

	groups  atomic.Pointer[[]GroupServer]
	classes atomic.Pointer[[]*Class]

	mu      sync.Mutex // for what follows; never held by the way of a message
	links   map[string]*Link
	ordered []*Link // by name
	servers map[ServerID]*Server
	inOrder []*Server // of their first use; appended to, or made anew
	use     uint64    // number of the latest InUse
	swept   time.Time
	late    []late
	retired [dhcp.Families]uint64 // messages that were counted on links of former times
	drops   [dhcp.Families][]func() uint64
}

// New returns a table in which nothing is counted.
func New() *Table {
	return &Table{
		types:   [dhcp.Families]types{dhcp.V4: newTypes(name4), dhcp.V6: newTypes(name6)},
		links:   make(map[string]*Link),
		servers: make(map[ServerID]*Server),
	}
}

// A Counter counts up. It is safe for concurrent use; the zero value is 0.
type Counter struct{ n atomic.Uint64 }

// Inc adds 1.
func (c *Counter) Inc() { c.n.Add(1) }

// Add adds n.
func (c *Counter) Add(n uint64) { c.n.Add(n) }

// Value returns the count.
func (c *Counter) Value() uint64 { return c.n.Load() }

// text returns s as all readers can show it: the kernel takes any octets in the
// name of an interface, Prometheus and JSON take UTF-8 only.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// Link returns the counters of the interface of that name: the same ones until
// Sweep ends them, so that they survive a reload and an interface that is made anew.
// The empty name is for messages of interfaces that are not configured; they are
// counted as Other, as are interfaces beyond 16,384 that are in use at once.
func (t *Table) Link(name string) *Link {
	name = text(name)
	if name == "" {
		name = Other
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.links) >= maxLinks && t.links[name] == nil {
		t.makeRoom()
		if len(t.links) >= maxLinks {
			name = Other
		}
	}
	l := t.links[name]
	if l == nil {
		l = &Link{name: name, types: &t.types}
		t.links[name] = l
		i, _ := slices.BinarySearchFunc(t.ordered, name, func(l *Link, name string) int {
			return cmp.Compare(l.name, name)
		})
		t.ordered = slices.Insert(t.ordered, i, l)
	}
	l.gone = time.Time{}
	return l
}

// Links returns what is counted of interfaces, by name, and how many messages were
// counted on those that have ended.
func (t *Table) Links() (links []*Link, retired [dhcp.Families]uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.ordered), t.retiredNow()
}

// Received returns the counter of messages read from the sockets of a family.
// It is independent of Link.Count, so that a message that is lost between the
// two shows.
func (t *Table) Received(f dhcp.Family) *Counter { return &t.received[f] }

// Server returns the counters of the server at an address, reached by the VRF device
// named vrf, or "". The same arguments yield the same counters, until Sweep ends
// them.
func (t *Table) Server(addr netip.AddrPort, vrf string) *Server {
	key := ServerID{addr, text(vrf)}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.servers[key]
	if s == nil {
		s = &Server{ServerID: key, errors: &t.errors[senderror.Servers]}
		t.servers[key] = s
		t.inOrder = append(t.inOrder, s)
	}
	if addr.Addr().IsMulticast() {
		s.Health.Fix(health.Group)
	}
	s.gone = time.Time{}
	return s
}

// Servers returns what is counted of servers, in the order of their first use.
func (t *Table) Servers() []*Server {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clip(t.inOrder)
}

// ClientSendError counts one message towards a client that the kernel refused.
func (t *Table) ClientSendError(errno syscall.Errno) { t.errors[senderror.Clients].inc(errno) }

// SetSocketDrops adds a source of SocketDrops: read is called whenever that is,
// also concurrently, and returns the messages that the kernel has dropped so far.
// Sources of one family add up. A source stays for good: once its socket is closed
// it must keep returning the last count.
func (t *Table) SetSocketDrops(f dhcp.Family, read func() uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drops[f] = append(t.drops[f], read)
}

// SocketDrops returns how many messages of a family the kernel has dropped because a
// receive buffer was full, and whether anything tells.
func (t *Table) SocketDrops(f dhcp.Family) (sum uint64, known bool) {
	t.mu.Lock()
	sources := t.drops[f]
	t.mu.Unlock()
	for _, read := range sources {
		sum += read()
	}
	return sum, len(sources) > 0
}
