package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/config/effective"
)

func newDiffCommand() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "diff [FILE]",
		Short: "Tell what a configuration would change, and whether it takes a restart",
		Long: "Tell in words what FILE, or the configuration file as it is now, would change on\n" +
			"this host against what the running daemon has in effect, and whether a reload\n" +
			"does or a restart is needed. With --from it is compared with another file, and no\n" +
			"daemon is asked. FILE and --name are as check has them.",
		Args: cobra.MaximumNArgs(1),
	}
	find := addSocketFlag(c)
	from := c.Flags().String("from", "", "file to compare with, in place of what the daemon has in effect")
	c.Flags().StringVar(&f.name, "name", "", "judge the file as if it was called so")
	c.Flags().StringVar(&f.host, "host", "", "file of interfaces and addresses in place of this host's, as explain takes it")
	c.Flags().BoolVar(&f.json, "json", false, "print one JSON object")
	c.RunE = func(c *cobra.Command, args []string) error {
		path, err := c.Flags().GetString("config")
		if err != nil {
			return err
		}
		if len(args) > 0 {
			path = args[0]
		}
		next, err := f.read(path, c.InOrStdin())
		if err != nil {
			return err
		}
		var was []config.File
		if *from != "" {
			was, err = config.ReadFiles(*from)
		} else if d, found := find(); found == nil {
			var files []api.File
			err = d.Get(c.Context(), api.Config, &files)
			for _, f := range files {
				was = append(was, config.File{Name: f.Name, Data: []byte(f.Text)})
			}
		} else {
			err = found
		}
		if err != nil {
			return err
		}
		old, err := viewOf(c, was, f.host)
		if err != nil {
			return fmt.Errorf("what is in effect: %w", err)
		}
		view, err := viewOf(c, next, f.host)
		if err != nil {
			return err
		}
		return printView(c, effective.Diff(old, view), f.json)
	}
	return c
}
