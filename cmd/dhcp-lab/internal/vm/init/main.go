// The command init is the first process of the virtual machine: it makes the
// place ready, runs the tests that it finds there one after the other, and
// switches the machine off. The host reads what happens from the second serial
// port.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/dhcp-lab/internal/vm"
)

// grace is how long a program's output may take to arrive after its end.
const grace = 2 * time.Second

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "init: this is for the virtual machine of dhcp-lab vm-test")
		os.Exit(2)
	}
	port, err := prepare()
	if err != nil {
		fmt.Println("init:", err)
	} else {
		err = runAll(port)
		fmt.Fprintln(port, vm.Mark, "done", errors.Join(err))
	}
	// Nothing is on any disk.
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("init: power off:", err)
	}
}

// prepare mounts what programs expect, loads the modules and opens the port to
// the host.
func prepare() (*os.File, error) {
	for _, m := range []struct{ kind, at string }{
		{"devtmpfs", "/dev"}, {"proc", "/proc"}, {"sysfs", "/sys"}, {"tmpfs", "/run"}, {"tmpfs", "/tmp"},
	} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return nil, err
		}
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			return nil, fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	// Tunnel modules would put devices of their own into every namespace.
	if err := os.WriteFile("/proc/sys/net/core/fb_tunnels_only_for_init_net", []byte("2"), 0o644); err != nil {
		return nil, err
	}
	if err := loadModules(); err != nil {
		return nil, err
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return nil, err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return nil, err
	}
	return os.OpenFile("/dev/ttyS1", os.O_WRONLY, 0)
}

func loadModules() error {
	list, err := os.ReadFile(vm.ModuleList)
	if err != nil {
		return err
	}
	for file := range strings.FieldsSeq(string(list)) {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		err = unix.FinitModule(int(f.Fd()), "", 0)
		if err := errors.Join(err, f.Close()); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("load %s: %w", file, err)
		}
	}
	return nil
}

// runAll runs the programs of the list. That one fails is told to the host, and
// no error here.
func runAll(port io.Writer) error {
	b, err := os.ReadFile(vm.TestList)
	if err != nil {
		return err
	}
	var list []vm.Program
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	for _, p := range list {
		fmt.Fprintln(port, vm.Mark, "run", p.Name)
		start := time.Now()
		err := run(port, p)
		fmt.Fprintln(port, vm.Mark, "end", p.Name, time.Since(start).Round(time.Millisecond), errors.Join(err))
	}
	return nil
}

func run(port io.Writer, p vm.Program) error {
	cmd := exec.Command(p.Path, p.Args...)
	// Tests expect to start in the directory of their package.
	cmd.Dir = p.Dir
	cmd.Env = append([]string{"PATH=/bin:/sbin:/usr/bin:/usr/sbin", "HOME=/tmp", "RELAY_TEST_NOSKIP=all"}, p.Env...)
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		return errors.Join(err, in.Close(), out.Close())
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for sc := bufio.NewScanner(out); sc.Scan(); {
			fmt.Fprintln(port, sc.Text())
		}
	}()
	err = errors.Join(cmd.Wait(), in.Close())
	// Daemons that a test has left behind hold the other end, and are not waited
	// for.
	select {
	case <-drained:
	case <-time.After(grace):
	}
	return err
}
