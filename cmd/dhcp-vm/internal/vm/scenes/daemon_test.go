package scenes

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"dhcp-relay/cmd/lab/netns"
)

// metricsURL is where the daemon serves its metrics unless it is told otherwise.
const metricsURL = "http://127.0.0.1:9867/metrics"

// A daemon is dhcp-relay, running on the router.
type daemon struct {
	t    *testing.T
	proc *netns.Proc // nil: systemd's
	log  *journal
	http *http.Client
}

// start starts the daemon and waits until it relays. At the test's end its
// counters must show what the bed wants.
func (b *bed) start(config string) { b.t.Helper(); b.startBy(nil, config) }

// startBy is start by another program, whose last arguments are the daemon's
// command.
func (b *bed) startBy(program []string, config string) {
	b.t.Helper()
	b.launch(config, "", append(slices.Clone(program), daemonPath))
}

// launch starts the daemon by a command that sees the file systems from a root,
// "" for all.
func (b *bed) launch(config, root string, command []string) {
	b.t.Helper()
	dir := root
	if root == "" {
		dir = b.t.TempDir()
	}
	file := filepath.Join(dir, "relay.toml")
	must(b.t, os.WriteFile(file, []byte("control.socket = \"\"\n"+config), 0o600))
	d := b.observed()
	d.log = &journal{}
	command = append(command, "run", "--config", strings.TrimPrefix(file, root))
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = d.log, d.log
	var err error
	d.proc, err = b.router.StartCmd(cmd)
	must(b.t, err)
	b.daemon = d
	b.t.Cleanup(func() { d.stop() })
	d.await("the daemon relays", func() bool { return strings.Contains(d.log.String(), "msg=relaying") })
}

// observed returns a daemon on the router whose metrics can be read.
func (b *bed) observed() *daemon {
	return &daemon{t: b.t, http: &http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (c net.Conn, err error) {
			err = b.router.Do(func() error {
				c, err = new(net.Dialer).DialContext(ctx, network, addr)
				return err
			})
			return c, err
		},
	}}}
}

// done is closed when the daemon has ended, if it is a process of the test's.
func (d *daemon) done() <-chan struct{} {
	if d.proc == nil {
		return nil
	}
	return d.proc.Done()
}

// stop ends the daemon, which must have lived until then, and must end at once.
func (d *daemon) stop() {
	if d.t.Failed() {
		if c, err := d.counts(); err == nil {
			d.t.Logf("messages: %v", c.by)
		}
	}
	if err := d.proc.Signal(syscall.SIGTERM); err != nil {
		d.t.Errorf("the daemon had ended: %v", d.proc.Wait())
	}
	select {
	case <-d.proc.Done():
	case <-time.After(patience):
		d.t.Error("the daemon does not end")
	}
	if d.t.Failed() || strings.Contains(d.log.String(), "panic:") {
		d.t.Errorf("log of the daemon:\n%s", d.log)
	}
}

// await polls until something holds.
func (d *daemon) await(what string, holds func() bool) {
	d.t.Helper()
	d.awaitFor(patience, what, holds)
}

func (d *daemon) awaitFor(most time.Duration, what string, holds func() bool) {
	d.t.Helper()
	for end := time.Now().Add(most); !holds(); time.Sleep(5 * time.Millisecond) {
		select {
		case <-d.done():
			d.t.Fatalf("the daemon has ended: %v", d.proc.Wait())
		default:
		}
		if time.Now().After(end) {
			d.t.Fatalf("not in time: %s", what)
		}
	}
}

// scrape returns the relay's metrics.
func (d *daemon) scrape() (map[string]*dto.MetricFamily, error) {
	resp, err := d.http.Get(metricsURL)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	p := expfmt.NewTextParser(model.UTF8Validation)
	return p.TextToMetricFamilies(resp.Body)
}

// A tally is the counts of messages that are not zero, by "interface direction
// type outcome", how many were received, and what could not be sent.
type tally struct {
	by       map[string]int
	received int
	errors   []*dto.Metric
}

func (d *daemon) counts() (tally, error) {
	families, err := d.scrape()
	if err != nil {
		return tally{}, err
	}
	c := tally{by: map[string]int{}, errors: families["dhcp_relay_send_errors_total"].GetMetric()}
	for _, m := range families["dhcp_relay_messages_total"].GetMetric() {
		l := map[string]string{}
		for _, p := range m.GetLabel() {
			l[p.GetName()] = p.GetValue()
		}
		if n := int(m.GetCounter().GetValue()); n > 0 {
			c.by[l["interface"]+" "+l["direction"]+" "+l["type"]+" "+l["outcome"]] += n
		}
	}
	for _, m := range families["dhcp_relay_received_total"].GetMetric() {
		c.received += int(m.GetCounter().GetValue())
	}
	return c, nil
}

// messages returns the counts of messages.
func (d *daemon) messages() tally {
	d.t.Helper()
	c, err := d.counts()
	must(d.t, err)
	return c
}

// balance waits until every message received has an outcome, and then holds the
// outcomes against what the bed wants.
func (b *bed) balance() {
	b.t.Helper()
	var got tally
	b.daemon.await("every message has one outcome, as wanted", func() bool {
		got = b.daemon.messages()
		sum := total(got.by)
		return sum == got.received && (cmp.Equal(b.want, got.by) || sum >= total(b.want))
	})
	if diff := cmp.Diff(b.want, got.by); diff != "" {
		b.t.Errorf("counters (-want +got):\n%s\nerrors of sends: %v", diff, got.errors)
	}
}

func total(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// rebase takes the counters as they are: from here on they are exact again.
func (b *bed) rebase() {
	b.t.Helper()
	b.daemon.await("every message has one outcome", func() bool {
		got := b.daemon.messages()
		b.want = got.by
		return total(got.by) == got.received
	})
}

// A journal collects what a program prints.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(b)
}

// String returns all that was written.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}
