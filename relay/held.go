package relay

import (
	"context"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// heldEvery is how often the files are read that say whether this router is active:
// what a fail-over waits for.
const heldEvery = 200 * time.Millisecond

// mostHeld is how many octets of such a file are read.
const mostHeld = 64

// Held reads which of some files say that this router is active, see agent.Active.
func Held(files []string) map[string]bool {
	if len(files) == 0 {
		return nil
	}
	held := make(map[string]bool, len(files))
	for _, f := range files {
		held[f] = saysActive(f)
	}
	return held
}

// saysActive reports whether a file is there and is empty, or says active or master in
// its first word, as scripts of keepalived do.
func saysActive(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // the open of a pipe would wait
	if err != nil {
		return false
	}
	defer f.Close() //nolint:errcheck // nothing was written
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return false
	}
	b, err := io.ReadAll(io.LimitReader(f, mostHeld))
	if err != nil {
		return false
	}
	words := strings.Fields(strings.ToLower(string(b)))
	return len(words) == 0 || words[0] == "active" || words[0] == "master"
}

// watchHeld has the policy applied again when a file says something else, until ctx
// ends.
func (e *Engine) watchHeld(ctx context.Context) {
	for pause(ctx, heldEvery) {
		was := e.held.Load()
		if was == nil || len(*was) == 0 {
			continue
		}
		if now := Held(slices.Collect(maps.Keys(*was))); !maps.Equal(now, *was) {
			select {
			case e.heldMoved <- struct{}{}:
			default: // it is going to happen
			}
		}
	}
}
