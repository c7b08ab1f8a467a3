package main

import (
	"errors"
	"fmt"
	"net/http"
	"syscall"

	"github.com/spf13/cobra"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/daemon"
)

func newReloadCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "reload",
		Short: "Have the running daemon read its configuration anew; exit with 0 if it took it",
		Long: "Have the running daemon read its configuration anew, and print what it says.\n" +
			"The exit status is 0 if the configuration is in effect, and 1 if the daemon\n" +
			"refused it, so that the former one stays, or cannot be asked. Warnings go to\n" +
			"standard error and do not change the status.",
		Args: cobra.NoArgs,
	}
	find := addSocketFlag(c)
	pid := c.Flags().Int("pid", 0, "process to send SIGHUP to if there is no socket; the exit status then is that of check")
	c.RunE = func(c *cobra.Command, _ []string) error {
		d, err := find()
		if err == nil {
			err = d.Reachable(c.Context())
		}
		if err != nil && *pid > 0 {
			return reloadBySignal(c, *pid)
		}
		if err != nil {
			return err
		}
		var v api.Verdict
		if err := d.Do(c.Context(), http.MethodPost, api.Reload, nil, &v); err != nil {
			return err
		}
		return printVerdict(c, &v)
	}
	return c
}

// printVerdict says what came of a reload.
func printVerdict(c *cobra.Command, v *api.Verdict) error {
	for _, w := range v.Warnings {
		fmt.Fprintln(c.ErrOrStderr(), "warning:", w)
	}
	if v.OK {
		_, err := fmt.Fprintf(c.OutOrStdout(), "%s: in effect\n", v.File)
		return err
	}
	for _, e := range v.Errors {
		fmt.Fprintln(c.ErrOrStderr(), e)
	}
	fmt.Fprintf(c.ErrOrStderr(), "%s: refused, the former configuration stays in effect\n", v.File)
	return errReported
}

// reloadBySignal tells a daemon without a socket, and judges by the same rules as
// the daemon, for it cannot be asked.
func reloadBySignal(c *cobra.Command, pid int) error {
	file, err := c.Flags().GetString("config")
	if err != nil {
		return err
	}
	cfg, bad := daemon.Load(file)
	// A daemon that is to refuse the file tells of it, too.
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		return errors.Join(bad, fmt.Errorf("send SIGHUP to process %d: %w", pid, err))
	}
	if bad != nil {
		return bad
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintln(c.ErrOrStderr(), "warning:", w.Error())
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s: good; process %d was told by SIGHUP, and its log has the verdict\n", file, pid)
	return err
}
