package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/dhcp-vm/internal/vm"
)

// disk is where the disk is mounted, and what there is on it.
const (
	disk   = "/disk"
	device = "/dev/vda"
	self   = "/usr/local/sbin/scenes"
)

// unit runs the tests once the system is up.
const unit = `[Unit]
Description=Scenes of dhcp-relay
[Service]
Type=idle
ExecStart=` + self + `
[Install]
WantedBy=multi-user.target
`

// relayConfig is what the administrator has written before the first boot.
const relayConfig = `[[interface]]
name = "lan*"
servers = ["10.9.0.2", "2001:db8:9::2"]
`

// hasDisk reports whether the machine has one.
func hasDisk() bool {
	_, err := os.Stat(device)
	return err == nil
}

// handOver puts onto the disk what a package of the relay would, with the tests,
// and makes the system there the one that runs. It returns only if it fails.
func handOver() error {
	if err := unix.Mount(device, disk, "ext4", 0, ""); err != nil {
		return fmt.Errorf("mount %s: %w", device, err)
	}
	if err := furnish(); err != nil {
		return fmt.Errorf("furnish the disk: %w", err)
	}
	for _, d := range []string{"/dev", "/proc", "/sys", "/run"} {
		if err := unix.Mount(d, disk+d, "", unix.MS_MOVE, ""); err != nil {
			return fmt.Errorf("move %s: %w", d, err)
		}
	}
	// As switch_root does: the present root cannot be unmounted, but covered.
	if err := errors.Join(os.Chdir(disk), unix.Mount(".", "/", "", unix.MS_MOVE, ""), unix.Chroot("."), os.Chdir("/")); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	return unix.Exec("/sbin/init", []string{"/sbin/init"}, []string{"HOME=/", "TERM=dumb"})
}

func furnish() error {
	const wants = "/etc/systemd/system/multi-user.target.wants/"
	errs := []error{
		copyFile("/init", self), copyFile("/etc/tests.json", vm.TestList), copyTree("/tests"), copyTree("/src"),
		copyFile(vm.Package(1), vm.Package(1)), copyFile(vm.Package(2), vm.Package(2)), install(),
		write("/etc/dhcp-relay/relay.toml", relayConfig), write("/etc/systemd/system/scenes.service", unit),
		write("/etc/hostname", "router\n"),
		enable(wants, "/usr/lib/systemd/system/dhcp-relay.service"), enable(wants, "/etc/systemd/system/scenes.service"),
	}
	return errors.Join(errs...)
}

// install installs the first version of the package, as somebody does who prepares a disk.
func install() (err error) {
	if err := unix.Mount("/proc", disk+"/proc", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	defer func() { err = errors.Join(err, unix.Unmount(disk+"/proc", 0)) }()
	cmd := exec.Command("/usr/bin/dpkg", "--install", vm.Package(1))
	cmd.Dir, cmd.Env = "/", []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: disk}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	return nil
}

func enable(wants, unit string) error {
	return errors.Join(os.MkdirAll(disk+wants, 0o755), os.Symlink(unit, disk+wants+filepath.Base(unit)))
}

func write(name, text string) error {
	return errors.Join(os.MkdirAll(disk+filepath.Dir(name), 0o755), os.WriteFile(disk+name, []byte(text), 0o644))
}

// copyTree copies what is below a directory to the same place on the disk.
func copyTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.MkdirAll(disk+path, 0o755)
		}
		return copyFile(path, path)
	})
}

// copyFile copies a file to a place on the disk.
func copyFile(from, to string) (err error) {
	if err := os.MkdirAll(disk+filepath.Dir(to), 0o755); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(disk+to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, info.Mode())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
