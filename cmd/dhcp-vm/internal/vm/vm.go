// Package vm runs tests under a kernel of Debian's in a virtual machine: one
// that has 802.1Q, VRF, netem and what else kernels for containers and virtual
// machines lack. It builds the machine's only file system and reads the results
// from a serial port; it needs neither root nor a disk image.
package vm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Mark begins the lines by which the guest tells the host how far it is.
const Mark = "@@vm"

// Files of the guest.
const (
	ModuleList = "/etc/modules"    // paths of modules, in the order of loading
	TestList   = "/etc/tests.json" // lists of Program, by machine
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
	Machine []string      // names of the machines to run; none: those that do not take long
	All     bool          // run all machines
	NFPM    string        // the program that makes the daemon's package
	Run     string        // regular expression of the tests to run, "" for all
	Again   bool          // run the few tests that fail once more, without the others
	Verbose bool          // print also what tests say that pass
	Results string        // file for the results, as lines of JSON; "" for none
	Accel   string        // qemu's accelerator: "tcg" or "kvm"
	Timeout time.Duration // of each machine, from its start
}

// ErrFailed says that the tests have run, and that some have failed.
var ErrFailed = errors.New("not everything has passed")

// Run builds the machines, lets them run the tests one after the other, and prints
// what comes of them. The error wraps ErrFailed if a test fails.
func Run(ctx context.Context, o Options, w io.Writer) error {
	some, err := choose(o.Machine, o.All)
	if err != nil {
		return err
	}
	if o.Cache, err = filepath.Abs(o.Cache); err != nil {
		return err
	}
	k, err := fetchKernel(ctx, o.Cache)
	if err != nil {
		return fmt.Errorf("get a kernel: %w", err)
	}
	fmt.Fprintf(w, "Linux %s\n", k.release)
	rep := &report{w: w, verbose: o.Verbose}
	if o.Results != "" {
		f, err := os.Create(o.Results)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		rep.results = json.NewEncoder(f)
	}
	start := time.Now()
	err = runMachines(ctx, o, k, some, rep)
	if names := rep.few(); err == nil && o.Again && len(names) > 0 {
		fmt.Fprintf(w, "%s; FAILED AMONG THE OTHERS, once more without them: %s\n", rep.summary(), strings.Join(names, ", "))
		some = slices.DeleteFunc(some, func(m machine) bool { return !slices.Contains(rep.spoilt, m.name) })
		o.Run = "^(" + strings.Join(names, "|") + ")$"
		rep.forgive()
		err = runMachines(ctx, o, k, some, rep)
	}
	fmt.Fprintf(w, "%s in %v\n", rep.summary(), time.Since(start).Round(100*time.Millisecond))
	if err == nil && rep.failed > 0 {
		return ErrFailed
	}
	return err
}

// runMachines builds the file system of machines and runs them, one after the other.
func runMachines(ctx context.Context, o Options, k *kernel, some []machine, rep *report) error {
	initramfs := filepath.Join(o.Cache, "initramfs.cpio")
	packaged := slices.ContainsFunc(some, func(m machine) bool { return m.disk })
	if err := buildImage(ctx, o, k, packaged, initramfs); err != nil {
		return fmt.Errorf("build the machines' file system: %w", err)
	}
	var errs []error
	for i := range some {
		b := boot{accel: o.Accel, kernel: k.image, initramfs: initramfs, console: filepath.Join(o.Cache, "console-"+some[i].name+".log")}
		errs = append(errs, runMachine(ctx, o, &some[i], b, rep))
	}
	return errors.Join(errs...)
}

// runMachine runs one machine to its end, which must be what it is to be.
func runMachine(ctx context.Context, o Options, m *machine, b boot, rep *report) (err error) {
	start := time.Now()
	fmt.Fprintf(rep.w, "machine %s: %s\n", m.name, m.about)
	b.parameters = m.kernel + " " + Parameter + m.name
	if m.disk {
		if b.disk, err = buildDisk(ctx, o.Cache); err != nil {
			return fmt.Errorf("make a disk with systemd: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	rep.boots(m.name)
	if err := b.run(ctx, rep.line); err != nil {
		rep.broken("interrupted")
		return errors.Join(fmt.Errorf("run the machine %s: %w", m.name, err), tail(b.console))
	}
	fmt.Fprintf(rep.w, "machine %s: ended after %v\n", m.name, time.Since(start).Round(100*time.Millisecond))
	if !rep.done {
		return errors.Join(fmt.Errorf("the machine %s has stopped before its end", m.name), tail(b.console))
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
