package vm

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// tools are programs of the host that the scenes use.
func tools() []string { return []string{"nft", "pppd", "setpriv", "unshare", "wg"} }

// buildImage writes the file system that all machines start with, with the daemon's
// packages if one of them is to install them.
func buildImage(ctx context.Context, o Options, k *kernel, packaged bool, file string) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	a := &archive{w: w}
	for _, d := range []string{"dev", "proc", "sys", "run", "tmp", "etc", "disk", packagesDir[1:]} {
		a.dir(d)
	}
	var list strings.Builder
	for _, m := range k.modules {
		name := "lib/modules/" + m.name + ".ko"
		a.file(name, 0o644, m.data)
		fmt.Fprintln(&list, "/"+name)
	}
	a.file(ModuleList[1:], 0o644, []byte(list.String()))
	if err := errors.Join(addPrograms(ctx, a, o), addTools(ctx, a)); err != nil {
		return err
	}
	if packaged {
		if err := addPackages(ctx, a, o); err != nil {
			return fmt.Errorf("make packages of the daemon: %w", err)
		}
	}
	return errors.Join(a.close(), w.Flush())
}

// addPrograms builds the project's own programs and tests, and lists the tests.
func addPrograms(ctx context.Context, a *archive, o Options) error {
	dir := filepath.Join(o.Cache, "build")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	build := func(name string, args ...string) error {
		out := filepath.Join(dir, filepath.Base(name))
		cmd := exec.CommandContext(ctx, "go", append(args[:1:1], append([]string{"-trimpath", "-ldflags=-s -w", "-o", out}, args[1:]...)...)...)
		cmd.Dir, cmd.Env = o.Root, append(os.Environ(), "CGO_ENABLED=0")
		if b, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", cmd, err, b)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			return err
		}
		a.file(name, 0o755, b)
		return nil
	}
	errs := []error{
		build("init", "build", "-buildvcs=false", "./cmd/dhcp-vm/internal/vm/init"),
		build("bin/dhcp-relay", "build", "-buildvcs=false", "./cmd/dhcp-relay"),
	}
	for _, pkg := range packages() {
		errs = append(errs, build("/tests/"+testFile(pkg), "test", "-c", "-vet=off", "./"+pkg), addTestdata(a, o.Root, pkg))
	}
	lists := make(map[string][]Program)
	for _, m := range machines() {
		lists[m.name] = m.programs(o)
	}
	b, err := json.Marshal(lists)
	a.file(TestList[1:], 0o644, b)
	return errors.Join(append(errs, err)...)
}

// addPackages adds the daemon's package of Debian in two versions, the older first.
func addPackages(ctx context.Context, a *archive, o Options) error {
	for n := 1; n <= 2; n++ {
		deb, err := buildPackage(ctx, o, n)
		if err != nil {
			return err
		}
		a.file(Package(n)[1:], 0o644, deb)
	}
	return nil
}

// buildPackage returns the package of a state of the tree with so many commits.
func buildPackage(ctx context.Context, o Options, commits int) ([]byte, error) {
	dir, err := os.MkdirTemp(o.Cache, "deb")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is of interest is returned
	cmd := exec.CommandContext(ctx, "deploy/packages/build", "scenes", dir, "deb")
	cmd.Dir = o.Root
	cmd.Env = append(os.Environ(), "ARCHS=amd64", "SOURCE_DATE_EPOCH=0", "NFPM="+o.NFPM, "COMMITS="+strconv.Itoa(commits))
	if b, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", cmd, err, b)
	}
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(debs) != 1 {
		return nil, fmt.Errorf("%d packages, want one (%w)", len(debs), err)
	}
	return os.ReadFile(debs[0])
}

// addTestdata adds a package's directory with the files that its tests read, and
// what deploy/ has for the scenes.
func addTestdata(a *archive, root, pkg string) error {
	a.dir("src/" + pkg)
	for _, pattern := range []string{pkg + "/testdata/*", "deploy/*.nft", "deploy/*.service", "deploy/packages/*.conf"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return err
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(root, f)
			if err != nil {
				return err
			}
			a.file("src/"+name, 0o644, b)
		}
	}
	return nil
}

// addTools adds programs of the host with the libraries that they need.
func addTools(ctx context.Context, a *archive) error {
	libraries := map[string]bool{}
	for _, t := range tools() {
		path, err := exec.LookPath(t)
		if err != nil {
			// Debian keeps some programs where users do not look.
			if path, err = exec.LookPath("/usr/sbin/" + t); err != nil {
				return err
			}
		}
		out, err := output(ctx, "", "ldd", path)
		if err != nil {
			return err
		}
		for f := range strings.FieldsSeq(string(out)) {
			if filepath.IsAbs(f) {
				libraries[f] = true
			}
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		a.file("bin/"+t, 0o755, b)
	}
	for l := range libraries {
		b, err := os.ReadFile(l)
		if err != nil {
			return err
		}
		a.file(l[1:], 0o755, b)
	}
	return nil
}
