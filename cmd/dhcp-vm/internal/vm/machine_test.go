package vm

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestChoose(t *testing.T) {
	tests := []struct {
		name    string
		wanted  []string
		long    bool
		want    []string
		wantErr string
	}{
		{"none named", nil, false, []string{"plain", "no-ipv6", "integrity", "confidentiality", "systemd"}, ""},
		{"all", nil, true, []string{"plain", "trunk", "no-ipv6", "integrity", "confidentiality", "systemd"}, ""},
		{"one that takes long", []string{"trunk"}, false, []string{"trunk"}, ""},
		{"two, in the order of the names", []string{"systemd", "plain"}, false, []string{"systemd", "plain"}, ""},
		{"one that there is not", []string{"plain", "plan9"}, false, nil, `no machine has the name "plan9"; there are plain, trunk, no-ipv6,`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			some, err := choose(tt.wanted, tt.long)
			if tt.wantErr != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tt.wantErr) {
					t.Errorf("got %v, want %s...", err, tt.wantErr)
				}
				return
			}
			var got []string
			for _, m := range some {
				got = append(got, m.name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestPrograms(t *testing.T) {
	m := machine{name: "odd", packages: []string{"a/b"}, run: "^TestOdd$", skip: "^TestEven"}
	tests := []struct {
		name string
		o    Options
		want []string
	}{
		{"what the machine is for", Options{Timeout: time.Minute}, []string{"-test.v", "-test.timeout=1m0s", "-test.run=^TestOdd$", "-test.skip=^TestEven"}},
		{"what the user wants", Options{Timeout: time.Minute, Run: "X"}, []string{"-test.v", "-test.timeout=1m0s", "-test.run=X", "-test.skip=^TestEven"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := m.programs(tt.o)
			if len(got) != 1 || got[0].Path != "/tests/b.test" || !slices.Contains(got[0].Env, "RELAY_VM=odd") {
				t.Fatalf("got %+v, want one program with the tests of b", got)
			}
			if diff := cmp.Diff(tt.want, got[0].Args); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
