package duid

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// entries returns the names in dir.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestR5460_1_R6925_2_Load(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "duid")
	first, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) != 18 || first[1] != 4 {
		t.Errorf("Load() = %v, want a new DUID-UUID", first)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != first.String()+"\n" {
		t.Errorf("the file holds %q, %v, want %v", text, err, first)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("the file has mode %v, %v, want 0644", info.Mode(), err)
	}
	again, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("DUID after a restart (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"duid"}, entries(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestLoadGiven(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "duid")
	const text = "  00-01-00-01-2C-5E-10-0A-02-00-00-00-00-09\r\n"
	if err := os.WriteFile(path, []byte(text), 0o400); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(llt, got); diff != "" {
		t.Errorf("R6925-3 DUID of the machine that was replaced (-want +got):\n%s", diff)
	}
	if kept, _ := os.ReadFile(path); string(kept) != text {
		t.Errorf("the file now holds %q, want %q", kept, text)
	}
}

// A process that died while it wrote leaves its own file behind, and nothing
// under the name that counts.
func TestLoadAfterCrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".duid.123"), []byte("00:04:5"), 0o600); err != nil {
		t.Fatal(err)
	}
	first, err := Load(filepath.Join(dir, "duid"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Load(filepath.Join(dir, "duid")); err != nil || again.String() != first.String() {
		t.Errorf("Load() = %v, %v, want %v", again, err, first)
	}
}

// Each Load opens and locks the directory for itself, as each process would.
func TestLoadAtOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		dir := t.TempDir()
		var got [8]DUID
		var errs [len(got)]error
		var wg sync.WaitGroup
		start := make(chan struct{})
		for i := range got {
			wg.Go(func() {
				<-start
				got[i], errs[i] = Load(filepath.Join(dir, "duid"))
			})
		}
		close(start)
		wg.Wait()
		if err := errors.Join(errs[:]...); err != nil {
			t.Fatal(err)
		}
		for _, d := range got {
			if diff := cmp.Diff(got[0], d); diff != "" {
				t.Fatalf("two that loaded at once (-one +other):\n%s", diff)
			}
		}
		if diff := cmp.Diff([]string{"duid"}, entries(t, dir)); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
	}
}

func TestLoadBroken(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"empty", "", "has 0 octets"},
		{"blank", " \n", "has 0 octets"},
		{"cut", "00:04:5e:5", `"5" is no octet`},
		{"two lines", "00:03:01\n00:03:02\n", "no octet"},
		{"binary", "\x00\x04\xff", "invalid byte"},
		{"too large", strings.Repeat("00", maxFile), "octets, not 3 to 130"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "duid")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			d, err := Load(path)
			if err == nil {
				t.Fatalf("Load() = %v, want an error", d)
			}
			for _, want := range []string{"relay identifier: ", path, tt.want, "remove it"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q, want it to say %q", err, want)
				}
			}
			if kept, _ := os.ReadFile(path); string(kept) != tt.text {
				t.Errorf("the file now holds %q, want %q", kept, tt.text)
			}
		})
	}
}

func TestLoadImpossible(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path string
		want       error
	}{
		{"no directory", filepath.Join(dir, "none", "duid"), fs.ErrNotExist},
		{"file for a directory", filepath.Join(file, "duid"), syscall.ENOTDIR},
		{"directory for a file", dir, syscall.EISDIR},
		{"file system that takes no files", "/proc/dhcp-relay-duid", fs.ErrNotExist},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, err := Load(tt.path)
			if !errors.Is(err, tt.want) {
				t.Errorf("Load() = %v, %v, want %v", d, err, tt.want)
			}
			if err != nil && !strings.Contains(err.Error(), filepath.Base(filepath.Dir(tt.path))) {
				t.Errorf("error %q does not name the place", err)
			}
		})
	}
	if diff := cmp.Diff([]string{"file"}, entries(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
