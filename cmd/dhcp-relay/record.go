package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"github.com/spf13/cobra"

	"dhcp-relay/relay/http/api"
	"dhcp-relay/relay/trace"
)

// A recordAnswer is what record says of what it wrote, as JSON.
type recordAnswer struct {
	File    string `json:"file"`
	Packets int    `json:"packets"`
	Octets  int64  `json:"octets"`
}

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
		var counted packetCounter
		answer := recordAnswer{File: *out}
		write := func(w io.Writer) (err error) {
			if answer.Octets, err = io.Copy(io.MultiWriter(w, &counted), body); err != nil {
				return fmt.Errorf("the capture broke off: %w", err)
			}
			return nil
		}
		if *out == "-" {
			return write(stdout)
		}
		if err := trace.Create(*out, *force, write); err != nil {
			if errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("%s exists already; --force replaces it", *out)
			}
			return err
		}
		answer.Packets = counted.packets
		if *asJSON {
			return json.NewEncoder(stdout).Encode(answer)
		}
		_, err = fmt.Fprintf(stdout, "%s: %d packets\n", answer.File, answer.Packets)
		return err
	}
	return c
}

// A packetCounter counts the packets of a pcapng section that is written to it,
// in little endian as this project writes it:
//
//	+-------------+-------------------+------+-------------------+
//	| type (4)    | total length (4)  | ...  | total length (4)  |
//	+-------------+-------------------+------+-------------------+
type packetCounter struct {
	packets int
	head    []byte // of the block at hand, up to its length
	rest    uint32 // octets of the block that are still to come
}

const (
	blockHead      = 8
	enhancedPacket = 6
)

// Write counts; the error is that of something that is no capture.
func (c *packetCounter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if c.rest > 0 {
			skip := min(uint64(c.rest), uint64(len(p)))
			p, c.rest = p[skip:], c.rest-uint32(skip)
			continue
		}
		take := min(blockHead-len(c.head), len(p))
		c.head, p = append(c.head, p[:take]...), p[take:]
		if len(c.head) < blockHead {
			break
		}
		length := binary.LittleEndian.Uint32(c.head[4:])
		if length < blockHead+4 {
			return 0, errors.New("what the daemon sent is no capture")
		}
		if binary.LittleEndian.Uint32(c.head) == enhancedPacket {
			c.packets++
		}
		c.head, c.rest = c.head[:0], length-blockHead
	}
	return n, nil
}
