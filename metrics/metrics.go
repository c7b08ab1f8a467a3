//go:build !small

package metrics

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"dhcp-relay/relay/observe/count"
)

// Metrics shows a table of counters and the state of a relay. It is safe for
// concurrent use; the zero value is not usable, New makes one.
type Metrics struct {
	counts   *count.Table
	registry *prometheus.Registry
	gatherer *gatherer
	state    atomic.Pointer[func() State]
}

// New returns metrics of the counters, with a registry of their own. The version is
// shown in dhcp_relay_build_info beside what the Go toolchain recorded.
func New(version string, counts *count.Table) *Metrics {
	m := newMetrics(counts, version, runtime.Version(), revision())
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// newMetrics returns metrics without those of the runtime and the process.
func newMetrics(counts *count.Table, version, goversion, revision string) *Metrics {
	m := &Metrics{counts: counts, registry: prometheus.NewRegistry()}
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

// SetState sets what tells the state of the relay: state is called at every
// scrape, also concurrently, and must return soon.
func (m *Metrics) SetState(state func() State) { m.state.Store(&state) }
