package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dhcp-relay/cmd/dhcp-lab/internal/conformance"
)

// runConformance runs the command on test results.
func runConformance(t *testing.T, results string, args ...string) (string, error) {
	t.Helper()
	c := newConformanceCommand()
	var out bytes.Buffer
	c.SetArgs(args)
	c.SetIn(strings.NewReader(results))
	c.SetOut(&out)
	c.SetErr(&out)
	err := c.Execute()
	return out.String(), err
}

// allGreen is results in which one test bears every identifier.
func allGreen() string {
	var ids []string
	for _, r := range conformance.Requirements() {
		ids = append(ids, r.ID)
	}
	b, _ := json.Marshal(map[string]string{"Action": "pass", "Package": "p", "Test": "TestAll/" + strings.Join(ids, "_")})
	return string(b) + "\n"
}

func TestConformance(t *testing.T) {
	failed := `{"Action":"fail","Package":"p","Test":"TestX/R1542-13_giaddr"}` + "\n"
	for _, tc := range []struct {
		name, results string
		want          string // in the output
		err           string // in the error; "": none
	}{
		{"all pass", allGreen(), "0 failed, 0 missing", ""},
		{"one fails", allGreen() + failed, "TestX/R1542-13_giaddr", "requirements failed"},
		{"others are missing", failed, "MISSING", "requirements failed"},
		{"a package fails beside them", allGreen() + `{"Action":"fail","Package":"q"}`, "0 failed", "tests failed in q"},
		{"no results", "", "", "no test results"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := runConformance(t, tc.results, "-")
			if !strings.Contains(out, tc.want) {
				t.Errorf("got %s, want %q in it", out, tc.want)
			}
			if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
				t.Errorf("error %v, want %q", err, tc.err)
			}
		})
	}
}

func TestConformanceJSON(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results")
	if err := os.WriteFile(file, []byte(allGreen()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := runConformance(t, "", "--json", "-", file)
	if err != nil {
		t.Fatal(err)
	}
	var rep conformance.Report
	if err := json.Unmarshal([]byte(out), &rep); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	n := rep.Totals
	if want := len(conformance.Requirements()); len(rep.Lines) != want || n[conformance.Passed]+n[conformance.NotBuilt]+n[conformance.NA] != want {
		t.Errorf("%d lines, totals %v, want %d that passed or are not due", len(rep.Lines), n, want)
	}
}
