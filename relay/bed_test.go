package relay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// daemonPath is where TestMain puts the daemon.
var daemonPath string

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(child())
	}
	os.Exit(run(m))
}

// run builds the daemon, as it is tested whole, with the race detector if the
// tests have it.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "dhcp-relay-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	daemonPath = filepath.Join(dir, "dhcp-relay")
	args := []string{"build", "-o", daemonPath}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "dhcp-relay/cmd/dhcp-relay")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the daemon: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// A bed is a router with the relay between clients and servers:
//
//	clients: cNAME ---- NAME :relay: up ---- s :servers
//	                    10.9.0.1/24            10.9.0.2/24, 10.9.0.3/24
//
// The servers route all of 10.0.0.0/8 by the relay.
type bed struct {
	t                       testing.TB
	relay, clients, servers *space
}

func newBed(t testing.TB) *bed {
	t.Helper()
	b := &bed{t, newSpace(t), newSpace(t), newSpace(t)}
	b.relay.Veth("up", b.servers.Space, "s")
	b.relay.Addr("up", "10.9.0.1/24")
	b.servers.Addr("s", "10.9.0.2/24", "10.9.0.3/24")
	b.servers.Route("10.0.0.0/8", "10.9.0.1")
	b.acquaint("10.9.0.1", "10.9.0.2", "10.9.0.3")
	return b
}

// acquaint tells relay and servers for good who has which address of the uplink: all
// namespaces of the machine share the kernel's neighbour table, and others fill it.
func (b *bed) acquaint(relay string, servers ...string) {
	b.t.Helper()
	b.servers.neighbour("s", relay, b.relay.Link("up").Attrs().HardwareAddr)
	for _, s := range servers {
		b.relay.neighbour("up", s, b.servers.Link("s").Attrs().HardwareAddr)
	}
}

// network makes a link of the relay with its addresses and attaches to its
// clients' end.
func (b *bed) network(name string, prefixes ...string) *network {
	b.t.Helper()
	b.relay.Veth(name, b.clients.Space, "c"+name)
	b.relay.Addr(name, prefixes...)
	return attach(b.clients, "c"+name)
}

// A daemon is the relay as a process.
type daemon struct {
	t      testing.TB
	cmd    *exec.Cmd
	log    *journal
	config string
	http   *http.Client
	space  *space
}

// start starts the daemon and waits until it relays. The log is JSON.
func (b *bed) start(config string, env ...string) *daemon {
	b.t.Helper()
	d := b.launch(config, env...)
	d.await("relaying", func() bool { return d.logged("relaying", nil) })
	return d
}

// launch starts the daemon and does not wait. At its end it must not have found
// a data race.
func (b *bed) launch(config string, env ...string) *daemon {
	b.t.Helper()
	return b.launchBy(nil, config, env...)
}

// launchBy is launch with a program that starts the daemon.
func (b *bed) launchBy(starter []string, config string, env ...string) *daemon {
	b.t.Helper()
	d := &daemon{t: b.t, log: &journal{}, config: filepath.Join(b.t.TempDir(), "relay.toml"), space: b.relay}
	d.write(config)
	args := append(slices.Clone(starter), daemonPath, "run", "--config", d.config)
	d.cmd = exec.Command(args[0], args[1:]...)
	d.cmd.Stderr = d.log
	// Else the race detector sleeps a second at the end.
	d.cmd.Env = append(append(os.Environ(), "GORACE=atexit_sleep_ms=0 exitcode=66"), env...)
	b.relay.start(d.cmd)
	d.http = &http.Client{Timeout: patient, Transport: &http.Transport{DialContext: d.dial}}
	b.t.Cleanup(func() {
		d.http.CloseIdleConnections()
		if strings.Contains(d.log.String(), "DATA RACE") || b.t.Failed() {
			b.t.Errorf("log of the daemon:\n%s", d.log)
		}
	})
	return d
}

