package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/text"
	"dhcp-relay/relay/wire/dhcp"
)

// told is the state that the daemon of these tests tells.
func told(findings ...status.Finding) status.Report {
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	return status.Report{
		Version: "1.0", Host: "r1", Time: at, Started: at, Findings: findings,
		Interfaces: []status.Interface{
			{Name: "vlan10", Family: dhcp.V4, State: agent.Relaying, Address: "10.1.0.1", Servers: []status.ServerName{{Address: "10.9.0.2"}}},
			{Name: "vlan20", Family: dhcp.V4, State: agent.Down, Servers: []status.ServerName{{Address: "10.9.0.2"}}},
		},
	}
}

func serveStatus(t *testing.T, r status.Report) (socket string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.Status, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(r) })
	return serveSocket(t, mux)
}

func TestStatusCommand(t *testing.T) {
	t.Parallel()
	bad := status.Finding{Severity: status.Error, Kind: "server_silent", Subject: "server 10.9.0.2", About: []status.Subject{{Kind: status.OfServer, Server: "10.9.0.2"}}, Text: "The server answers nothing.", Do: "Check that it runs."}
	warn := status.Finding{Severity: status.Warn, Kind: "interface_down", Subject: "interface vlan20 (DHCPv4)", About: []status.Subject{{Kind: status.OfInterface, Interface: "vlan20", Family: status.ScopeOf(dhcp.V4)}}, Text: "It is down.", Do: "Bring it up."}
	cases := []struct {
		name   string
		told   status.Report
		args   []string
		status int
		in     []string
		out    []string
	}{
		{"all is well", told(), nil, 0, []string{"Nothing is wrong.", "vlan10", "vlan20"}, nil},
		{"a warning", told(warn), nil, 0, []string{"WARN   interface vlan20", "→ Bring it up."}, nil},
		{"an error", told(bad, warn), nil, 2, []string{"ERROR  server 10.9.0.2"}, nil},
		{"a warning that is to fail", told(warn), []string{"--fail-on", "warn"}, 1, []string{"WARN"}, nil},
		{"an error beside a warning", told(bad, warn), []string{"--fail-on=warn"}, 2, nil, nil},
		{"nothing to fail for", told(), []string{"--fail-on=warn"}, 0, nil, nil},
		{"an error that is not to fail", told(bad, warn), []string{"--fail-on", "never"}, 0, []string{"ERROR"}, nil},
		{"a plugin that cannot ask", told(), []string{"--fail-on", "warn", "--interface", "vlan30"}, 3, nil, nil},
		{"no such severity", told(), []string{"--fail-on", "info"}, 1, nil, []string{"vlan10"}},
		{"one interface", told(bad, warn), []string{"--interface", "vlan10"}, 2, []string{"vlan10"}, []string{"vlan20"}},
		{"no such interface", told(bad), []string{"--interface", "vlan30"}, 1, nil, []string{"vlan10"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			root := newCommand()
			root.SetOut(&out)
			root.SetArgs(append([]string{"status", "--socket", serveStatus(t, c.told)}, c.args...))
			err := root.ExecuteContext(t.Context())
			if got := exitStatus(err); got != c.status {
				t.Errorf("status %d (%v), want %d", got, err, c.status)
			}
			for _, s := range c.in {
				if !strings.Contains(out.String(), s) {
					t.Errorf("%q is missing in:\n%s", s, out.String())
				}
			}
			for _, s := range c.out {
				if strings.Contains(out.String(), s) {
					t.Errorf("%q should not stand in:\n%s", s, out.String())
				}
			}
		})
	}
}

// exitStatus is what main makes of an error.
func exitStatus(err error) int {
	if err == nil {
		return 0
	}
	return statusOf(err)
}

func TestStatusIsSaidOnce(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	report(&b, exitError{errBad, 2})
	if b.Len() > 0 || !errors.Is(exitError{errBad, 2}, errReported) {
		t.Errorf("after the findings: %q", b.String())
	}
}

func TestStatusAsJSONIsWhatTheDaemonTells(t *testing.T) {
	t.Parallel()
	want := told(status.Finding{Severity: status.Info, Kind: "recorder_off"})
	var out bytes.Buffer
	c := newCommand()
	c.SetOut(&out)
	c.SetArgs([]string{"status", "--json", "--socket", serveStatus(t, want)})
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got status.Report
	d := json.NewDecoder(&out)
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Names that others have given command no terminal, whatever an older daemon tells.
func TestOutputCommandsNoTerminal(t *testing.T) {
	t.Parallel()
	const evil = "x\x1b[31m\u009b\u202e"
	said := told(status.Finding{Severity: status.Warn, Kind: "interface_down", Subject: "interface " + evil, Text: "It is down."})
	said.Interfaces[0].Name = evil
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.Status, func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(said) })
	mux.HandleFunc("GET "+api.Transactions, func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode([]api.Transaction{{ID: 1, Interface: evil}})
	})
	socket := serveSocket(t, mux)
	config := filepath.Join(t.TempDir(), "relay.toml")
	if err := os.WriteFile(config, []byte("defaults.servers = [\"10.9.0.2\"]\n\n[[interface]]\nname = \"x\u202ey\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"status", "--socket", socket},
		{"status", "--json", "--socket", socket},
		{"status", "--interface", "no\u202e", "--socket", socket},
		{"trace", "--last", "1", "--socket", socket},
		{"trace", "--last", "1", "--json", "--socket", socket},
		{"check", "--config", config},
	} {
		var out bytes.Buffer
		c := newCommand()
		c.SetOut(&out)
		c.SetErr(&out)
		c.SetArgs(args)
		if err := c.ExecuteContext(t.Context()); err != nil {
			report(text.Writer{W: &out}, err)
		}
		if got := out.String(); !strings.Contains(got, `\u202e`) || strings.ContainsAny(got, "\x1b\u009b\u202e") {
			t.Errorf("%q: %q", args, got)
		}
	}
}

// It shows the state again and again, also after a moment in which nobody answers, and
// ends well when it is interrupted.
func TestStatusWatch(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	looks := 0
	var out bytes.Buffer
	err := repeat(ctx, &out, time.Millisecond, func(w io.Writer) error {
		looks++
		switch looks {
		case 2:
			return errors.New("nobody answers")
		case 4:
			stop()
		}
		_, err := fmt.Fprintf(w, "look %d\n", looks)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	shown := strings.Split(strings.TrimSpace(out.String()), "\n\n")
	if len(shown) != 3 || shown[0] != "look 1" || !strings.HasSuffix(shown[1], ": nobody answers") || shown[2] != "look 3" {
		t.Errorf("shown: %q", shown)
	}
}
