//go:build small

package main

import (
	"github.com/spf13/cobra"

	"dhcp-relay/relay/built"
)

// addRest adds in place of the commands that are left out those that say so.
func addRest(root *cobra.Command) {
	root.Long = root.Short + ".\n\nThis program was built small. It lacks"
	for _, p := range built.Lacks() {
		root.Long += "\n- " + string(p)
	}
	root.AddCommand(leftOut("record", built.Captures), leftOut("import", built.Import))
}

func leftOut(name string, p built.Part) *cobra.Command {
	return &cobra.Command{
		Use:                name,
		Short:              "Left out of this program",
		DisableFlagParsing: true,
		RunE:               func(*cobra.Command, []string) error { return built.Lacking{Part: p} },
	}
}

func foreign([]byte) string { return "" }
