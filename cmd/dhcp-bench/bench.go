package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"

	"dhcp-relay/cmd/dhcp-bench/internal/bench"
	"dhcp-relay/relay/wire/dhcp"
)

// newCommand returns the command that measures relays side by side.
func newCommand() *cobra.Command {
	var (
		conf        bench.Config
		jsonTo, svg string
	)
	c := &cobra.Command{
		Use:   "dhcp-bench",
		Short: "Measure dhcp-relay against other relays",
		Long: "Dhcp-bench puts dhcp-relay, the relays of Debian and a null relay, which only moves\n" +
			"octets, one after the other between the same load and the same server, round after\n" +
			"round, and prints one table. The load has the first processor, the relay the second\n" +
			"one. It needs root, two processors, and a machine that does nothing else.",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := findPrograms(&conf); err != nil {
				return err
			}
			conf.Log = c.ErrOrStderr()
			r, err := bench.Run(c.Context(), conf)
			if err != nil {
				return err
			}
			if err := r.Print(c.OutOrStdout()); err != nil {
				return err
			}
			return writeReport(r, jsonTo, svg)
		},
	}
	c.Flags().StringVar(&conf.Relay, "relay", "", "the dhcp-relay to measure; default: the one beside dhcp-bench")
	c.Flags().StringVar(&conf.Peers, "peers", "bin/peers", "where relays are unpacked that cannot be installed")
	c.Flags().StringSliceVar(&conf.Only, "only", nil, "measure only these relays, by their names in the table")
	c.Flags().IntVar(&conf.Rounds, "rounds", 0, "how many rounds; default: 5, or 1 with --quick")
	c.Flags().BoolVar(&conf.Quick, "quick", false, "take some three minutes, which is enough for a look only")
	c.Flags().StringVar(&jsonTo, "json", "", "write the report as JSON to this file as well")
	c.Flags().StringVar(&svg, "svg", "", "write plots into this directory as well")
	c.AddCommand(newNullCommand())
	return c
}

// findPrograms fills in the programs that the configuration does not name.
func findPrograms(c *bench.Config) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c.Self = []string{self, "null"}
	if c.Relay != "" {
		return nil
	}
	c.Relay = filepath.Join(filepath.Dir(self), "dhcp-relay")
	if _, err := os.Stat(c.Relay); err == nil {
		return nil
	}
	if c.Relay, err = exec.LookPath("dhcp-relay"); err != nil {
		return fmt.Errorf("no dhcp-relay beside %s or in PATH; name one with --relay", self)
	}
	return nil
}

func writeReport(r *bench.Report, jsonTo, svg string) error {
	if svg != "" {
		if err := r.WriteSVG(svg); err != nil {
			return fmt.Errorf("write plots: %w", err)
		}
	}
	if jsonTo == "" {
		return nil
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(jsonTo, append(b, '\n'), 0o644)
}

// newNullCommand returns the command that plays the null relay for bench.
func newNullCommand() *cobra.Command {
	var (
		conf                    bench.NullConfig
		family, address, server string
	)
	c := &cobra.Command{
		Use:    "null",
		Short:  "Move octets as a relay does, and do nothing else",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(c *cobra.Command, _ []string) error {
			conf.Family = dhcp.V4
			if family == "v6" {
				conf.Family = dhcp.V6
			}
			var err error
			if conf.Address, err = netip.ParseAddr(address); err != nil {
				return fmt.Errorf("address: %w", err)
			}
			if conf.Server, err = netip.ParseAddr(server); err != nil {
				return fmt.Errorf("server: %w", err)
			}
			return bench.Null(c.Context(), conf)
		},
	}
	c.Flags().StringVar(&family, "family", "v4", "v4 or v6")
	c.Flags().StringSliceVar(&conf.Links, "link", nil, "the clients' links; replies go onto the first")
	c.Flags().StringVar(&address, "address", "", "the relay's address on the first link")
	c.Flags().StringVar(&server, "server", "", "the server's address")
	return c
}
