package deploytest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/client"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/server"
)

// A fleet is two relays with clients that log in again and again, one server for both,
// and a Prometheus and an Alertmanager beside the server with the files of deploy.
type fleet struct {
	t       *testing.T
	routers []*netns.NS
	dir     string
	program string
	far     *netns.NS
	server  *server.Server

	mu    sync.Mutex
	pages []string // what Alertmanager has sent: receiver, state, alert, in order
}

// TestAPageInRealTime kills a server below relays that were well: one page comes within
// three minutes, no other follows, status says the same, and it ends.
func TestAPageInRealTime(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.pagedOnce("DHCPRelayServerDead", func() { f.must(f.server.Close()) }, f.serve)
}

// TestAPageForALostRoute does the same to the route of one relay: it can reach no server,
// and the other one can.
func TestAPageForALostRoute(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	route := func(do string) func() {
		return func() { f.in(f.routers[0], "ip", "route", do, "10.9.1.0/24", "via", "10.9.0.2") }
	}
	f.pagedOnce("DHCPRelayServerSilent", route("del"), route("add"))
}

// pagedOnce has something fail, and be repaired: one page comes in time, and ends.
func (f *fleet) pagedOnce(alert string, fail, repair func()) {
	t := f.t
	t.Helper()
	f.until(2*time.Minute, "both relays are well", func() bool {
		return strings.Count(f.query(`dhcp_relay_server_state{state="answering"} == 1`), "=>") == 2
	})
	if firing := f.query(`ALERTS`); firing != "" {
		t.Fatalf("before it: %s", firing)
	}
	fail()
	failed := time.Now()
	f.until(4*time.Minute, "a page", func() bool { return len(f.sent()) > 0 })
	if took := time.Since(failed); took > 3*time.Minute {
		t.Errorf("the page came after %v, want 3m at most", took)
	} else {
		t.Logf("the page came after %v", took.Round(time.Second))
	}
	status, _ := exec.CommandContext(t.Context(), f.program, "status", "--socket", f.dir+"/1.sock").CombinedOutput()
	if said := string(status); !strings.Contains(said, "unreachable") && !strings.Contains(said, "silent") {
		t.Errorf("status knows of no silent server:\n%s", said)
	}
	// What is inhibited would be here by now.
	time.Sleep(75 * time.Second)
	want := []string{"pager firing " + alert}
	if got := f.sent(); !slices.Equal(want, got) {
		t.Errorf("sent: %q, want %q", got, want)
	}
	repair()
	back := time.Now()
	f.until(3*time.Minute, "the end", func() bool { return slices.Contains(f.sent(), "pager resolved "+alert) })
	t.Logf("resolved %v after the repair", time.Since(back).Round(time.Second))
	f.until(time.Minute, "no alert", func() bool { return f.query(`ALERTS{alertstate="firing"}`) == "" })
	want = append(want, "pager resolved "+alert)
	if got := f.sent(); !slices.Equal(want, got) {
		t.Errorf("sent: %q, want %q", got, want)
	}
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	if os.Getenv("RELAY_TEST_ALERTS") == "" {
		t.Skip("it takes some minutes: make alerts")
	}
	netns.Require(t)
	for _, p := range []string{"prometheus", "promtool", "prometheus-alertmanager"} {
		if _, err := exec.LookPath(p); err != nil {
			netns.Skip(t, "no "+p+": see .ci/deps")
		}
	}
	f := &fleet{t: t, dir: t.TempDir(), far: netns.Test(t, "far")}
	f.program = filepath.Join(f.dir, "dhcp-relay")
	run(t, "go", "build", "-buildvcs=false", "-o", f.program, "dhcp-relay/cmd/dhcp-relay")
	f.routers = []*netns.NS{netns.Test(t, "router1"), netns.Test(t, "router2")}
	var ports []string
	for i, r := range f.routers {
		ports = append(ports, fmt.Sprintf("port%d", i+1))
		f.must(netns.Veth(r, "up0", f.far, ports[i]))
	}
	f.must(f.far.Bridge("br0", ports...), f.far.Addr("br0", "10.9.0.2/24"), f.far.Addr("br0", "10.9.1.2/32"))
	for i, r := range f.routers {
		f.router(r, i+1)
	}
	f.serve()
	f.monitor()
	return f
}

// router starts a relay and a client of it. The server answers from another address than
// the one that it is asked at, of which no alert comes.
func (f *fleet) router(r *netns.NS, n int) {
	f.t.Helper()
	c := netns.Test(f.t, fmt.Sprintf("client%d", n))
	up := fmt.Sprintf("10.9.0.1%d", n)
	f.must(
		netns.Veth(r, "lan0", c, "eth0"), r.Addr("lan0", fmt.Sprintf("10.1.%d.1/24", n)), r.Addr("up0", up+"/24"),
		f.far.Route(fmt.Sprintf("10.1.%d.0/24", n), up), r.Forward(), r.Route("10.9.1.0/24", "10.9.0.2"),
	)
	config := f.write(fmt.Sprintf("%d.toml", n), strings.Replace(routerConfig, "10.9.0.2", "10.9.1.2", 1)+fmt.Sprintf(
		"[control]\nsocket = %q\n[metrics]\nlisten = \"%s:9867\"\n", fmt.Sprintf("%s/%d.sock", f.dir, n), up))
	f.start(r, f.program, "run", "--config", config)
	ctx, cancel := context.WithCancel(f.t.Context())
	var done sync.WaitGroup
	done.Go(func() { logins(ctx, f.t, c) })
	f.t.Cleanup(func() { cancel(); done.Wait() })
}

