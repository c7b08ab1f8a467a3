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

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/real"
	"dhcp-relay/cmd/lab/scene"
)

// A demo is what the command line asks for.
type demo struct {
	scene.Options

	once   bool
	scenes []int
	family string
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
	f.StringVar(&d.family, "family", "both", "the address families to play: 4, 6 or both")
	f.IntSliceVar(&d.scenes, "scene", nil, "play only the scenes with these numbers")
	f.StringVar(&d.Relay, "relay", "", "the program dhcp-relay; by default the one beside dhcp-lab, or else built by go")
	f.StringVar(&d.Server, "server", scene.Embedded, "the servers: "+kinds(real.ServerKinds()))
	f.StringVar(&d.Client, "client", scene.Embedded, "the clients: "+kinds(clientKinds()))
	return c
}

// clientKinds returns the clients of both families.
func clientKinds() []string {
	list := real.ClientKinds()
	for _, k := range real.ClientKinds6() {
		if !slices.Contains(list, k) {
			list = append(list, k)
		}
	}
	return list
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
	f, ok := map[string]scene.Family{"4": scene.IPv4, "6": scene.IPv6, "both": scene.Both}[d.family]
	if !ok {
		return fmt.Errorf("family %q: there are 4, 6 and both", d.family)
	}
	var errs []error
	if d.Server != scene.Embedded {
		if f&scene.IPv4 != 0 {
			errs = append(errs, real.CheckServer(d.Server))
		}
		if f&scene.IPv6 != 0 {
			errs = append(errs, real.CheckServer6(d.Server))
		}
	}
	if d.Client != scene.Embedded {
		errs = append(errs, d.checkClient(f))
	}
	all := scene.Scenes()
	for _, n := range d.scenes {
		if !slices.ContainsFunc(all, func(s scene.Scene) bool { return s.Number == n }) {
			errs = append(errs, fmt.Errorf("scene %d: there are 1 to %d", n, len(all)))
		}
	}
	return errors.Join(errs...)
}

// checkClient refuses a client that is not there. One that knows but one of the
// families has the other's scenes skipped.
func (d *demo) checkClient(f scene.Family) error {
	v4, v6 := f&scene.IPv4 != 0 && real.HasClient(d.Client), f&scene.IPv6 != 0 && real.HasClient6(d.Client)
	switch {
	case v4:
		return real.CheckClient(d.Client)
	case v6:
		return real.CheckClient6(d.Client)
	}
	return fmt.Errorf("client %q: there are %s", d.Client, strings.Join(clientKinds(), ", "))
}

// plays reports whether a scene is asked for.
func (d *demo) plays(s *scene.Scene) bool {
	if len(d.scenes) > 0 {
		return slices.Contains(d.scenes, s.Number)
	}
	return d.family == "both" || d.family == "4" && s.Families() == scene.IPv4 || d.family == "6" && s.Families() == scene.IPv6
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
	f := scene.Both
	for _, x := range []scene.Family{scene.IPv4, scene.IPv6} {
		if x.Lacks(d.Options) != "" {
			f &^= x
		}
	}
	lab, err := scene.Build(ctx, d.Options, scene.Plan{Family: f})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lab.Close()) }()
	for _, name := range []string{"a1", "a2", "a3", "b1"} {
		if f&scene.IPv4 != 0 {
			if _, err := lab.Login(ctx, name, false); err != nil {
				return err
			}
		}
		if f&scene.IPv6 != 0 {
			if _, _, err := lab.Login6(ctx, name, false); err != nil {
				return err
			}
		}
	}
	fmt.Fprintf(d.out, staying, d.Prefix, d.Relay, lab.Relay().Socket())
	<-ctx.Done()
	return nil
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
