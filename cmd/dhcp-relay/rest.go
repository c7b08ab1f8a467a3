//go:build !small

package main

import "github.com/spf13/cobra"

// addRest adds the commands that a small program lacks.
func addRest(root *cobra.Command) { root.AddCommand(newRecordCommand(), newImportCommand()) }
