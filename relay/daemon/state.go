package daemon

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"dhcp-relay/relay/host/resolve"
	"dhcp-relay/relay/wire/duid"
)

// stateDirectory is where the relay keeps what must outlast it, unless systemd
// names another place.
const stateDirectory = "/var/lib/dhcp-relay"

// loadForRun reads the configuration with what its DNS names mean and, if an interface
// sends it, the DUID that this relay has made for itself once (RFC 5460, section 5.4.1).
func loadForRun(ctx context.Context, file string, h *hosts) (*Loaded, []resolve.Change, error) {
	cfg, changes, err := h.load(ctx, file)
	if err != nil || !cfg.NeedsDUID() {
		return cfg, changes, err
	}
	dir, err := stateDir()
	if err != nil {
		return nil, nil, fmt.Errorf("make a place for the DUID: %w; or set duid", err)
	}
	d, err := duid.Load(filepath.Join(dir, "duid"))
	if err != nil {
		return nil, nil, fmt.Errorf("load the DUID: %w; or set duid", err)
	}
	cfg.Policy.DUID = d
	return cfg, changes, nil
}

// stateDir returns the directory of what must outlast the relay, and makes it if
// need be.
func stateDir() (string, error) {
	if dir := os.Getenv("STATE_DIRECTORY"); dir != "" {
		return dir, nil
	}
	return stateDirectory, os.MkdirAll(stateDirectory, 0o755) //nolint:gosec // a DUID is no secret, captures have a mode of their own
}

// KnownDUID returns the DUID that the relay on this host has made for itself. It
// makes none.
func KnownDUID() (duid.DUID, error) {
	dir := os.Getenv("STATE_DIRECTORY")
	if dir == "" {
		dir = stateDirectory
	}
	path := filepath.Join(dir, "duid")
	if _, err := os.Stat(path); err != nil { //nolint:gosec // whoever runs this names the directory
		return nil, err
	}
	return duid.Load(path)
}
