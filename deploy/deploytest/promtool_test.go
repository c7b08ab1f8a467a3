package deploytest

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
)

// deployDir is the directory under test.
var deployDir = ".."

// promtool runs promtool and returns what it says.
func promtool(t *testing.T, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		netns.Skip(t, "no promtool: it is in the Debian package prometheus")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	return string(out), err
}

func TestAmtoolAccepts(t *testing.T) {
	path, err := exec.LookPath("amtool")
	if err != nil {
		netns.Skip(t, "no amtool: it is in the Debian package prometheus-alertmanager")
	}
	out, err := exec.CommandContext(t.Context(), path, "check-config", filepath.Join(deployDir, RoutesFile)).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestPromtoolAccepts(t *testing.T) {
	in := func(name string) string { return filepath.Join(deployDir, "prometheus", name) }
	tests := []struct {
		name string
		args []string
	}{
		{"the rules", []string{"check", "rules", "--lint=all", "--lint-fatal", in("dhcp-relay.rules.yml")}},
		{"the scrape configuration", []string{"check", "config", "--lint=all", "--lint-fatal", in("scrape.yml")}},
		{"each alert for the sick relay alone", []string{"test", "rules", in("dhcp-relay.test.yml")}},
		{"each alert that comes fast", []string{"test", "rules", in("dhcp-relay.fast.test.yml")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if out, err := promtool(t, tt.args...); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
