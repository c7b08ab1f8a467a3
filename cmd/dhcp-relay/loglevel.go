package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"dhcp-relay/relay/api"
)

func newLogLevelCommand() *cobra.Command {
	c := &cobra.Command{
		Use:       "log-level [debug|info|warn|error]",
		Short:     "Show or change the level of the running daemon's log",
		Long:      "Without an argument, show the level of the running daemon's log.\nWith one, change it until the configuration is reloaded or the daemon restarts.",
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"debug", "info", "warn", "error"},
	}
	find := addSocketFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		d, err := find()
		if err != nil {
			return err
		}
		method, body := http.MethodGet, io.Reader(nil)
		if len(args) > 0 {
			method, body = http.MethodPut, strings.NewReader(args[0])
		}
		var answer api.Level
		if err := d.Do(c.Context(), method, api.LogLevel, body, &answer); err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.OutOrStdout(), answer.Level)
		return err
	}
	return c
}