func (d *daemon) write(config string) {
	d.t.Helper()
	if !strings.HasPrefix(config, "control.socket") {
		config = "control.socket = \"\"\n" + config
	}
	if err := os.WriteFile(d.config, []byte("log.format = \"json\"\n"+config), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// reload gives the daemon another configuration and waits until it says so.
func (d *daemon) reload(config, says string) {
	d.t.Helper()
	before := d.log.count(says)
	d.write(config)
	d.signal(syscall.SIGHUP)
	d.await(says, func() bool { return d.log.count(says) > before })
}

func (d *daemon) signal(s syscall.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		d.t.Fatal(err)
	}
}

// await polls until something holds.
func (d *daemon) await(what string, holds func() bool) {
	d.t.Helper()
	for end := time.Now().Add(patient); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatalf("not in time: %s", what)
		}
	}
}

// awaitCount polls until a count is what is wanted. How long a flood takes is the
// machine's affair: only a count that stands still is too late.
func (d *daemon) awaitCount(what string, want int, count func() int) {
	d.t.Helper()
	last, end := -1, time.Time{}
	for {
		n := count()
		if n == want {
			return
		}
		if n != last {
			last, end = n, time.Now().Add(patient)
		} else if time.Now().After(end) {
			d.t.Fatalf("%s: stays at %d, want %d", what, n, want)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// dial connects within the daemon's namespace.
func (d *daemon) dial(ctx context.Context, network, addr string) (c net.Conn, err error) {
	err = d.space.In(func() error {
		c, err = new(net.Dialer).DialContext(ctx, network, addr)
		return err
	})
	return c, err
}

// A scrape is what /metrics shows: series, as it is written there, to value.
type scrape map[string]float64

func (d *daemon) scrape() scrape {
	d.t.Helper()
	resp, err := d.http.Get("http://127.0.0.1:9867/metrics")
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	s := make(scrape)
	for line := range strings.Lines(string(body)) {
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || line[0] == '#' {
			continue
		}
		if s[line[:i]], err = strconv.ParseFloat(strings.TrimSpace(line[i:]), 64); err != nil {
			d.t.Fatalf("metrics: %q: %v", line, err)
		}
	}
	return s
}

// sum adds up the series of a metric that have all of the labels.
func (s scrape) sum(name string, labels ...string) (n int) {
series:
	for k, v := range s {
		if k != name && !strings.HasPrefix(k, name+"{") {
			continue
		}
		for _, l := range labels {
			if !strings.Contains(k, l) {
				continue series
			}
		}
		n += int(v)
	}
	return n
}

// outcome adds up the messages with an outcome.
func (s scrape) outcome(o string) int { return s.sum("dhcp_relay_messages_total", `outcome="`+o+`"`) }

// awaitOutcome waits until so many messages have had an outcome.
func (d *daemon) awaitOutcome(o string, n int) {
	d.t.Helper()
	d.await(fmt.Sprintf("%d messages %s", n, o), func() bool { return d.scrape().outcome(o) == n })
}

// balanced fails unless every message that was read has had one outcome.
func (d *daemon) balanced() scrape {
	d.t.Helper()
	s := d.scrape()
	if r, m := s.sum("dhcp_relay_received_total"), s.sum("dhcp_relay_messages_total"); r != m {
		d.t.Errorf("received %d, counted %d", r, m)
	}
	return s
}

// logged reports whether there is a record with a message and attributes.
func (d *daemon) logged(msg string, attrs map[string]any) bool { return d.log.find(msg, attrs) > 0 }

// A journal keeps what a daemon logs.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

func (j *journal) count(msg string) int { return j.find(msg, nil) }

// find counts the records with a message and attributes.
func (j *journal) find(msg string, attrs map[string]any) (n int) {
records:
	for line := range strings.Lines(j.String()) {
		var r map[string]any
		if json.Unmarshal([]byte(line), &r) != nil || r["msg"] != msg {
			continue
		}
		for k, v := range attrs {
			if r[k] != v {
				continue records
			}
		}
		n++
	}
	return n
}

// suspend stops the daemon until resume.
func (d *daemon) suspend() {
	d.t.Helper()
	d.signal(syscall.SIGSTOP)
	d.await("it stands still", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", d.cmd.Process.Pid))
		return err == nil && bytes.Contains(stat, []byte(") T "))
	})
}

func (d *daemon) resume() { d.t.Helper(); d.signal(syscall.SIGCONT) }
