// Package metrics counts what the relay does and shows it to Prometheus and to
// people, over HTTP. The way of a message only adds to atomics that were
// resolved before; whatever is dear happens at a scrape. It must not learn
// addresses or identifiers of clients, and nothing here may hold up a message.
package metrics

import (
	"cmp"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"dhcp-relay/relay/wire/dhcp"
)

// maxLinks bounds the label "interface" where more interfaces than that are in use
// at once.
const maxLinks = 16384

// other is the label "interface" of what belongs to no interface of its own.
const other = "other"

// Metrics holds every counter of one relay. It is safe for concurrent use; the
// zero value is not usable, New makes one.
type Metrics struct {
	version  string
	registry *prometheus.Registry
	gatherer *gatherer
	types    [dhcp.Families]types

	received     [dhcp.Families]Counter
	serverErrors errnoCounts
	clientErrors errnoCounts
	state        atomic.Pointer[func() State]

	mu      sync.Mutex // for what follows; never held by the way of a message
	links   map[string]*Link
	ordered []*Link // by name
	servers map[serverKey]*Server
	inOrder []*Server // of their first use; appended to, or made anew
	use     uint64    // number of the latest InUse
	swept   time.Time
	late    []late
	retired [dhcp.Families]uint64 // messages that were counted on links of former times
	drops   [dhcp.Families][]func() uint64
}

type serverKey struct{ addr, vrf string }

// New returns metrics with a registry of their own. The version is shown in
// dhcp_relay_build_info beside what the Go toolchain recorded.
func New(version string) *Metrics {
	m := newMetrics(version, runtime.Version(), revision())
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// newMetrics returns metrics without those of the runtime and the process.
func newMetrics(version, goversion, revision string) *Metrics {
	m := &Metrics{
		version:  version,
		registry: prometheus.NewRegistry(),
		types:    [dhcp.Families]types{dhcp.V4: newTypes(name4), dhcp.V6: newTypes(name6)},
		links:    make(map[string]*Link),
		servers:  make(map[serverKey]*Server),
	}
	m.gatherer = newGatherer(m, version, goversion, revision)
	return m
}

// revision returns the revision of the source, or empty if the build has none.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

// Registry returns the registry, for collectors of others. It holds those of
// the runtime and the process; the relay's own metrics come with Gatherer.
func (m *Metrics) Registry() prometheus.Registerer { return m.registry }

// Gatherer gathers every metric.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.gatherer }

// Link returns the counters of the interface of that name: the same ones until
// Sweep ends them, so that they survive a reload and an interface that is made anew.
// The empty name is for messages of interfaces that are not configured; they show as
// interface="other", as do interfaces beyond 16,384 that are in use at once.
func (m *Metrics) Link(name string) *Link {
	name = text(name)
	if name == "" {
		name = other
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.links) >= maxLinks && m.links[name] == nil {
		m.makeRoom()
		if len(m.links) >= maxLinks {
			name = other
		}
	}
	l := m.links[name]
	if l == nil {
		l = &Link{name: name, pair: pair("interface", name), types: &m.types}
		m.links[name] = l
		i, _ := slices.BinarySearchFunc(m.ordered, name, func(l *Link, name string) int {
			return cmp.Compare(l.name, name)
		})
		m.ordered = slices.Insert(m.ordered, i, l)
	}
	l.gone = time.Time{}
	return l
}

// Received returns the counter of messages read from the sockets of a family.
// It is independent of Link.Count, so that a message that is lost between the
// two shows.
func (m *Metrics) Received(f dhcp.Family) *Counter { return &m.received[f] }

// Server returns the counters of the server at addr (host:port), reached by
// the VRF device named vrf, or "". The same arguments yield the same counters, until
// Sweep ends them.
func (m *Metrics) Server(addr, vrf string) *Server {
	key := serverKey{text(addr), text(vrf)}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.servers[key]
	if s == nil {
		s = &Server{addr: pair("server", key.addr), vrf: pair("vrf", key.vrf), errors: &m.serverErrors}
		m.servers[key] = s
		m.inOrder = append(m.inOrder, s)
	}
	s.gone = time.Time{}
	return s
}

// ClientSendError counts one message towards a client that the kernel refused.
func (m *Metrics) ClientSendError(errno syscall.Errno) { m.clientErrors.inc(errno) }

// SetSocketDrops adds a source of dhcp_relay_socket_drops_total: read is called
// at every scrape, also concurrently, and returns the messages that the kernel
// has dropped so far. Sources of one family add up. A source stays for good:
// once its socket is closed it must keep returning the last count.
func (m *Metrics) SetSocketDrops(f dhcp.Family, read func() uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drops[f] = append(m.drops[f], read)
}

// SetState sets what tells the state of the relay: state is called at every
// scrape, also concurrently, and must return soon.
func (m *Metrics) SetState(state func() State) { m.state.Store(&state) }
