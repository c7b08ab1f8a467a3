package metrics

import (
	"bytes"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/icmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A bed is a table with its metrics.
type bed struct {
	*count.Table
	*Metrics
}

// plain has no metrics of the runtime and the process.
func plain() bed {
	c := count.New()
	return bed{c, newMetrics(c, "1.2.3", "go1.26", "abcdef")}
}

func withRuntime() bed {
	c := count.New()
	return bed{c, New("1.2.3", c)}
}

// full fills m so that every metric has a series, and none that differs from
// run to run.
func full(m bed) {
	vlan10 := m.Link("vlan10")
	for range 3 {
		m.Received(dhcp.V4).Inc()
		vlan10.Count(dhcp.V4, dhcp.Requests, uint8(bootp.Discover), agent.Relayed)
	}
	m.Received(dhcp.V4).Add(6)
	vlan10.Count(dhcp.V4, dhcp.Replies, uint8(bootp.Offer), agent.Relayed)
	vlan10.Count(dhcp.V4, dhcp.Requests, 0, agent.BootpRefused)
	vlan10.Count(dhcp.V4, dhcp.Requests, 200, agent.HopLimit)
	vlan10.Count(dhcp.V4, dhcp.Requests, agent.TypeInvalid, agent.Short)
	vlan10.OmittedOption82()
	vlan10.OmittedOption79()
	vlan10.Unidentified(dhcp.V4)
	m.Link("").Count(dhcp.V4, dhcp.Requests, uint8(bootp.DHCPRequest), agent.NotConfigured)
	m.Link("odd\xff").Count(dhcp.V4, dhcp.Requests, uint8(bootp.Release), agent.NoGiaddr)
	m.Received(dhcp.V6).Inc()
	m.Link("vlan20").Count(dhcp.V6, dhcp.Requests, 1, agent.Relayed)

	s := m.Server(netip.MustParseAddrPort("10.9.0.2:67"), "")
	s.Sent()
	s.Failed(syscall.ENETUNREACH)
	s.Failed(syscall.ENOTTY)
	s.Replied()
	s.Answered(300 * time.Microsecond)
	s.Answered(time.Minute)
	s.Unanswered()
	s.Health.Replied(1, netip.Addr{}, time.Second)
	s.Health.Judge(2*time.Second, time.Unix(1_700_000_002, 0))
	s.ICMP[icmp.PortClosed].Inc()
	vlan10.Unanswered(dhcp.V4)
	vlan10.Unsent(dhcp.V4)
	vlan10.Answered(dhcp.V4)
	for range 3 {
		vlan10.Expected(dhcp.V4)
	}
	vlan10.BroadcastCleared()
	vlan10.NewClient(dhcp.V4)
	vlan10.ShedUnread(dhcp.V6, 11)
	m.Server(netip.MustParseAddrPort("10.9.0.3:67"), "mgmt").Sent()
	m.SetClasses([]string{"voip"})[0].Requests[dhcp.V4].Add(3)
	m.SetGroups([]count.GroupServer{
		{Group: "campus", Mode: "failover", Server: s.ServerID, Active: true},
		{Group: "campus", Mode: "failover", Server: count.ServerID{Addr: netip.MustParseAddrPort("10.9.0.3:67"), VRF: "mgmt"}},
	})
	m.ClientSendError(syscall.ENETDOWN)
	m.SetSocketDrops(dhcp.V4, func() uint64 { return 5 })
	m.SetSocketDrops(dhcp.V4, func() uint64 { return 7 })
	m.SetState(func() State {
		return State{
			ConfigOK:   true,
			ConfigTime: time.Unix(1_700_000_000, 250e6),
			ConfigHash: "0f1e2d",
			Differs:    true,
			Interfaces: 3,
			Listeners:  []ListenerState{{"metrics", true, []Refused{{"full", 9}, {"host", 10}}}, {"control", false, nil}},
			Stale:      true,
			Landlock:   true,
			NoNewPrivs: true,
			Resyncs:    9,
			Reloads:    3,
			Refused:    1,
			Open:       [dhcp.Families]int{4, 5},
			Evicted:    [dhcp.Families]uint64{6, 7},
			Unseen:     8,
			Opened:     1,
			TakenOver:  2,
			Probes: []ProbeState{
				{Interface: "vlan20", Server: "10.9.0.2:67"},
				{Interface: "vlan10", Server: "10.9.0.2:67", VRF: "mgmt", Success: true, Duration: 0.002},
			},
			Names:   []NameState{{"kea.example.net", 1, false}, {"none.example.net", 0, true}},
			Servers: []ServerInfo{{Server: "10.9.0.2:67", Name: "kea", Host: "kea.example.net"}, {Server: "10.9.0.3:67", VRF: "mgmt"}},
			Links: []LinkState{
				{Name: "vlan10", Address: "192.0.2.1", Servers: 2},
				{Name: "vlan10", Family: dhcp.V6, Address: "2001:db8:1::1", Servers: 1},
				{Name: "vlan30", State: agent.Missing},
			},
		}
	})
}

// gather returns the families of m by name.
func gather(t *testing.T, m bed) map[string]*dto.MetricFamily {
	t.Helper()
	list, err := m.gatherer.Gather()
	if err != nil {
		t.Fatalf("gather: %v", err)
	}
	byName := make(map[string]*dto.MetricFamily, len(list))
	for _, f := range list {
		byName[f.GetName()] = f
	}
	return byName
}

// value returns the one series of a family that has all of the given label
// values, and -1 if there is none.
func value(f *dto.MetricFamily, labels map[string]string) float64 {
next:
	for _, s := range f.GetMetric() {
		for _, l := range s.GetLabel() {
			if want, ok := labels[l.GetName()]; ok && l.GetValue() != want {
				continue next
			}
		}
		return s.GetCounter().GetValue() + s.GetGauge().GetValue()
	}
	return -1
}

func TestGolden(t *testing.T) {
	t.Parallel()
	m := plain()
	full(m)
	list, err := m.gatherer.Gather()
	if err != nil {
		t.Fatalf("gather: %v", err)
	}
	var b bytes.Buffer
	for _, f := range list {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatalf("format: %v", err)
		}
	}
	got := b.Bytes()
	path := filepath.Join("testdata", "full.prom")
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("exposition (-want +got):\n%s", diff)
	}
}

