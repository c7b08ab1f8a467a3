//go:build !small

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"github.com/spf13/cobra"

	"dhcp-relay/relay/api"
	web "dhcp-relay/relay/http"
	"dhcp-relay/relay/observe/capture"
)

func newRecordCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "record --out FILE.pcapng",
		Short: "Write the last messages of the running daemon into a capture file",
		Long: "Write the messages that the running daemon keeps in memory, dropped ones included,\n" +
			"into a capture file for Wireshark and tshark: each as it was received and as it was\n" +
			"sent, with what became of it as a comment.",
		Example: "  dhcp-relay record --out dhcp.pcapng\n" +
			"  dhcp-relay record --redact --out - | tshark -r - -T fields -e frame.comment",
		Args: cobra.NoArgs,
	}
	find := addSocketFlag(c)
	out := c.Flags().StringP("out", "o", "", `the `+"`file`"+` to write, for its owner only; "-" for standard output`)
	force := c.Flags().Bool("force", false, "replace a file that is there already")
	redact := c.Flags().Bool("redact", false, "blank what identifies clients")
	asJSON := c.Flags().Bool("json", false, "print what was written as JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		stdout := c.OutOrStdout()
		switch {
		case *out == "":
			return errors.New(`--out is missing: give the file to write, or "-" for standard output`)
		case *out == "-" && *asJSON:
			return errors.New("--json needs a file, for standard output gets the capture")
		case *out == "-" && terminal(stdout):
			return errors.New("a capture is not for a terminal; give a file, or pipe it into another program")
		}
		d, err := find()
		if err != nil {
			return err
		}
		path := api.Record
		if *redact {
			path += "?redact=1"
		}
		body, err := d.Open(c.Context(), http.MethodGet, path, nil)
		if err != nil {
			return err
		}
		defer func() { _ = body.Close() }() // it was only read
		answer := api.Recording{File: *out}
		write := func(w io.Writer) (err error) {
			if answer.Packets, answer.Octets, err = capture.Copy(w, body); err != nil {
				return fmt.Errorf("the capture broke off: %w", err)
			}
			return nil
		}
		if *out == "-" {
			return write(stdout)
		}
		if err := web.CreateFile(*out, *force, write); err != nil {
			if errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("%s exists already; --force replaces it", *out)
			}
			return err
		}
		if *asJSON {
			return json.NewEncoder(stdout).Encode(answer)
		}
		_, err = fmt.Fprintf(stdout, "%s: %d packets\n", answer.File, answer.Packets)
		return err
	}
	return c
}
