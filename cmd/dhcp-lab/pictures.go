package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"dhcp-relay/cmd/dhcp-lab/internal/pictures"
	"dhcp-relay/cmd/lab/scene"
)

func newPicturesCommand() *cobra.Command {
	d := &demo{}
	var dir string
	c := &cobra.Command{
		Use:   "pictures",
		Short: "Take the pictures of the README from a relay that runs in the lab",
		Long: "Pictures builds a lab in which clients log in and some cannot, and takes pictures\n" +
			"of the status page, of trace and of status by Chromium. It needs root.",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if os.Geteuid() != 0 {
				return errors.New("network namespaces need root: run it with sudo")
			}
			d.Prefix, d.Server, d.Client = fmt.Sprintf("dl%d-", os.Getpid()), scene.Embedded, scene.Embedded
			cleanup, err := d.findRelay(c.Context())
			if err != nil {
				return err
			}
			defer cleanup()
			files, err := pictures.Take(c.Context(), d.Options, dir)
			for _, f := range files {
				fmt.Fprintln(c.OutOrStdout(), f)
			}
			return err
		},
	}
	c.Flags().StringVar(&dir, "out", ".", "the directory to write to")
	c.Flags().StringVar(&d.Relay, "relay", "", "the program dhcp-relay; by default the one beside dhcp-lab, or else built by go")
	return c
}
