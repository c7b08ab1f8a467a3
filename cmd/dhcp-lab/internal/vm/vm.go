// Package vm runs tests under a kernel of Debian's in a virtual machine: one
// that has 802.1Q, VRF, netem and what else kernels for containers and virtual
// machines lack. It builds the machine's only file system and reads the results
// from a serial port; it needs neither root nor a disk image.
package vm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Mark begins the lines by which the guest tells the host how far it is.
const Mark = "@@vm"

// Files of the guest.
const (
	ModuleList = "/etc/modules"    // paths of modules, in the order of loading
	TestList   = "/etc/tests.json" // a list of Program
)

// A Program is a test binary in the guest.
type Program struct {
	Name, Path, Dir string
	Args, Env       []string
}

// Options say what to run.
type Options struct {
	Root    string        // the module's directory
	Cache   string        // where the kernel and what is built are kept
	Run     string        // regular expression of the tests to run, "" for all
	Verbose bool          // print also what tests say that pass
	Accel   string        // qemu's accelerator: "tcg" or "kvm"
	Timeout time.Duration // of the machine, from its start
}

// ErrFailed says that the tests have run, and that some have failed.
var ErrFailed = errors.New("not everything has passed")

// Run builds the machine, lets it run the tests, and prints what comes of them.
// The error wraps ErrFailed if one fails.
func Run(ctx context.Context, o Options, w io.Writer) error {
	cache, err := filepath.Abs(o.Cache)
	if err != nil {
		return err
	}
	o.Cache = cache
	k, err := fetchKernel(ctx, o.Cache)
	if err != nil {
		return fmt.Errorf("get a kernel: %w", err)
	}
	image := filepath.Join(o.Cache, "initramfs.cpio")
	if err := buildImage(ctx, o, k, image); err != nil {
		return fmt.Errorf("build the machine's file system: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	console := filepath.Join(o.Cache, "console.log")
	rep := &report{w: w, verbose: o.Verbose}
	start := time.Now()
	fmt.Fprintf(w, "Linux %s\n", k.release)
	if err := boot(ctx, o.Accel, k.image, image, console, rep.line); err != nil {
		rep.broken("interrupted")
		return errors.Join(fmt.Errorf("run the machine: %w", err), tail(console))
	}
	fmt.Fprintf(w, "%s in %v\n", rep.summary(), time.Since(start).Round(100*time.Millisecond))
	if !rep.done {
		return errors.Join(errors.New("the machine has stopped before its end"), tail(console))
	}
	if rep.failed > 0 {
		return ErrFailed
	}
	return nil
}

// tail returns the end of the console's log as an error.
func tail(console string) error {
	b, err := os.ReadFile(console)
	if err != nil {
		return err
	}
	return fmt.Errorf("its console:\n%s", b[max(0, len(b)-4096):])
}
