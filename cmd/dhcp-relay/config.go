package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/config/effective"
)

func newConfigCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Show what of the configuration holds where, its JSON schema, or a unit made of it",
		Args:  cobra.NoArgs,
	}
	c.AddCommand(newConfigShowCommand(), newConfigSchemaCommand(), newConfigUnitCommand())
	return c
}

func newConfigShowCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "show [FILE]",
		Short: "Show what holds for each interface, and where each value comes from",
		Long: "Show what holds for each interface of this host, or of the one of --host: every\n" +
			"key with its value, and whether that stands at the interface, in [defaults] or\n" +
			"nowhere, so that the built-in default holds.",
		Args: cobra.MaximumNArgs(1),
	}
	file := addConfigFlag(c)
	host := c.Flags().String("host", "", "file of interfaces and addresses in place of this host's, as explain takes it")
	asJSON := c.Flags().Bool("json", false, "print one JSON object")
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			*file = args[0]
		}
		files, err := config.ReadFiles(*file)
		if err != nil {
			return err
		}
		v, err := viewOf(c, files, *host)
		if err != nil {
			return err
		}
		return printView(c, v, *asJSON)
	}
	return c
}

func newConfigUnitCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "unit [FILE]",
		Short: "Print a drop-in that confines the systemd unit to what the configuration needs",
		Long: "Print a drop-in for the systemd unit: it speaks with the servers and the networks\n" +
			"of clients that there are now, and with nobody else, without CAP_NET_ADMIN.",
		Args: cobra.MaximumNArgs(1),
	}
	file := addConfigFlag(c)
	host := c.Flags().String("host", "", "file of interfaces and addresses in place of this host's, as explain takes it")
	also := c.Flags().StringSlice("allow", nil, "prefixes or addresses with which it may speak, too, as of who scrapes the metrics")
	bpf := c.Flags().Bool("bpf", true, "keep CAP_BPF where something needs it: option 79 in the first message of a DHCPv6 client, ports of bridges in DHCPv4")
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			*file = args[0]
		}
		files, err := config.ReadFiles(*file)
		if err != nil {
			return err
		}
		cfg, links, err := configOn(c, files, *host)
		if err != nil {
			return err
		}
		u, err := effective.UnitOf(cfg, links, *also, *bpf)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(c.OutOrStdout(), u)
		return err
	}
	return c
}

// viewOf tells what of a configuration holds on the host of a file, or on this one.
func viewOf(c *cobra.Command, files []config.File, host string) (*effective.View, error) {
	cfg, links, err := configOn(c, files, host)
	if err != nil {
		return nil, err
	}
	return effective.Of(cfg, links), nil
}

// configOn reads a configuration for the host of a file, or for this one.
func configOn(c *cobra.Command, files []config.File, host string) (*config.Config, []giaddr.Link, error) {
	hostname, h, err := hostLinks(host, c.InOrStdin())
	if err != nil {
		return nil, nil, err
	}
	if hostname == "" {
		if hostname, err = os.Hostname(); err != nil {
			return nil, nil, fmt.Errorf("read the host's name: %w", err)
		}
	}
	cfg, err := config.ParseFiles(files, config.Host{Hostname: hostname})
	if err != nil {
		return nil, nil, err
	}
	return cfg, h.Links, nil
}

// printView prints what is for people by its String.
func printView(c *cobra.Command, v fmt.Stringer, asJSON bool) error {
	if !asJSON {
		_, err := fmt.Fprint(c.OutOrStdout(), v)
		return err
	}
	e := json.NewEncoder(c.OutOrStdout())
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

func newConfigSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON schema of the configuration, for editors and inventories",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(config.Schema())
			return err
		},
	}
}
