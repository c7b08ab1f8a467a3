package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/daemon"
	"dhcp-relay/relay/host/check"
	"dhcp-relay/relay/host/udp"
	web "dhcp-relay/relay/http"
	"dhcp-relay/relay/observe/status"
)

func newStatusCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "status",
		Short: "Show what the running daemon does, what is wrong and what to do about it",
		Long: "Show what the running daemon does, what is wrong and what to do about it:\n" +
			"findings first, then servers, interfaces and drops.\n\n" +
			"The exit status is 0 if all works, 1 if the daemon cannot be asked, and 2 if\n" +
			"there is a finding of the severity \"error\": something does not work. With\n" +
			"--fail-on warn it is that of a monitoring plugin: 1 for a warning, 2 for an error,\n" +
			"3 if the daemon cannot be asked. With --fail-on never findings do not matter.",
		Args: cobra.NoArgs,
	}
	find := addSocketFlag(c)
	asJSON := c.Flags().Bool("json", false, "print the state as JSON, as the daemon tells it")
	only := c.Flags().StringP("interface", "i", "", "show only what concerns one interface")
	all := c.Flags().BoolP("all", "a", false, "list every interface and every kind of drop")
	again := c.Flags().BoolP("watch", "w", false, "show the state again every two seconds, until interrupted")
	failOn := status.FailOnError
	c.Flags().Var(&failOn, "fail-on", "severity that shows in the exit status: warn, error or never")
	complete(c, find)
	c.RunE = func(c *cobra.Command, _ []string) error {
		d, err := find()
		if err != nil {
			return exitError{err, failOn.Unknown()}
		}
		var r *status.Report
		look := func(w io.Writer) error {
			if r, err = askStatus(c.Context(), d, *only); err != nil {
				return exitError{err, failOn.Unknown()}
			}
			for i := range r.Findings {
				r.Findings[i].Text = check.NameUnknown(r.Findings[i].Text, udp.Name)
			}
			daemon.LookAtFirewall(c.Context(), r)
			return writeStatus(w, r, *asJSON, *all)
		}
		if *again {
			return repeat(c.Context(), c.OutOrStdout(), watchEvery, look)
		}
		if err := look(c.OutOrStdout()); err != nil {
			return err
		}
		if is := r.Exit(failOn); is != 0 {
			return exitError{errBad, is}
		}
		return nil
	}
	return c
}

// askStatus asks for the state, of one interface if only is not empty.
func askStatus(ctx context.Context, d *web.Client, only string) (*status.Report, error) {
	var r status.Report
	if err := d.Get(ctx, api.Status, &r); err != nil {
		return nil, err
	}
	if only == "" {
		return &r, nil
	}
	one, ok := r.Only(only)
	if !ok {
		return nil, fmt.Errorf("the daemon serves no interface %s, and has dropped nothing there", only)
	}
	return &one, nil
}

func writeStatus(w io.Writer, r *status.Report, asJSON, all bool) error {
	if !asJSON {
		return r.WriteText(w, all)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