// An interface has a series for each state, of which one is 1: none comes and goes.
func TestInterfaceStateIsAStateSet(t *testing.T) {
	t.Parallel()
	m := withRuntime()
	m.SetState(func() State { return State{Links: []LinkState{{Name: "vlan10", State: agent.Down}}} })
	f := gather(t, m)["dhcp_relay_interface_state"]
	if len(f.GetMetric()) != agent.NumStates {
		t.Errorf("%d series, want one for each of %d states", len(f.GetMetric()), agent.NumStates)
	}
	for i := range agent.NumStates {
		s, want := agent.State(i), 0.0
		if s == agent.Down {
			want = 1
		}
		if got := value(f, map[string]string{"interface": "vlan10", "family": "ipv4", "state": s.String()}); got != want {
			t.Errorf("state %s shows %v, want %v", s, got, want)
		}
	}
}

func TestLint(t *testing.T) {
	t.Parallel()
	m := withRuntime()
	full(m)
	problems, err := testutil.GatherAndLint(m.gatherer)
	if err != nil {
		t.Fatalf("lint: %v", err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// Docs is what the README is checked against, so it must be what is exposed.
func TestDocs(t *testing.T) {
	t.Parallel()
	m := withRuntime()
	full(m)
	got := make(map[string]MetricDoc)
	for name, f := range gather(t, m) {
		if !strings.HasPrefix(name, "dhcp_relay_") {
			continue
		}
		d := MetricDoc{Name: name, Type: strings.ToLower(f.GetType().String()), Help: f.GetHelp()}
		for _, l := range f.GetMetric()[0].GetLabel() {
			d.Labels = append(d.Labels, l.GetName())
		}
		got[name] = d
	}
	want := make(map[string]MetricDoc)
	for _, d := range Docs() {
		want[d.Name] = d
		if !strings.HasSuffix(d.Help, ".") {
			t.Errorf("%s: help %q is no sentence", d.Name, d.Help)
		}
	}
	if len(want) != numSeries {
		t.Errorf("%d names for %d metrics", len(want), numSeries)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func TestNewHasRuntimeAndBuild(t *testing.T) {
	t.Parallel()
	m := withRuntime()
	all := gather(t, m)
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes", "process_open_fds"} {
		if all[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
	if got := value(all["dhcp_relay_build_info"], map[string]string{"version": "1.2.3"}); got != 1 {
		t.Errorf("build_info = %v, want 1", got)
	}
	if f := all["dhcp_relay_interface_state"]; f != nil {
		t.Errorf("state is shown before it is known: %v", f)
	}
}
