// The command dhcp-vm plays scenes in virtual machines, whose kernel has what that of
// the host may lack.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"dhcp-relay/cmd/dhcp-vm/internal/vm"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "dhcp-vm:", err)
	os.Exit(1)
}

func newCommand() *cobra.Command {
	o := vm.Options{}
	c := &cobra.Command{
		Use:   "dhcp-vm",
		Short: "Play scenes on VLANs, VRFs and odd uplinks in virtual machines",
		Long: "Dhcp-vm fetches Debian's kernel, boots it in qemu with the relay and the tests of\n" +
			"this module, and prints what comes of each scene: on the kernel as it is, without\n" +
			"IPv6, locked down, and under systemd. It runs in the directory of the module and\n" +
			"needs apt-get, dpkg-deb, qemu-system-x86_64, nft, wg, pppd and Go; nfpm, and\n" +
			"debootstrap, mkfs.ext4 and root once, for a system with systemd.",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(c *cobra.Command, _ []string) error {
			return vm.Run(c.Context(), o, c.OutOrStdout())
		},
	}
	f := c.Flags()
	f.StringVar(&o.Root, "module", ".", "directory of the module")
	f.StringVar(&o.Cache, "cache", "bin/vm", "where to keep the kernel and what is built")
	f.StringSliceVar(&o.Machine, "machine", nil, "run only these: plain, trunk, no-ipv6, integrity, confidentiality, systemd")
	f.BoolVar(&o.All, "all", false, "run all, also trunk, which makes 4,000 VLANs and takes long")
	f.StringVar(&o.NFPM, "nfpm", "nfpm", "the program that makes the package of the daemon, for the system with systemd")
	f.StringVar(&o.Run, "run", "", "run only tests that match this regular expression")
	f.BoolVar(&o.Again, "again", false, "run one or two tests that fail once more, without the others, and say so")
	f.BoolVarP(&o.Verbose, "verbose", "v", false, "print also what tests say that pass")
	f.StringVar(&o.Accel, "accel", "tcg", `how qemu runs the machine: "tcg" emulates it, "kvm" is faster where it works`)
	f.StringVar(&o.Results, "json", "", "write the results to this file, as go test -json does; conformance reads them")
	f.DurationVar(&o.Timeout, "timeout", 15*time.Minute, "how long each machine may run")
	return c
}
