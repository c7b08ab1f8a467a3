//go:build !small

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"dhcp-relay/relay/importer"
)

func newImportCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "import FILE... | -",
		Short: "Write relay.toml from the configuration of another relay",
		Long: "Write relay.toml from the configuration of another relay to standard output: of\n" +
			"isc-dhcp-relay, dnsmasq, dhcp-helper, systemd-networkd, Cisco IOS and NX-OS,\n" +
			"Arista EOS, Junos, VyOS, OPNsense or SONiC. Comments say what will differ. What\n" +
			"cannot be carried over goes to standard error, with its line and what to do, and\n" +
			"makes the exit status 2.",
		Example: "  dhcp-relay import /etc/default/isc-dhcp-relay > relay.toml\n" +
			"  dhcp-relay import --name 'Vlan*=br*' switch.cfg > relay.toml",
		Args: cobra.MinimumNArgs(1),
	}
	from := c.Flags().String("from", "", "what the files are, if the content does not tell: "+strings.Join(importer.KindNames(), ", "))
	compat := c.Flags().String("compat", "", `"isc" to choose as dhcrelay does where its configuration says nothing`)
	names := c.Flags().StringArray("name", nil, `what an interface, VRF or server is called here, such as 'Vlan10=br10' or 'Vlan*=br*'`)
	fixed := func(words ...string) cobra.CompletionFunc {
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return words, cobra.ShellCompDirectiveNoFileComp
		}
	}
	for flag, words := range map[string][]string{"from": importer.KindNames(), "compat": {"isc"}, "name": nil} {
		_ = c.RegisterFlagCompletionFunc(flag, fixed(words...)) // the flags are there
	}
	c.RunE = func(c *cobra.Command, files []string) error {
		o, err := importOptions(*from, *compat, *names)
		if err != nil {
			return err
		}
		sources, err := readSources(files, c.InOrStdin())
		if err != nil {
			return err
		}
		res, err := importer.Import(sources, o)
		if err != nil {
			return err
		}
		for _, p := range res.Problems {
			fmt.Fprintln(c.ErrOrStderr(), p.Error())
		}
		if res.TOML == "" {
			return errors.New("there is no interface that could be carried over")
		}
		if _, err := io.WriteString(c.OutOrStdout(), res.TOML); err != nil {
			return err
		}
		if len(res.Problems) > 0 {
			return errBad
		}
		return nil
	}
	return c
}

func importOptions(from, compat string, names []string) (o importer.Options, err error) {
	if from != "" {
		if o.From, err = importer.ParseKind(from); err != nil {
			return o, fmt.Errorf("--from: %w", err)
		}
	}
	if compat != "" && compat != "isc" {
		return o, fmt.Errorf(`--compat: %q is no relay whose choices are known; write "isc"`, compat)
	}
	for _, s := range names {
		n, err := importer.ParseName(s)
		if err != nil {
			return o, fmt.Errorf("--name: %w", err)
		}
		o.Names = append(o.Names, n)
	}
	o.ISC, o.Hosts = compat == "isc", ownerOf
	return o, nil
}

func readSources(files []string, stdin io.Reader) ([]importer.Source, error) {
	var all []importer.Source
	for _, path := range files {
		data, name, err := readHost(path, stdin)
		if err != nil {
			return nil, err
		}
		all = append(all, importer.Source{Name: name, Data: data})
	}
	return all, nil
}

// ownerOf names the interface of this host that has an address, "" if none has.
func ownerOf(a netip.Addr) string {
	links, _ := net.Interfaces() // without them none has it
	for _, l := range links {
		addrs, _ := l.Addrs()
		for _, p := range addrs {
			if p, err := netip.ParsePrefix(p.String()); err == nil && p.Addr() == a {
				return l.Name
			}
		}
	}
	return ""
}
