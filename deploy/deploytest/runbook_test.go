package deploytest

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v2"
)

var update = flag.Bool("update", false, "write RUNBOOKS.md anew")

func TestEachAlertHasItsRunbook(t *testing.T) {
	all := alerts(t)
	want, err := Runbooks(all)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(deployDir, RunbooksFile)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s: write it anew with go test ./deploy/deploytest -update (-want +got):\n%s", RunbooksFile, diff)
	}
	for _, r := range all {
		if url := RunbooksURL + "#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != url {
			t.Errorf("%s: runbook_url %q, want %q", r.Alert, r.Annotations["runbook_url"], url)
		}
	}
}

// routes is what tests look at in the example for Alertmanager.
type routes struct {
	Inhibit []struct {
		Source []string `yaml:"source_matchers"`
		Target []string `yaml:"target_matchers"`
		Equal  []string
	} `yaml:"inhibit_rules"`
}

var byName = regexp.MustCompile(`^alertname=~?"(.+)"$`)

// TestInhibitionsJoinWhatTheyName checks that each inhibition names alerts that there
// are, and compares labels that they have: those that both lack would be equal, too.
func TestInhibitionsJoinWhatTheyName(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(deployDir, RoutesFile))
	if err != nil {
		t.Fatal(err)
	}
	var file routes
	if err := yaml.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Inhibit) == 0 {
		t.Fatal("no inhibitions")
	}
	labels := firingLabels(t)
	for _, in := range file.Inhibit {
		for _, m := range []string{in.Source[0], in.Target[0]} {
			parts := byName.FindStringSubmatch(m)
			if parts == nil {
				t.Fatalf("matcher %s", m)
			}
			if parts[1] == "DHCPRelay.+" {
				continue
			}
			for _, name := range strings.Split(parts[1], "|") {
				if labels[name] == nil {
					t.Errorf("there is no alert %s", name)
				}
				for _, l := range in.Equal {
					if !slices.Contains(labels[name], l) && l != "vrf" { // vrf is empty for most
						t.Errorf("%s is compared by %s, which it has not: %q", name, l, labels[name])
					}
				}
			}
		}
	}
}

// firingLabels returns the labels of each alert, as its test has them.
func firingLabels(t *testing.T) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for name, a := range alertTests(t) {
		for _, e := range a.Exprs {
			for _, s := range e.Samples {
				q, err := Parse(s.Labels)
				if err != nil {
					t.Fatal(err)
				}
				for _, m := range q.Selectors[0].Matchers {
					out[name] = append(out[name], m.Label)
				}
			}
		}
	}
	return out
}
