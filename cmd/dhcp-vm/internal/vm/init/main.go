// The command init is the first process of a virtual machine: it makes the place
// ready, runs the tests that it finds there one after the other, and switches the
// machine off. In a machine with a disk it hands over to the system there, which
// starts it again as a service for the tests. The host reads what happens from the
// second serial port.
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

	"dhcp-relay/cmd/dhcp-vm/internal/vm"
)

// grace is how long a program's output may take to arrive after its end.
const grace = 2 * time.Second

func main() {
	if _, err := os.Stat(vm.TestList); err != nil {
		fmt.Fprintln(os.Stderr, "init: this is for the virtual machines of dhcp-vm")
		os.Exit(2)
	}
	if err := work(); err != nil {
		fmt.Println("init:", err)
	}
	// Nothing is on any disk.
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("init: power off:", err)
	}
}

// work makes the place ready and runs the tests.
func work() error {
	if os.Getpid() == 1 {
		if err := prepare(); err != nil {
			return err
		}
		if hasDisk() {
			return handOver()
		}
	}
	port, err := os.OpenFile("/dev/ttyS1", os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	fmt.Fprintln(port, vm.Mark, "done", errors.Join(runAll(port)))
	return nil
}

// prepare mounts what programs expect and loads the modules.
func prepare() error {
	for _, m := range []struct{ kind, at string }{
		{"devtmpfs", "/dev"}, {"devpts", "/dev/pts"}, {"proc", "/proc"}, {"sysfs", "/sys"}, {"securityfs", "/sys/kernel/security"}, {"tmpfs", "/run"}, {"tmpfs", "/tmp"},
	} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	// Tunnel modules would put devices of their own into every namespace.
	if err := os.WriteFile("/proc/sys/net/core/fb_tunnels_only_for_init_net", []byte("2"), 0o644); err != nil {
		return err
	}
	if err := loadModules(); err != nil {
		return err
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(lo)
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
		err = errors.Join(err, f.Close())
		if errors.Is(err, unix.EAGAIN) { // esp6, where IPv6 is off; a scene that needs it fails
			fmt.Fprintln(os.Stderr, "load "+file+":", err)
			continue
		}
		if err != nil && !errors.Is(err, unix.EEXIST) {
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
	var lists map[string][]vm.Program
	if err := json.Unmarshal(b, &lists); err != nil {
		return err
	}
	name, err := machine()
	if err != nil {
		return err
	}
	for _, p := range lists[name] {
		fmt.Fprintln(port, vm.Mark, "run", p.Name)
		start := time.Now()
		err := run(port, p)
		fmt.Fprintln(port, vm.Mark, "end", p.Name, time.Since(start).Round(time.Millisecond), errors.Join(err))
	}
	return nil
}

// machine returns the name of this machine.
func machine() (string, error) {
	b, err := os.ReadFile("/proc/cmdline")
	if err != nil {
		return "", err
	}
	for f := range strings.FieldsSeq(string(b)) {
		if name, ok := strings.CutPrefix(f, vm.Parameter); ok {
			return name, nil
		}
	}
	return "", fmt.Errorf("the kernel has no parameter %s", vm.Parameter)
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
