//go:build !small

package main

import (
	"github.com/spf13/cobra"

	"dhcp-relay/relay/importer"
)

// addRest adds the commands that a small program lacks.
func addRest(root *cobra.Command) { root.AddCommand(newRecordCommand(), newImportCommand()) }

// foreign tells of what other relay a configuration is, "" if of none that is known.
func foreign(data []byte) string {
	if k := importer.Detect(data); k != importer.Unknown {
		return k.String()
	}
	return ""
}
