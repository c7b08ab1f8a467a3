package main

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"

	web "dhcp-relay/relay/http"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/observe/transaction"
)

// completeTime is for how long a shell may wait for the daemon.
const completeTime = time.Second

// complete has shells complete the flags that name what the running daemon knows.
func complete(c *cobra.Command, find func() (*web.Client, error)) {
	for name, values := range map[string]func(*status.Report) []string{
		"interface": interfaceNames,
		"server":    serverAddresses,
	} {
		offer(c, name, func(ctx context.Context) []string {
			ctx, cancel := context.WithTimeout(ctx, completeTime)
			defer cancel()
			d, err := find()
			if err != nil {
				return nil
			}
			r, err := askStatus(ctx, d, "")
			if err != nil {
				return nil
			}
			return values(r)
		})
	}
	offer(c, "outcome", func(context.Context) []string { return transaction.Outcomes() })
	offer(c, "fail-on", func(context.Context) []string { return status.FailOn("").Names() })
	offer(c, "family", func(context.Context) []string { return []string{"ipv4", "ipv6"} })
}

// offer has shells complete a flag, if the command has it.
func offer(c *cobra.Command, name string, values func(context.Context) []string) {
	if c.Flags().Lookup(name) == nil {
		return
	}
	// It fails for a flag that does not exist, or has values already.
	_ = c.RegisterFlagCompletionFunc(name, func(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return values(c.Context()), cobra.ShellCompDirectiveNoFileComp
	})
}

func interfaceNames(r *status.Report) []string {
	names := make([]string, 0, len(r.Interfaces))
	for i := range r.Interfaces {
		names = append(names, r.Interfaces[i].Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func serverAddresses(r *status.Report) []string {
	all := make([]string, 0, len(r.Servers))
	for i := range r.Servers {
		all = append(all, r.Servers[i].Address.String())
	}
	slices.Sort(all)
	return slices.Compact(all)
}
