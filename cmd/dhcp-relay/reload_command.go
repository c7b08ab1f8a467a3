package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"

	"github.com/spf13/cobra"
)

// reloadPath is where the daemon is asked to read its configuration anew, on the
// socket of [control] only.
const reloadPath = "/reload"

// serveReload answers with the verdict.
func (p *process) serveReload(w http.ResponseWriter, r *http.Request) {
	answer := make(chan verdict, 1)
	select {
	case p.asked <- answer:
	case <-r.Context().Done():
		return
	}
	select {
	case v := <-answer:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v) // the client may have gone
	case <-r.Context().Done():
	}
}

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
	socket := addSocketFlag(c)
	pid := c.Flags().Int("pid", 0, "process to send SIGHUP to if there is no socket; the exit status then is that of check")
	c.RunE = func(c *cobra.Command, _ []string) error {
		at, err := socket()
		if err == nil {
			err = reachable(c.Context(), at)
		}
		if err != nil && *pid > 0 {
			return reloadBySignal(c, *pid)
		}
		if err != nil {
			return err
		}
		var v verdict
		if err := newControl(at).do(c.Context(), http.MethodPost, reloadPath, nil, &v); err != nil {
			return err
		}
		return v.print(c)
	}
	return c
}

// reachable fails if nobody listens on the socket.
func reachable(ctx context.Context, socket string) error {
	c, err := new(net.Dialer).DialContext(ctx, "unix", socket)
	if err != nil {
		return newControl(socket).explain(err)
	}
	return c.Close()
}

// print says what came of the reload.
func (v *verdict) print(c *cobra.Command) error {
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
	cfg, bad := load(file)
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
