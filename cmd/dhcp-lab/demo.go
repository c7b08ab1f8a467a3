package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/dhcp-lab/internal/netns"
	"dhcp-relay/cmd/dhcp-lab/internal/real"
	"dhcp-relay/cmd/dhcp-lab/internal/scene"
)

// A demo is what the command line asks for.
type demo struct {
	scene.Options

	once   bool
	scenes []int
	out    io.Writer
	color  bool
}

func newDemoCommand() *cobra.Command {
	d := &demo{}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Play DHCP between clients, the relay and servers, and show it",
		Long: "Demo builds a network of namespaces: a router with the relay, two client networks\n" +
			"and two DHCP servers. It plays scenes in it, shows each as a ladder of messages,\n" +
			"and checks what crossed the wires, the servers' leases and the relay's counters.\n" +
			"In a terminal a lab then stays up to look around in. It needs root.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			d.out, d.color = c.OutOrStdout(), isTerminal(os.Stdout) && os.Getenv("NO_COLOR") == ""
			return d.run(c.Context())
		},
	}
	f := c.Flags()
	f.BoolVar(&d.once, "once", false, "end after the scenes")
	f.IntSliceVar(&d.scenes, "scene", nil, "play only the scenes with these numbers")
	f.StringVar(&d.Relay, "relay", "", "the program dhcp-relay; by default the one beside dhcp-lab, or else built by go")
	f.StringVar(&d.Server, "server", scene.Embedded, "the servers: "+kinds(real.ServerKinds()))
	f.StringVar(&d.Client, "client", scene.Embedded, "the clients: "+kinds(real.ClientKinds()))
	return c
}

func kinds(list []string) string { return scene.Embedded + ", " + strings.Join(list, ", ") }

// run prepares, plays, and stays if there is someone to look.
func (d *demo) run(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("network namespaces need root: run it with sudo")
	}
	if err := d.check(); err != nil {
		return err
	}
	if err := netns.Sweep(regexp.MustCompile(`^dl(\d+)-`)); err != nil {
		return fmt.Errorf("clear away what an earlier lab left: %w", err)
	}
	d.Prefix = fmt.Sprintf("dl%d-", os.Getpid())
	cleanup, err := d.findRelay(ctx)
	if err != nil {
		return err
	}
	defer cleanup()
	played := d.play(ctx)
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if !d.once && isTerminal(os.Stdout) {
		if err := d.stay(ctx); err != nil {
			return err
		}
	}
	return played
}

// check refuses what cannot be played, before anything is built.
func (d *demo) check() error {
	var errs []error
	if d.Server != scene.Embedded {
		errs = append(errs, real.CheckServer(d.Server))
	}
	if d.Client != scene.Embedded {
		errs = append(errs, real.CheckClient(d.Client))
	}
	for _, n := range d.scenes {
		if !slices.ContainsFunc(scene.Scenes(), func(s scene.Scene) bool { return s.Number == n }) {
			errs = append(errs, fmt.Errorf("scene %d: there are 1 to %d", n, len(scene.Scenes())))
		}
	}
	return errors.Join(errs...)
}

// findRelay finds the relay, or builds it.
func (d *demo) findRelay(ctx context.Context) (cleanup func(), err error) {
	nothing := func() {}
	if d.Relay != "" {
		d.Relay, err = filepath.Abs(d.Relay)
		if err == nil {
			_, err = os.Stat(d.Relay)
		}
		return nothing, err
	}
	self, err := os.Executable()
	if err != nil {
		return nothing, err
	}
	d.Relay = filepath.Join(filepath.Dir(self), "dhcp-relay")
	if s, err := os.Stat(d.Relay); err == nil && s.Mode().IsRegular() {
		return nothing, nil
	}
	dir, err := os.MkdirTemp("", "dhcp-lab-bin-")
	if err != nil {
		return nothing, err
	}
	cleanup = func() { _ = os.RemoveAll(dir) } // a leftover in /tmp harms nobody
	d.Relay = filepath.Join(dir, "dhcp-relay")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", d.Relay, "dhcp-relay/cmd/dhcp-relay").CombinedOutput()
	if err != nil {
		cleanup()
		return nothing, fmt.Errorf("build dhcp-relay, since there is none beside dhcp-lab and --relay is not given: %w\n%s", err, out)
	}
	return cleanup, nil
}

// stay builds a lab, lets everyone log in, and waits for ctx to be done.
func (d *demo) stay(ctx context.Context) (err error) {
	lab, err := scene.Build(ctx, d.Options, "", false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	for _, name := range []string{"a1", "a2", "a3", "b1"} {
		if _, err := lab.Login(ctx, name, false); err != nil {
			return err
		}
	}
	fmt.Fprintf(d.out, staying, d.Prefix)
	<-ctx.Done()
	return nil
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
