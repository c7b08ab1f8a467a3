package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"dhcp-relay/relay/daemon"
)

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
		cfg, err := daemon.Load(*file)
		if err != nil {
			return err
		}
		stderr := c.ErrOrStderr()
		for _, w := range append(cfg.Warnings, cfg.Listeners()...) {
			fmt.Fprintln(stderr, "warning:", w.Error())
		}
		doubts, does, err := cfg.Host()
		bad := false
		for _, d := range doubts {
			kind := "warning:"
			if d.Fatal {
				kind, bad = "error:", true
			}
			fmt.Fprintln(stderr, kind, d.Text)
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