// logins has a client ask for an address again and again, in vain or not.
func logins(ctx context.Context, t *testing.T, n *netns.NS) {
	for ctx.Err() == nil {
		c, err := client.New(n, "eth0", client.Config{Scale: 0.25, Tries: 3})
		if err != nil {
			t.Errorf("a client: %v", err)
			return
		}
		_, _ = c.Login(ctx)
		if err := c.Close(); err != nil {
			t.Errorf("a client: %v", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// serve starts the DHCP server.
func (f *fleet) serve() {
	f.t.Helper()
	conf := server.Config{ID: netip.MustParseAddr("10.9.0.2")}
	for n := byte(1); n <= 2; n++ {
		at := func(host byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 1, n, host}) }
		conf.Subnets = append(conf.Subnets, server.Subnet{Prefix: netip.PrefixFrom(at(0), 24), First: at(100), Last: at(200)})
	}
	s, err := server.Start(f.far, "br0", conf)
	f.must(err)
	f.server = s
	f.t.Cleanup(func() { _ = s.Close() })
}

// monitor starts Prometheus as it is by default, but for its targets, and Alertmanager
// with routes that lead here, and do not wait so long before they tell of the end.
func (f *fleet) monitor() {
	f.t.Helper()
	var l net.Listener
	f.must(f.far.Do(func() (err error) {
		l, err = new(net.ListenConfig).Listen(f.t.Context(), "tcp", "127.0.0.1:9099")
		return err
	}))
	hook := &http.Server{Handler: http.HandlerFunc(f.hear), ReadHeaderTimeout: patient}
	go func() { _ = hook.Serve(l) }()
	f.t.Cleanup(func() { _ = hook.Close() })
	b, err := os.ReadFile(filepath.Join(deployDir, RoutesFile))
	f.must(err)
	routes := strings.Replace(string(b), "group_interval: 5m", "group_interval: 15s", 1)
	for _, r := range []string{"pager", "tickets"} {
		routes = strings.Replace(routes, "  - name: "+r+"\n", "  - name: "+r+"\n    webhook_configs: [{url: 'http://127.0.0.1:9099'}]\n", 1)
	}
	f.start(f.far, "prometheus-alertmanager", "--config.file="+f.write("alertmanager.yml", routes), "--storage.path="+f.dir+"/am", "--cluster.listen-address=")
	rules, err := filepath.Abs(filepath.Join(deployDir, RulesFile))
	f.must(err)
	f.start(f.far, "prometheus", "--storage.tsdb.path="+f.dir+"/prometheus", "--config.file="+f.write("prometheus.yml", `
rule_files: [`+rules+`]
alerting: {alertmanagers: [{static_configs: [{targets: ["127.0.0.1:9093"]}]}]}
scrape_configs:
  - job_name: routers
    scrape_interval: 15s
    static_configs: [{targets: ["10.9.0.11:9867", "10.9.0.12:9867"]}]
`))
}

// hear takes what Alertmanager sends.
func (f *fleet) hear(_ http.ResponseWriter, r *http.Request) {
	var m struct {
		Receiver string
		Alerts   []struct {
			Status string
			Labels map[string]string
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		f.t.Errorf("from Alertmanager: %v", err)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range m.Alerts {
		f.pages = append(f.pages, m.Receiver+" "+a.Status+" "+a.Labels["alertname"])
	}
}

func (f *fleet) sent() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.pages)
}

// query asks Prometheus: a line for each series.
func (f *fleet) query(expr string) string {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patient)
	defer cancel()
	// It does not answer while it starts.
	out, _ := f.far.Run(ctx, "promtool", "query", "instant", "http://127.0.0.1:9090", expr)
	return strings.TrimSpace(string(out))
}

func (f *fleet) until(limit time.Duration, what string, is func() bool) {
	f.t.Helper()
	for end := time.Now().Add(limit); !is(); time.Sleep(time.Second) {
		if time.Now().After(end) {
			f.t.Fatalf("%s: not within %v; alerts:\n%s\nsent: %q", what, limit, f.query("ALERTS"), f.sent())
		}
	}
}

// in runs a command in a namespace.
func (f *fleet) in(n *netns.NS, name string, args ...string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), patient)
	defer cancel()
	if out, err := n.Run(ctx, name, args...); err != nil {
		f.t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
}

func (f *fleet) start(n *netns.NS, name string, args ...string) {
	f.t.Helper()
	said := &output{}
	p, err := n.Start(name, args, said)
	f.must(err)
	f.t.Cleanup(func() {
		p.Stop()
		if f.t.Failed() {
			f.t.Logf("%s says:\n%s", name, said)
		}
	})
}

func (f *fleet) write(name, text string) string {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	f.must(os.WriteFile(path, []byte(text), 0o600))
	return path
}

func (f *fleet) must(errs ...error) {
	f.t.Helper()
	for _, err := range errs {
		if err != nil {
			f.t.Fatal(err)
		}
	}
}
