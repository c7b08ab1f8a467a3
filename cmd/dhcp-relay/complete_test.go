package main

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
)

// TestCompletion: what shells ask for a flag is answered by the running daemon.
func TestCompletion(t *testing.T) {
	t.Parallel()
	d := start(t, "metrics.listen = \"\"\n[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\", \"2001:db8:9::2\"]\n")
	d.notices("READY=1")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"status", "--interface", ""}, []string{"vlan10"}},
		{[]string{"trace", "--interface", ""}, []string{"vlan10"}},
		{[]string{"explain", "--interface", ""}, []string{"vlan10"}},
		{[]string{"trace", "--server", ""}, []string{"10.9.0.2", "2001:db8:9::2"}},
		{[]string{"trace", "--family", ""}, []string{"ipv4", "ipv6"}},
		{[]string{"trace", "--outcome", ""}, []string{"unanswered", "no_giaddr"}},
		{[]string{"log-level", "d"}, []string{"debug"}},
	} {
		args := slices.Insert(slices.Clone(c.args), 1, "--config", d.config)
		out, code := completed(t, args...)
		for _, want := range c.want {
			if code != 0 || !slices.Contains(strings.Split(out, "\n"), want) {
				t.Errorf("%q: status %d, want %s in\n%s", c.args, code, want, out)
			}
		}
	}
	if out, code := completed(t, "status", "--socket", d.socket+".gone", "--interface", ""); code != 0 || strings.Contains(out, "vlan10") {
		t.Errorf("without a daemon: status %d\n%s", code, out)
	}
}

// completed returns what shells are told for the last of some arguments.
func completed(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	var b bytes.Buffer
	c := newCommand()
	c.SetOut(&b)
	c.SetErr(io.Discard)
	c.SetArgs(append([]string{"__complete"}, args...))
	code = exitStatus(c.ExecuteContext(t.Context()))
	return b.String(), code
}

// TestReady: ready tells a daemon that relays from one that does not.
func TestReady(t *testing.T) {
	t.Parallel()
	const good = "metrics.listen = \"\"\n[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n"
	d := start(t, good)
	if out, code := command(t, "ready", "--wait", "1m", "--config", d.config); code != 0 || out != "ready\n" {
		t.Errorf("status %d, %q", code, out)
	}
	d.notices("READY=1")
	d.write(good + "x = 1\n")
	if _, code := command(t, "reload", "--config", d.config); code == 0 {
		t.Error("a wrong configuration was taken")
	}
	if _, code := command(t, "ready", "--config", d.config); code != 1 {
		t.Errorf("refused configuration: status %d", code)
	}
	if _, code := command(t, "ready", "--socket", d.socket+".gone"); code != 1 {
		t.Errorf("no daemon: status %d", code)
	}
}
