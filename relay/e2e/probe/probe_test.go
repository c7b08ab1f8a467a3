// Package probe has dhcp-relay probe ask Kea and ISC dhcpd.
package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/real"
	"dhcp-relay/cmd/lab/scene"
	"dhcp-relay/relay/probe"
)

// TestRealServers has each kind of server offer an address of the interface's own
// subnet, keep no lease, and say after its end that nothing listens.
func TestRealServers(t *testing.T) {
	netns.Require(t)
	program := filepath.Join(t.TempDir(), "dhcp-relay")
	if out, err := exec.Command("go", "build", "-o", program, "dhcp-relay/cmd/dhcp-relay").CombinedOutput(); err != nil {
		t.Fatalf("build the relay: %v\n%s", err, out)
	}
	n := 0
	for _, f := range []struct {
		name    string
		family  scene.Family
		config  string
		subnets map[string]string
		check   func(string) error
	}{
		{
			"IPv4", scene.IPv4, "[[interface]]\nname = \"clients-*\"\nservers = [\"10.9.0.2\", \"10.9.0.3\"]\n",
			map[string]string{"clients-a": "10.1.0.0/24", "clients-b": "10.2.0.0/24"},
			real.CheckServer,
		},
		{
			"IPv6", scene.IPv6, "[[interface]]\nname = \"clients-*\"\nservers = [\"2001:db8:9::2\", \"2001:db8:9::3\"]\n",
			map[string]string{"clients-a": "2001:db8:1::/64", "clients-b": "2001:db8:2::/64"},
			real.CheckServer6,
		},
	} {
		for _, kind := range []string{"kea", "isc"} {
			number := n
			n++
			t.Run(f.name+", "+kind, func(t *testing.T) {
				if err := f.check(kind); err != nil {
					netns.Skip(t, err.Error())
				}
				t.Parallel()
				ctx, cancel := context.WithTimeout(t.Context(), 180*time.Second)
				defer cancel()
				l, err := scene.Build(ctx, scene.Options{
					Prefix: fmt.Sprintf("p%d.%d-", os.Getpid()%100000, number), Relay: program, Server: kind, Client: scene.Embedded,
				}, scene.Plan{Family: f.family, Config: f.config})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := l.Close(); err != nil {
						t.Errorf("clear the lab away: %v", err)
					}
				})
				for link, subnet := range f.subnets {
					all, status := ask(ctx, t, program, l, link)
					if status != 0 {
						t.Errorf("exit status %d", status)
					}
					for _, s := range servers(t, all, 2) {
						a, err := netip.ParseAddr(s.Offered)
						if !s.Offers || err != nil || !netip.MustParsePrefix(subnet).Contains(a) || s.Released {
							t.Errorf("%s: %+v", link, s)
						}
					}
				}
				if err := l.StopServers(); err != nil {
					t.Fatal(err)
				}
				all, status := ask(ctx, t, program, l, "clients-a")
				if status != 1 {
					t.Errorf("exit status %d without servers", status)
				}
				for _, s := range servers(t, all, 2) {
					if s.Offers || s.What == "" || s.What == "no answer" {
						t.Errorf("without servers: %+v", s)
					}
				}
			})
		}
	}
}

// servers returns those of the only result.
func servers(t *testing.T, all []probe.Result, want int) []probe.Server {
	t.Helper()
	if len(all) != 1 || len(all[0].Servers) != want {
		t.Fatalf("%+v", all)
	}
	return all[0].Servers
}

// ask runs the command.
func ask(ctx context.Context, t *testing.T, program string, l *scene.Lab, link string) (all []probe.Result, status int) {
	t.Helper()
	cmd := exec.CommandContext(ctx, program, "probe", "--json", "--socket", l.Relay().Socket(), link)
	var out, wrong bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &wrong
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), &all); err != nil {
		t.Fatalf("%v: %s%s", err, &out, &wrong)
	}
	return all, cmd.ProcessState.ExitCode()
}
