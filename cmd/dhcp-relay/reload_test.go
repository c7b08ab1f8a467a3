package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/api"
	web "dhcp-relay/relay/http"
	"dhcp-relay/relay/observe/status"
)

// commandErr runs a command of this program and returns what it prints on each
// stream, and its exit status.
func commandErr(t *testing.T, args ...string) (out, stderr string, code int) {
	t.Helper()
	var b, e bytes.Buffer
	c := newCommand()
	c.SetOut(&b)
	c.SetErr(&e)
	c.SetArgs(args)
	code = exitStatus(c.ExecuteContext(t.Context()))
	return b.String(), e.String(), code
}

// The daemon's verdict is printed, and is the exit status; one that is refused
// changes nothing.
func TestReloadPrintsTheVerdict(t *testing.T) {
	t.Parallel()
	const good = "log.format = \"json\"\nmetrics.listen = \"\"\n" + oneInterface
	d := start(t, good)
	d.notices("READY=1")
	reload := func() (string, string, int) {
		t.Helper()
		out, stderr, code := commandErr(t, "reload", "--socket", d.socket)
		d.notices("RELOADING=1\nMONOTONIC_USEC=", "READY=1")
		return out, stderr, code
	}
	out, stderr, code := reload()
	if want := d.config + ": in effect\n"; out != want || code != 0 || !strings.HasPrefix(stderr, "warning: "+d.config+":") || !strings.Contains(stderr, ": no interface has this name now") {
		t.Errorf("a good one: %q, %q, status %d", out, stderr, code)
	}
	if out, code := command(t, "log-level", "debug", "--socket", d.socket); code != 0 {
		t.Errorf("log-level: %s", out)
	}
	before := state(t, d)
	for _, bad := range []struct{ name, text, want string }{
		{"an unknown key", "log.level = \"error\"\n" + good + "hop_limt = 3\n", d.config + ":8:1: interface[0].hop_limt: there is no such key; did you mean hop_limit?"},
		{"no TOML", "interface: vlan10\n", d.config + ":2:"},
		{"no interface", "[defaults]\nservers = [\"10.9.0.2\"]\n", d.config + ": there is no [[interface]], so no client would be served; "},
	} {
		d.write(bad.text)
		out, stderr, code := reload()
		if out != "" || code != 1 || !strings.Contains(stderr, bad.want) || !strings.HasSuffix(stderr, "refused, the former configuration stays in effect\n") {
			t.Errorf("%s: %q, %q, status %d; want %s", bad.name, out, stderr, code, bad.want)
		}
		now := state(t, d)
		if now.Config.OK || now.Config.Error == "" {
			t.Errorf("%s: %+v", bad.name, now.Config)
		}
		if diff := cmp.Diff(before.Interfaces, now.Interfaces); diff != "" || now.Config.Hash != before.Config.Hash {
			t.Errorf("%s changes something: %s", bad.name, diff)
		}
		if out, _ := command(t, "log-level", "--socket", d.socket); out != "debug\n" {
			t.Errorf("%s: the log level is %s", bad.name, out)
		}
	}
	d.write(strings.Replace(good, `""`, `"127.0.0.1:9999"`, 1))
	if out, stderr, code := reload(); code != 0 || !strings.Contains(stderr, "warning: "+d.config+": metrics.listen takes effect at the next start\n") {
		t.Errorf("one for the next start: %q, %q, status %d", out, stderr, code)
	}
	if !state(t, d).Config.OK {
		t.Error("it is still refused")
	}
	// Nobody listens there: the daemon hears of it all the same.
	out, stderr, code = commandErr(t, "reload", "--socket", d.socket+"0", "--config", d.config, "--pid", strconv.Itoa(d.cmd.Process.Pid))
	d.notices("RELOADING=1\nMONOTONIC_USEC=", "READY=1")
	if code != 0 || !strings.Contains(out, "was told by SIGHUP") {
		t.Errorf("by signal: %q, %q, status %d", out, stderr, code)
	}
	if _, _, code := commandErr(t, "reload", "--socket", d.socket+"0"); code != 1 {
		t.Errorf("without a daemon: status %d", code)
	}
	d.signal(syscall.SIGTERM)
	d.ends()
}

