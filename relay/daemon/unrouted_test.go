package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dhcp-relay/cmd/lab/netns"
)

// A server without a route is told with the place where it is written, until there is one.
func TestServersWithoutRoute(t *testing.T) {
	t.Parallel()
	s, other := netns.NewSpace(t), netns.NewSpace(t)
	s.Veth("vlan10", other, "c0")
	s.Addr("vlan10", "10.1.0.1/24")
	file := filepath.Join(t.TempDir(), "relay.toml")
	if err := os.WriteFile(file, []byte("[[interface]]\nname = \"vlan10\"\nservers = [\"10.1.0.2\", \"203.0.113.9\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	said := func() (all []string) {
		s.Do(func() error {
			l, err := Load(file)
			if err != nil {
				return err
			}
			r := new(Report)
			if err := r.onHost(l.Config); err != nil {
				return err
			}
			for i := range r.Findings {
				if f := &r.Findings[i]; strings.Contains(f.Text, "route") {
					if f.Fatal || !f.Passing {
						t.Errorf("%+v", f)
					}
					all = append(all, f.String())
				}
			}
			return nil
		})
		return all
	}
	if got := said(); len(got) != 1 || !strings.Contains(got[0], "relay.toml:3:1: interface[0].servers: no route leads to the server 203.0.113.9 now") {
		t.Errorf("without a route: %q", got)
	}
	s.Route("203.0.113.0/24", "10.1.0.2")
	if got := said(); len(got) != 0 {
		t.Errorf("with a route: %q", got)
	}
}
