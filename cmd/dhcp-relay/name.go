package main

import (
	"fmt"
	"os"
	"path/filepath"

	"dhcp-relay/relay/duid"
)

// stateDirectory is where the relay keeps what must outlast it, unless systemd
// names another place.
const stateDirectory = "/var/lib/dhcp-relay"

// loadForRun reads the configuration and, if an interface sends it, the DUID
// that this relay has made for itself once (RFC 5460, section 5.4.1).
func loadForRun(file string) (*loaded, error) {
	cfg, err := load(file)
	if err != nil || !cfg.NeedsDUID() {
		return cfg, err
	}
	dir := os.Getenv("STATE_DIRECTORY")
	if dir == "" {
		dir = stateDirectory
		if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a DUID is no secret
			return nil, fmt.Errorf("make a place for the DUID: %w; or set duid", err)
		}
	}
	d, err := duid.Load(filepath.Join(dir, "duid"))
	if err != nil {
		return nil, fmt.Errorf("load the DUID: %w; or set duid", err)
	}
	cfg.Policy.DUID = d
	return cfg, nil
}
