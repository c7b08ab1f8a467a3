package check

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStrictReversePathsAreFound(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		all  string
		want []string
	}{
		{"none by all", "0", []string{"eth1"}},
		{"strict by all", "1", []string{"eth0", "eth1"}},
		{"loose by all", "2", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, v := range map[string]string{"all": c.all, "default": "1", "lo": "1", "eth0": "0", "eth1": "1", "eth2": "2"} {
				if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name, "rp_filter"), []byte(v+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(c.want, strictIn(dir)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got := strictIn(filepath.Join(t.TempDir(), "none")); got != nil {
		t.Errorf("without the files: %v", got)
	}
}
