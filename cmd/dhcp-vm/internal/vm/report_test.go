package vm

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReport(t *testing.T) {
	tests := []struct {
		name   string
		output string
		want   string
		failed int
		done   bool
	}{
		{
			name: "passed, skipped and failed",
			output: `@@vm run scenes
=== RUN   TestT15_VRF
=== RUN   TestT15_VRF/in_red
    vrf_test.go:9: after 3 ms
=== RUN   TestT15_VRF/in_blue
    vrf_test.go:12: no lease
--- FAIL: TestT15_VRF (1.30s)
    --- PASS: TestT15_VRF/in_red (0.70s)
    --- FAIL: TestT15_VRF/in_blue (0.60s)
=== RUN   TestAlone
    a_test.go:1: no nft here
--- SKIP: TestAlone (0.00s)
FAIL
@@vm end scenes 1.5s exit status 1
@@vm done <nil>`,
			want: `scenes
  PASS   0.70s  T15 VRF: in red
  FAIL   0.60s  T15 VRF: in blue
          vrf_test.go:12: no lease
  SKIP   0.00s  Alone
          a_test.go:1: no nft here
1 passed, 1 failed, 1 skipped
`,
			failed: 1, done: true,
		},
		{
			name: "a binary that panics",
			output: `@@vm run scenes
=== RUN   TestAlone
panic: oh
@@vm end scenes 1.5s exit status 2
@@vm done <nil>`,
			want: `scenes
  FAIL      ?s  Alone
          panic: oh
          exit status 2
0 passed, 1 failed, 0 skipped
`,
			failed: 1, done: true,
		},
		{
			name: "a binary that panics after its test's end",
			output: `@@vm run scenes
=== RUN   TestAlone
--- FAIL: TestAlone (0.10s)
panic: oh [recovered]
@@vm end scenes 1.5s exit status 2
@@vm done <nil>`,
			want: `scenes
  FAIL   0.10s  Alone
  FAIL  scenes: exit status 2
          panic: oh [recovered]
0 passed, 2 failed, 0 skipped
`,
			failed: 2, done: true,
		},
		{
			name: "a binary that cannot start",
			output: `@@vm run scenes
no such file
@@vm end scenes 1ms exit status 1
@@vm done <nil>`,
			want: `scenes
  FAIL  scenes: exit status 1
          no such file
0 passed, 1 failed, 0 skipped
`,
			failed: 1, done: true,
		},
		{
			name:   "a machine that stops",
			output: "@@vm run scenes\n=== RUN   TestAlone",
			want:   "scenes\n0 passed, 0 failed, 0 skipped\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			r := &report{w: &b}
			for line := range strings.SplitSeq(tt.output, "\n") {
				r.line(line)
			}
			b.WriteString(r.summary() + "\n")
			if diff := cmp.Diff(tt.want, b.String()); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
			if r.failed != tt.failed || r.done != tt.done {
				t.Errorf("got %d failed, done %v; want %d, %v", r.failed, r.done, tt.failed, tt.done)
			}
		})
	}
}

// What the machines show counts for the table of requirements.
func TestReportWritesResults(t *testing.T) {
	var out strings.Builder
	rep := &report{w: io.Discard, results: json.NewEncoder(&out)}
	rep.boots("plain")
	for line := range strings.SplitSeq(`@@vm run scenes
=== RUN   TestT15_VRF
=== RUN   TestT15_VRF/in_red
--- PASS: TestT15_VRF (1.30s)
    --- PASS: TestT15_VRF/in_red (0.70s)
--- SKIP: TestAlone (0.00s)
--- FAIL: TestOther (0.00s)`, "\n") {
		rep.line(line)
	}
	want := `{"Action":"pass","Package":"scenes in the machine plain","Test":"TestT15_VRF"}
{"Action":"pass","Package":"scenes in the machine plain","Test":"TestT15_VRF/in_red"}
{"Action":"skip","Package":"scenes in the machine plain","Test":"TestAlone"}
{"Action":"fail","Package":"scenes in the machine plain","Test":"TestOther"}
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// One or two tests are tried once more; a program that has stopped is not.
func TestFewFailuresAreTriedOnceMore(t *testing.T) {
	failing := func(tests ...string) string {
		var b strings.Builder
		b.WriteString("@@vm run scenes\n")
		for _, name := range tests {
			b.WriteString("=== RUN   " + name + "\n--- FAIL: " + name + " (0.10s)\n")
		}
		return b.String() + "@@vm end scenes 1s exit status 1\n@@vm done <nil>"
	}
	for name, c := range map[string]struct {
		output string
		want   []string
	}{
		"none":     {"@@vm run scenes\n@@vm end scenes 1s <nil>\n@@vm done <nil>", nil},
		"subtests": {failing("TestA/x", "TestA/y", "TestB"), []string{"TestA", "TestB"}},
		"many":     {failing("TestA", "TestB", "TestC"), nil},
		"a crash":  {"@@vm run scenes\n=== RUN   TestA\npanic: oh\n@@vm end scenes 1s exit status 2\n@@vm done <nil>", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := &report{w: io.Discard}
			r.boots("plain")
			for l := range strings.SplitSeq(c.output, "\n") {
				r.line(l)
			}
			if diff := cmp.Diff(c.want, r.few()); diff != "" {
				t.Errorf("to be tried once more (-want +got):\n%s", diff)
			}
			if r.forgive(); r.failed != 0 {
				t.Errorf("%d failed", r.failed)
			}
		})
	}
}
