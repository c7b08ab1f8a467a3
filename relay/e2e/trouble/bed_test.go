// Package trouble plays scenes in which a client gets no address, and holds what
// an operator sees of each to the words that name the cause: in dhcp-relay
// status, in dhcp-relay trace, and on the status page in a real browser.
package trouble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/client"
	"dhcp-relay/cmd/lab/client6"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/scene"
)

// patience bounds every wait for something that must come.
const patience = 60 * time.Second

// A bed is a lab with a relay that is in trouble.
type bed struct {
	*scene.Lab

	t       *testing.T
	ctx     context.Context
	program string // dhcp-relay
	page    string // URL of the status page, as the browser reaches it
	inside  bool   // commands run in the relay's namespace, whose firewall they read
}

// program builds dhcp-relay with the race detector.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dhcp-relay")
	if out, err := exec.Command("go", "build", "-race", "-o", path, "dhcp-relay/cmd/dhcp-relay").CombinedOutput(); err != nil {
		t.Fatalf("build the relay: %v\n%s", err, out)
	}
	return path
}

// newBed builds a lab, the number of which tells it from others of this process.
func newBed(t *testing.T, program string, number int, p scene.Plan) *bed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 180*time.Second)
	t.Cleanup(cancel)
	l, err := scene.Build(ctx, scene.Options{
		Prefix: fmt.Sprintf("x%d.%d-", os.Getpid()%100000, number), Relay: program,
		Server: scene.Embedded, Client: scene.Embedded,
	}, p)
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{Lab: l, t: t, ctx: ctx, program: program}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("clear the lab away: %v", err)
		}
		if strings.Contains(l.Relay().Log(), "DATA RACE") {
			t.Error("a race in the relay")
		}
		if t.Failed() {
			t.Logf("the relay's log:\n%s", l.Relay().Log())
		}
	})
	b.page = forward(t, l.Node("relay"))
	return b
}

// must ends the test on the first error.
func (b *bed) must(errs ...error) {
	b.t.Helper()
	for _, err := range errs {
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

// command runs a command of dhcp-relay and returns what it prints.
func (b *bed) command(args ...string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	args = append(args, "--socket", b.Relay().Socket())
	cmd := exec.CommandContext(ctx, b.program, args...)
	var out, wrong bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &wrong
	run := cmd.Run
	if b.inside {
		run = func() error { return b.Node("relay").Do(cmd.Run) }
	}
	// 2 says that something is wrong, which it is.
	if err := run(); err != nil && cmd.ProcessState.ExitCode() != 2 {
		b.t.Fatalf("%v: %v\n%s%s", args, err, &out, &wrong)
	}
	return out.String()
}

// until waits until a metric of the relay has counted at least n, over the series
// with these labels.
func (b *bed) until(n int, metric string, labels ...string) {
	b.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		c, err := b.Relay().Counters(b.ctx)
		b.must(err)
		if c.Sum(metric, labels...) >= n {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s%v: want %d at least, seen %d", metric, labels, n, c.Sum(metric, labels...))
		}
	}
}

// unnumbered waits until the relay has noticed that an interface has no address
// any more.
func (b *bed) unnumbered(link string) {
	b.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		c, err := b.Relay().Counters(b.ctx)
		b.must(err)
		if c.Sum("dhcp_relay_giaddr_info", "interface", link) == 0 {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s has a giaddr still", link)
		}
	}
}

// silence lets the client on a node ask the given number of times, and fails if
// it is answered.
func (b *bed) silence(node string, conf client.Config, tries int) {
	b.t.Helper()
	conf.Scale, conf.Tries = hasty, tries
	c, err := b.Client(node, conf)
	b.must(err)
	if _, err := c.Discover(b.ctx); !errors.Is(err, client.ErrSilence) {
		b.t.Fatalf("%s: want silence, got %v", node, err)
	}
}

// silence6 is the same for DHCPv6.
func (b *bed) silence6(node string, tries int) {
	b.t.Helper()
	c, err := b.Client6(node, client6.Config{Scale: hasty, Tries: tries})
	b.must(err)
	if _, err := c.Login(b.ctx); !errors.Is(err, client6.ErrSilence) {
		b.t.Fatalf("%s: want silence, got %v", node, err)
	}
}

// hasty is the scale of the clients' delays: they notice silence in a moment.
const hasty = 0.05

// run runs a program in a node's namespace.
func (b *bed) run(node, name string, args ...string) {
	b.t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		netns.Skip(b.t, "needs "+name)
	}
	_, err := b.Node(node).Run(b.ctx, name, args...)
	b.must(err)
}
