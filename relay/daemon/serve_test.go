package daemon

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Before it hears clients it is not ready, and says why.
func TestUnreadyAtFirst(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "relay.toml")
	if err := os.WriteFile(file, []byte("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	p := newProcess(Options{File: file, Stderr: io.Discard}, cfg, newHosts())
	defer p.lines.Close(logGrace)
	if got, want := p.unready(), []string{"the relay does not hear clients yet"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	p.relaying.Store(true)
	if got := p.unready(); len(got) > 0 {
		t.Errorf("then %q", got)
	}
}
