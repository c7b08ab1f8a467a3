// The command dhcp-relay is a BOOTP and DHCP relay agent for Linux routers.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"dhcp-relay/relay/config"
)

// version is set by the linker for releases.
var version = ""

const defaultConfig = "/etc/dhcp-relay/relay.toml"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		report(os.Stderr, err)
		os.Exit(statusOf(err))
	}
}

// report prints why the command failed. What is wrong with a configuration
// begins with its place in the file, which editors and people look for.
func report(w io.Writer, err error) {
	var problems config.Problems
	switch {
	case errors.Is(err, errReported):
	case errors.As(err, &problems):
		fmt.Fprintln(w, problems)
	default:
		fmt.Fprintln(w, "dhcp-relay:", err)
	}
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "dhcp-relay",
		Short:         "Relay BOOTP and DHCP between client networks and servers",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newRunCommand(), newCheckCommand(), newStatusCommand(), newTraceCommand(), newRecordCommand(), newReloadCommand(), newLogLevelCommand(), newVersionCommand())
	root.AddCommand(newExplainCommand())
	return root
}

// addConfigFlag adds the flag that names the configuration file.
func addConfigFlag(c *cobra.Command) *string {
	return c.Flags().StringP("config", "c", defaultConfig, "configuration file")
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(c.OutOrStdout(), "dhcp-relay", buildVersion())
			return err
		},
	}
}

// buildVersion returns the release, or what the module system knows of the build.
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return v + " " + s.Value
		}
	}
	return v
}
