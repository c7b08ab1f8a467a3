package vm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// packagesDir is where a machine with systemd has the daemon's packages.
const packagesDir = "/packages"

// Package returns the path in the guest of the daemon's package, the first version of it
// or the second.
func Package(n int) string { return fmt.Sprintf("%s/%d.deb", packagesDir, n) }

// diskSize is the size of the disk's file, which has holes.
const diskSize = "1G"

// buildDisk returns the path of a disk with a least Debian system and systemd. It
// is made once, by debootstrap, which needs root; what machines write is not kept.
func buildDisk(ctx context.Context, cache string) (string, error) {
	suite, err := codename()
	if err != nil {
		return "", err
	}
	disk := filepath.Join(cache, "systemd-"+suite+".ext4")
	if _, err := os.Stat(disk); err == nil {
		return disk, nil
	}
	if os.Geteuid() != 0 {
		return "", errors.New("debootstrap needs root, once, to make the disk with systemd")
	}
	root, err := os.MkdirTemp(cache, "root")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(root) }() // it is on the disk now, or of no use
	if _, err := output(ctx, cache, "debootstrap", "--variant=minbase", "--include=systemd-sysv", suite, root); err != nil {
		return "", err
	}
	// What nobody reads in a machine without users.
	for _, d := range []string{"var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man"} {
		if err := os.RemoveAll(filepath.Join(root, d)); err != nil {
			return "", err
		}
	}
	part := disk + ".part"
	if err := os.RemoveAll(part); err != nil {
		return "", err
	}
	if _, err := output(ctx, cache, "mkfs.ext4", "-q", "-d", root, part, diskSize); err != nil {
		return "", err
	}
	return disk, os.Rename(part, disk)
}

// codename returns the name of the release of Debian that runs here.
func codename() (string, error) {
	b, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(line, "VERSION_CODENAME="); ok {
			return strings.Trim(strings.TrimSpace(name), `"`), nil
		}
	}
	return "", fmt.Errorf("/etc/os-release has no VERSION_CODENAME")
}
