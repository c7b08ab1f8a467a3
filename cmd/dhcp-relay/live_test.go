package main

import (
	"bytes"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/api"
	web "dhcp-relay/relay/http"
	"dhcp-relay/relay/observe/status"
)

// command runs a command of this program and returns what it prints and its exit
// status.
func command(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	var b bytes.Buffer
	c := newCommand()
	c.SetOut(&b)
	c.SetArgs(args)
	code = exitStatus(c.ExecuteContext(t.Context()))
	return b.String(), code
}

// TestRunningDaemonIsAsked starts the daemon, asks it, breaks its configuration,
// and asks again.
func TestRunningDaemonIsAsked(t *testing.T) {
	t.Parallel()
	const good = `
log.format = "json"
metrics.listen = ""
[[interface]]
name = "vlan10"
servers = ["10.9.0.2", "2001:db8:9::2"]
[[interface]]
name = "lo"
servers = ["10.9.0.2"]
`
	d := start(t, good)
	d.notices("READY=1")

	var r status.Report
	if err := web.NewClient(d.socket).Get(t.Context(), api.Status, &r); err != nil {
		t.Fatal(err)
	}
	var links []string
	for _, l := range r.Interfaces {
		links = append(links, l.Name+" "+l.Family.String()+" "+l.State.String())
	}
	want := []string{"lo ipv4 no_address", "vlan10 ipv4 missing", "vlan10 ipv6 missing"}
	if diff := cmp.Diff(want, links); diff != "" {
		t.Errorf("interfaces (-want +got):\n%s", diff)
	}
	if !r.Config.OK || r.Config.File != d.config || len(r.Config.Hash) != 16 || r.Config.Loaded.IsZero() || !r.Recorder.On {
		t.Errorf("configuration %+v, recorder %+v", r.Config, r.Recorder)
	}
	if len(r.Servers) != 2 || r.Servers[0].Address != "10.9.0.2:67" || r.Servers[0].State != status.StateIdle {
		t.Errorf("servers %+v", r.Servers)
	}

	if out, code := command(t, "log-level", "warn", "--config", d.config); code != 0 || out != "warn\n" {
		t.Errorf("log-level: %q, status %d", out, code)
	}
	d.write(good + "[[interface]]\nname = 7\n")
	d.signal(syscall.SIGHUP)
	d.notices("RELOADING=1", "READY=1")
	out, code := command(t, "status", "--config", d.config)
	if code != 2 {
		t.Errorf("status %d", code)
	}
	for _, s := range []string{
		"ERROR  configuration " + d.config,
		"dhcp-relay check --config",
		"ERROR  interface lo (DHCPv4)",
		"WARN   interface vlan10 (DHCPv6)",
	} {
		if !strings.Contains(out, s) {
			t.Errorf("%q is missing in:\n%s", s, out)
		}
	}
	d.signal(syscall.SIGTERM)
	d.notices("STOPPING=1")
	msgs := d.ends()
	if !slices.Contains(msgs, "INFO log level changed until the next reload") || !slices.Contains(msgs, "ERROR configuration refused, the former one stays") {
		t.Errorf("log: %q", msgs)
	}
	if _, code := command(t, "status", "--config", d.config); code != 1 {
		t.Errorf("without a daemon: status %d", code)
	}
}
