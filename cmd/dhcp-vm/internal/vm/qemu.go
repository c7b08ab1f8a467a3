package vm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// emulator is the program that runs the machine.
const emulator = "qemu-system-x86_64"

// A boot is a machine as qemu has it.
type boot struct {
	accel, kernel, initramfs string
	parameters               string // of the kernel
	disk                     string // a file with a file system; "": none
	console                  string // the file of the first serial port
}

// run runs the machine to its end, and hands on each line that comes by its
// second serial port. The first one, the kernel's console, goes to a file.
//
// Emulation works everywhere. With KVM the machine is faster, but where the host
// is a virtual machine itself it may hang rather than fail. Other CPU models,
// "mitigations=off", a larger cache of translations and the machine "microvm" were
// tried, and are not faster.
func (b *boot) run(ctx context.Context, line func(string)) error {
	// A kernel that looks whether its timer ticks gives up where the host is too busy.
	const parameters = "console=ttyS0 panic=-1 no_timer_check rdinit=/init "
	args := []string{
		"-n", "10", emulator,
		"-machine", "q35", "-accel", b.accel, "-cpu", "max", "-smp", "2", "-m", "2048",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-serial", "file:" + b.console, "-serial", "stdio",
		"-kernel", b.kernel, "-initrd", b.initramfs,
		"-append", parameters + b.parameters,
	}
	if b.disk != "" {
		args = append(args, "-drive", "file="+b.disk+",format=raw,if=virtio,snapshot=on")
	}
	cmd := exec.CommandContext(ctx, "nice", args...)
	cmd.WaitDelay = 5 * time.Second
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	sc := bufio.NewScanner(out)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		line(strings.TrimRight(sc.Text(), "\r"))
	}
	err = errors.Join(sc.Err(), cmd.Wait())
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", emulator, context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", emulator, err, stderr.String())
	}
	return nil
}
