package vm

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// metaPackage is what names Debian's present kernel.
const metaPackage = "linux-image-amd64"

// A kernel is Debian's, unpacked as far as it is needed.
type kernel struct {
	release string // such as 6.1.0-56-amd64
	image   string // path of vmlinuz
	modules []module
}

// fetchKernel returns Debian's kernel. What has been fetched once stays in the
// directory, below the name of its package, and needs no network.
func fetchKernel(ctx context.Context, dir string) (*kernel, error) {
	deb, err := fetchPackage(ctx, dir)
	if err != nil {
		return nil, err
	}
	into := strings.TrimSuffix(deb, ".deb") + ".net-disk"
	if _, err := os.Stat(into); errors.Is(err, os.ErrNotExist) {
		if err := unpack(ctx, deb, into); err != nil {
			return nil, fmt.Errorf("unpack %s: %w", deb, err)
		}
	}
	return open(into)
}

// fetchPackage returns the path of the kernel's package.
func fetchPackage(ctx context.Context, dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	pattern := filepath.Join(dir, "linux-image-*.deb")
	have, err := filepath.Glob(pattern)
	if err != nil || len(have) > 0 {
		return slices.Max(append(have, "")), err
	}
	name, err := packageName(ctx)
	if err != nil {
		// A fresh machine may know no packages yet.
		if _, err := output(ctx, dir, "apt-get", "-qq", "update"); err != nil {
			return "", err
		}
		if name, err = packageName(ctx); err != nil {
			return "", err
		}
	}
	if _, err := output(ctx, dir, "apt-get", "-qq", "download", name); err != nil {
		return "", err
	}
	have, err = filepath.Glob(pattern)
	if err != nil || len(have) == 0 {
		return "", fmt.Errorf("apt-get download %s left nothing in %s", name, dir)
	}
	return have[0], nil
}

// packageName returns what the meta package depends on.
func packageName(ctx context.Context) (string, error) {
	out, err := output(ctx, "", "apt-cache", "depends", metaPackage)
	if err != nil {
		return "", err
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "Depends: linux-image-"); ok {
			return "linux-image-" + name, nil
		}
	}
	return "", fmt.Errorf("apt knows no package that %s depends on", metaPackage)
}

// output runs a program and returns what it prints.
func output(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return nil, fmt.Errorf("%s: %w: %s", cmd, err, bytes.TrimSpace(exit.Stderr))
		}
		return nil, fmt.Errorf("%s: %w", cmd, err)
	}
	return out, nil
}

// unpack takes the kernel and its modules for networks out of a package. The
// directory appears whole or not at all.
func unpack(ctx context.Context, deb, into string) error {
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	part := into + ".part"
	err = errors.Join(os.RemoveAll(part), extract(tar.NewReader(out), part))
	// What follows the end of the archive is padding.
	_, drain := io.Copy(io.Discard, out)
	if err := errors.Join(err, drain, cmd.Wait()); err != nil {
		return err
	}
	return os.Rename(part, into)
}

func extract(r *tar.Reader, into string) error {
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || !needed(h.Name) || !filepath.IsLocal(h.Name) {
			continue
		}
		file := filepath.Join(into, h.Name)
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, data, 0o644)); err != nil {
			return err
		}
	}
}

// needed says what of a kernel's package is of use: the kernel, the list of what
// is built in, and the modules of networks and of one kind of disk with what they
// build on.
func needed(name string) bool {
	if strings.Contains(name, "/boot/vmlinuz-") || strings.HasSuffix(name, "/modules.builtin") {
		return true
	}
	_, in, ok := strings.Cut(name, "/kernel/")
	if !ok {
		return false
	}
	for _, room := range []string{
		"net/", "lib/", "crypto/", "arch/", "drivers/net/",
		"drivers/virtio/", "drivers/block/virtio_blk", "fs/ext4/", "fs/jbd2/", "fs/mbcache",
	} {
		if strings.HasPrefix(in, room) {
			// The drivers of real cards are most of the package.
			return !strings.HasPrefix(in, "drivers/net/ethernet/") && !strings.HasPrefix(in, "drivers/net/wireless/")
		}
	}
	return false
}

// open reads what unpack has left.
func open(dir string) (*kernel, error) {
	images, err := filepath.Glob(filepath.Join(dir, "boot", "vmlinuz-*"))
	if err != nil || len(images) != 1 {
		return nil, fmt.Errorf("no kernel in %s: remove the directory, and it is made again", dir)
	}
	k := &kernel{image: images[0], release: strings.TrimPrefix(filepath.Base(images[0]), "vmlinuz-")}
	set, err := findModules(filepath.Join(dir, "lib", "modules", k.release))
	if errors.Is(err, os.ErrNotExist) {
		set, err = findModules(filepath.Join(dir, "usr", "lib", "modules", k.release))
	}
	if err != nil {
		return nil, err
	}
	k.modules, err = set.closure(append(set.have(ciphers()), wanted()...))
	return k, err
}

func findModules(dir string) (*moduleSet, error) {
	s := &moduleSet{builtin: map[string]bool{}, paths: map[string]string{}, read: readModule}
	list, err := os.ReadFile(filepath.Join(dir, "modules.builtin"))
	if err != nil {
		return nil, err
	}
	for line := range strings.FieldsSeq(string(list)) {
		s.builtin[moduleName(line)] = true
	}
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.Contains(d.Name(), ".ko") {
			s.paths[moduleName(path)] = path
		}
		return err
	})
	return s, err
}

// readModule reads a module, which some releases of Debian compress.
func readModule(path string) ([]byte, error) {
	if strings.HasSuffix(path, ".xz") {
		return output(context.Background(), "", "xz", "-dc", path)
	}
	return os.ReadFile(path)
}
