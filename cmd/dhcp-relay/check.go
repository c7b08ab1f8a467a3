package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"dhcp-relay/giaddr"
	"dhcp-relay/giaddr/watch"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/host/check"
	"dhcp-relay/relay/host/udp"
)

// A loaded is a configuration with a fingerprint of its file.
type loaded struct {
	*config.Config
	hash string
}

// load reads and checks the configuration.
func load(file string) (*loaded, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return judge(file, data)
}

// judge checks what a configuration file says.
func judge(file string, data []byte) (*loaded, error) {
	hostname, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("read the host's name: %w", err)
	}
	cfg, err := config.Parse(file, data, config.Host{Hostname: hostname})
	if err != nil {
		return nil, err
	}
	later, err := checkServed(cfg)
	if err != nil {
		return nil, err
	}
	cfg.Warnings = append(cfg.Warnings, later...)
	return &loaded{cfg, fingerprint(data)}, nil
}

// fingerprint returns the hash by which configurations are told apart.
func fingerprint(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

func newCheckCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "Check a configuration; exit with 0 if it is good, 1 if it is not",
		Long: "Check a configuration against the rules and against this host.\n" +
			"What is wrong goes to standard error and makes the exit status 1.\n" +
			"What is legal but unlikely is a warning and does not.",
		Args: cobra.NoArgs,
	}
	file := addConfigFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := load(*file)
		if err != nil {
			return err
		}
		stderr := c.ErrOrStderr()
		for _, w := range append(cfg.Warnings, listenDoubts(cfg.Config)...) {
			fmt.Fprintln(stderr, "warning:", w.Error())
		}
		doubts, does, err := judgeHost(cfg.Config)
		bad := false
		for _, d := range doubts {
			kind := "warning:"
			if d.fatal {
				kind, bad = "error:", true
			}
			fmt.Fprintln(stderr, kind, d.text)
		}
		if err != nil {
			return err
		}
		if bad {
			return errReported
		}
		for _, line := range does {
			fmt.Fprintln(c.OutOrStdout(), line)
		}
		_, err = fmt.Fprintf(c.OutOrStdout(), "%s: good\n", *file)
		return err
	}
	return c
}

// placed describes a problem with its place in the file, if it is with what is
// written there rather than with an interface of the host.
func placed(cfg *config.Config, q agent.Problem) string {
	if q.Entry == 0 {
		return q.String()
	}
	return cfg.At(q.Entry-1, "name", strconv.Quote(q.Interface)+": "+q.Text, q.Hint).Error()
}

// judgeHost holds a configuration against the links and sockets of this host. What
// can never work there is fatal; does says what the daemon would do that depends on
// this host.
func judgeHost(cfg *config.Config) (all []doubt, does []string, err error) {
	p := cfg.Policy
	w, err := watch.New()
	if err != nil {
		return nil, nil, fmt.Errorf("look at the interfaces: %w", err)
	}
	defer func() { _ = w.Close() }() // it was only read
	links := w.Links()
	snap, problems := agent.Compile(p, links)
	for _, q := range problems {
		all = append(all, doubt{placed(cfg, q), q.Fatal})
	}
	all = append(all, kernelDoubts(os.DirFS(sysctls), strictIn(sysctls+"/net/ipv4/conf"), p, snap)...)
	for _, text := range unreachable(p, snap, links, route) {
		all = append(all, doubt{text: text})
	}
	rs, err := check.Rivals(snap, func() []giaddr.Link { return links }, false, udp.Name)
	for i := range rs {
		if r := &rs[i]; !r.Same() && !stored(r) {
			all = append(all, doubt{text: fmt.Sprintf("port %d is held by %s; %s", r.Addr.Port(), r, effect(r, rs))})
		}
	}
	return all, segmentations(snap, links), err
}

// effect says what there is to expect of one of the others who hold the ports: where
// one does not share its port, the daemon does not start, unless it runs already.
func effect(r *check.Rival, all []check.Rival) string {
	if slices.ContainsFunc(all, func(o check.Rival) bool { return o.Same() }) || shared(r.Family, r.Addr.Port()) {
		return r.Effect()
	}
	return "it does not share the port, so the relay cannot start beside it; stop it, or have it listen elsewhere"
}

// stored reports whether systemd may hold the socket for the next process of the
// daemon, which has made it as this user. The unit's check, which runs between two
// processes, may not look at systemd.
func stored(r *check.Rival) bool {
	unit := r.PID == 0 && os.Getenv("INVOCATION_ID") != "" && r.Addr.Addr().IsUnspecified() && int(r.UID) == os.Geteuid()
	return unit || r.PID == 1 && r.Command == "systemd"
}
