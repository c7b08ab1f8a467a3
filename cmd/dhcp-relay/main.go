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

	"dhcp-relay/relay/built"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/daemon"
	"dhcp-relay/relay/text"
)

// version is set by the linker for releases.
var version = ""

const defaultConfig = "/etc/dhcp-relay/relay.toml"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends what the first has not
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err != nil {
		report(text.Writer{W: os.Stderr}, err)
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
		Use:              "dhcp-relay",
		Short:            "Relay BOOTP and DHCP between client networks and servers",
		SilenceUsage:     true,
		SilenceErrors:    true,
		PersistentPreRun: makeVisible,
	}
	root.AddCommand(newRunCommand(), newCheckCommand(), newConfigCommand(), newDiffCommand(), newStatusCommand(), newTraceCommand(), newReloadCommand(), newLogLevelCommand(),
		newVersionCommand(), newExplainCommand(), newReadyCommand(), newProbeCommand())
	addRest(root)
	return root
}

// makeVisible has a command show what interfaces and processes are called, and not
// the terminal obey it. What draws or writes captures sees to that itself, and the
// log of the daemon asks what it is written to.
func makeVisible(c *cobra.Command, _ []string) {
	switch c.Name() {
	case "run":
		return
	case "trace", "record":
	default:
		c.SetOut(text.Writer{W: c.OutOrStdout()})
	}
	c.SetErr(text.Writer{W: c.ErrOrStderr()})
}

// addConfigFlag adds the flag that names the configuration file.
func addConfigFlag(c *cobra.Command) *string {
	return c.Flags().StringP("config", "c", defaultConfig, "configuration file")
}

func newRunCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "run",
		Short: "Relay until told to stop",
		Long: "Relay until told to stop. SIGHUP reads the configuration anew; what is wrong\n" +
			"changes nothing. SIGUSR2 has the program file, as it is now, take the place of the\n" +
			"process, which keeps its number and its sockets: an upgrade of which no client\n" +
			"notices anything, under any supervisor. SIGUSR1 writes the messages that the flight recorder holds into\n" +
			"a capture file in /var/lib/dhcp-relay, or systemd's state directory. Once it relays\n" +
			"it gives up what it does not need to go on, unless relay.confine is \"off\".",
		Args: cobra.NoArgs,
	}
	file := addConfigFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return daemon.Run(c.Context(), daemon.Options{File: *file, Version: buildVersion(), Stderr: c.ErrOrStderr()})
	}
	return c
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

// buildVersion returns the release, or what the module system knows of the build, and
// whether parts are left out.
func buildVersion() string {
	if built.Small {
		return release() + " small"
	}
	return release()
}

func release() string {
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
