package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/probe"
)

func newProbeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "probe INTERFACE",
		Short: "Ask the servers of an interface as a client there would, and show what they offer",
		Long: "Have the running daemon ask the servers of an interface as a client there would,\n" +
			"with a Discover or a Solicit, by which no lease is taken, and show what each\n" +
			"offers, after what time, or what stands in the way. Servers know it by option 60,\n" +
			"or in DHCPv6 the User Class, \"dhcp-relay-probe\", and by a MAC that begins with\n" +
			"02:50:52. Nothing of it reaches the clients.\n\n" +
			"The exit status is 0 if a server offers an address, and 1 if none does or the\n" +
			"daemon cannot be asked.",
		Args: cobra.ExactArgs(1),
	}
	find := addSocketFlag(c)
	server := c.Flags().String("server", "", "ask only the server at this address")
	v4 := c.Flags().BoolP("ipv4", "4", false, "ask DHCPv4 servers only")
	v6 := c.Flags().BoolP("ipv6", "6", false, "ask DHCPv6 servers only")
	asJSON := c.Flags().Bool("json", false, "print the results as JSON")
	complete(c, find)
	c.MarkFlagsMutuallyExclusive("ipv4", "ipv6")
	c.RunE = func(c *cobra.Command, args []string) error {
		d, err := find()
		if err != nil {
			return err
		}
		q := url.Values{"interface": {args[0]}}
		if *server != "" {
			q.Set("server", *server)
		}
		if *v4 {
			q.Set("family", "ipv4")
		}
		if *v6 {
			q.Set("family", "ipv6")
		}
		var all []probe.Result
		if err := d.Do(c.Context(), http.MethodPost, api.Probe+"?"+q.Encode(), nil, &all); err != nil {
			return err
		}
		if *asJSON {
			e := json.NewEncoder(c.OutOrStdout())
			e.SetIndent("", "  ")
			err = e.Encode(all)
		} else {
			err = probe.Write(c.OutOrStdout(), all)
		}
		if !probe.Offers(all) {
			err = errors.Join(err, errReported)
		}
		return err
	}
	return c
}
