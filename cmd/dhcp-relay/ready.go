package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"dhcp-relay/relay/api"
	web "dhcp-relay/relay/http"
)

// readyPause is between two questions of a command that waits.
const readyPause = 200 * time.Millisecond

// readyTime is how long a daemon may take to answer.
const readyTime = 5 * time.Second

func newReadyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "ready",
		Short: "Say whether the running daemon relays, for health checks and scripts",
		Long: "Say whether the running daemon relays: its sockets work, and the last configuration\n" +
			"holds. Whether servers answer, and interfaces have addresses, status says. The exit\n" +
			"status is 0 if it relays, else 1; what is wrong goes to standard error.",
		Args: cobra.NoArgs,
	}
	find := addSocketFlag(c)
	wait := c.Flags().Duration("wait", 0, "for how long to wait until it relays, such as 30s")
	c.RunE = func(c *cobra.Command, _ []string) error {
		d, err := find()
		if err != nil {
			return err
		}
		said, err := awaitReady(c.Context(), d, *wait)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(c.OutOrStdout(), said)
		return err
	}
	return c
}

// awaitReady asks until the daemon is ready, or the time is over.
func awaitReady(ctx context.Context, d *web.Client, wait time.Duration) (string, error) {
	over := time.Now().Add(wait)
	for {
		said, err := askReady(ctx, d)
		if err == nil || time.Until(over) < readyPause {
			return said, err
		}
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(readyPause):
		}
	}
}

func askReady(ctx context.Context, d *web.Client) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	answer, err := d.Open(ctx, http.MethodGet, api.Ready, nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Close() }() // it was only read
	said, err := io.ReadAll(answer)
	return string(said), err
}