// state asks the daemon for its state.
func state(t *testing.T, d *running) (r status.Report) {
	t.Helper()
	if err := web.NewClient(d.socket).Get(t.Context(), api.Status, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// A file that differs from what is in effect is noticed, and forgotten when both
// agree again.
func TestFileThatDiffersIsNoticed(t *testing.T) {
	t.Parallel()
	s := netns.NewSpace(t)
	const good = "log.format = \"json\"\n" + oneInterface
	d := startAt(t, s, t.TempDir(), good)
	d.notices("READY=1")
	becomes := func(want status.FileState, kind string) {
		t.Helper()
		eventually(t, fmt.Sprintf("the file is seen as %s", want), func() bool { return state(t, d).Config.OnDisk == want })
		r := state(t, d)
		for _, k := range []string{"config_changed", "config_unloadable"} {
			if got := len(findings(r, k)) == 1; got != (k == kind) {
				t.Errorf("%s, a finding %s: %v", want, k, got)
			}
		}
		differs, refused := 0, 0
		if want != status.FileSame {
			differs = 1
		}
		if want == status.FileRefused {
			refused = 1
		}
		said := ask(s, "127.0.0.1:9867", "/metrics")
		for _, m := range []string{fmt.Sprintf("dhcp_relay_config_file_differs %d\n", differs), fmt.Sprintf("dhcp_relay_config_file_refused %d\n", refused)} {
			if !strings.Contains(said, m) {
				t.Errorf("%s: the metrics have no %s", want, m)
			}
		}
	}
	becomes(status.FileSame, "")
	d.write(good + "[[interface]]\nname = \"vlan20\"\nservers = [\"10.9.0.2\"]\n")
	becomes(status.FileChanged, "config_changed")
	if out, stderr, code := commandErr(t, "diff", "--socket", d.socket, "--config", d.config); code != 0 || !strings.Contains(out, "vlan20: is relayed from now on") {
		t.Errorf("diff: %s %s", out, stderr)
	}
	if out, stderr, code := commandErr(t, "reload", "--socket", d.socket); code != 0 {
		t.Errorf("reload: %s %s", out, stderr)
	}
	becomes(status.FileSame, "")
	d.write("")
	becomes(status.FileRefused, "config_unloadable")
	// As an editor or Ansible does it: another file in its place.
	next := filepath.Join(filepath.Dir(d.config), "next")
	if err := os.Rename(d.config, next); err != nil {
		t.Fatal(err)
	}
	becomes(status.FileRefused, "config_unloadable")
	d.write(good + "[[interface]]\nname = \"vlan20\"\nservers = [\"10.9.0.2\"]\n")
	becomes(status.FileSame, "")
	d.signal(syscall.SIGTERM)
	d.told("configuration file was changed and is not in effect", "configuration file was changed and would be refused", "configuration file is again what is in effect")
}

// What the process may not do is told at a reload, too.
func TestReloadNeedsWhatTheStartNeeds(t *testing.T) {
	t.Parallel()
	const v6 = "metrics.listen = \"\"\n[[interface]]\nname = \"vlan10\"\nservers = [\"2001:db8:9::2\"]\n"
	d := startWithout(t, "CAP_NET_RAW", v6)
	d.notices("READY=1")
	d.write(v6 + "[[interface]]\nname = \"vlan20\"\nservers = [\"10.9.0.2\"]\n")
	out, stderr, code := commandErr(t, "reload", "--socket", d.socket)
	if out != "" || code != 1 || !strings.Contains(stderr, "CAP_NET_RAW is missing, without which no reply reaches a DHCPv4 client") {
		t.Errorf("IPv4 servers: %q, %q, status %d", out, stderr, code)
	}
	if now := state(t, d); now.Config.OK || len(now.Interfaces) != 1 {
		t.Errorf("IPv4 servers: %+v", now)
	}
	d.write(v6)
	if out, stderr, code := commandErr(t, "reload", "--socket", d.socket); code != 0 {
		t.Errorf("IPv6 servers alone: %q, %q, status %d", out, stderr, code)
	}
}
