package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"dhcp-relay/relay/api"
	web "dhcp-relay/relay/http"
	"dhcp-relay/relay/observe/transaction"
	"dhcp-relay/relay/text"
)

// A tracer shows transactions of the running daemon.
type tracer struct {
	daemon *web.Client
	query  url.Values
	json   bool
	out    io.Writer
	print  transaction.Printer
}

func newTraceCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "trace",
		Short: "Show what happens to messages, as ladders of transactions",
		Long: "Show what the running daemon receives and sends, joined into transactions: what\n" +
			"each client asked, which server answered what, and why a message was dropped.\n" +
			"It follows what happens until it is interrupted; --last shows what is past.",
		Example: "  dhcp-relay trace --interface 'vlan*' --outcome dropped\n" +
			"  dhcp-relay trace --mac 02:00:00:00:00:01 --last 10",
		Args: cobra.NoArgs,
	}
	find := addSocketFlag(c)
	flags := c.Flags()
	for _, key := range transaction.FilterKeys() {
		flags.String(key, "", filterHelp(key))
	}
	complete(c, find)
	asJSON := flags.Bool("json", false, "print JSON: a list with --last, one event a line while following")
	last := flags.Int("last", 0, "show the last `number` of transactions that the daemon still knows, at most 1000")
	follow := flags.Bool("follow", false, "go on with what happens now after --last")
	ascii := flags.Bool("ascii", false, "draw with ASCII characters only")
	c.RunE = func(c *cobra.Command, _ []string) error {
		get := func(key string) string { return flags.Lookup(key).Value.String() }
		if _, err := transaction.ParseFilter(get); err != nil {
			return err
		}
		if flags.Changed("last") && *last < 1 {
			return errors.New("--last: want a number from 1")
		}
		d, err := find()
		if err != nil {
			return err
		}
		t := tracer{daemon: d, query: url.Values{}, json: *asJSON, out: c.OutOrStdout()}
		for _, key := range transaction.FilterKeys() {
			if s := get(key); s != "" {
				t.query.Set(key, s)
			}
		}
		tty := terminal(t.out)
		t.print = transaction.Printer{W: t.out, ASCII: *ascii || tty && !utf8Locale(), Color: tty && os.Getenv("NO_COLOR") == ""}
		if *last > 0 {
			if err := t.last(c.Context(), *last, c.ErrOrStderr()); err != nil || !*follow {
				return err
			}
		}
		return t.follow(c.Context())
	}
	return c
}

// filterHelp says what a filter shows.
func filterHelp(key string) string {
	const only = "only transactions "
	switch key {
	case "interface":
		return only + "on an interface; a name or a `pattern` such as 'vlan*'"
	case "mac", "duid":
		return only + "of the client with this " + strings.ToUpper(key)
	case "address":
		return only + "of the client that has, asks for or is given this `address`"
	case "server":
		return only + "with the server at this `address`"
	case "outcome":
		return only + "with an `outcome`: answered, waiting, unanswered, refused, relayed, dropped, or a drop reason such as no_giaddr"
	}
	return only + "of a `family`: ipv4 or ipv6"
}

// last prints the last n transactions.
func (t *tracer) last(ctx context.Context, n int, stderr io.Writer) error {
	t.query.Set("n", strconv.Itoa(n))
	defer t.query.Del("n")
	var raw json.RawMessage
	if err := t.daemon.Get(ctx, api.Transactions+"?"+t.query.Encode(), &raw); err != nil {
		return err
	}
	if t.json {
		_, err := fmt.Fprintf(text.Writer{W: t.out}, "%s\n", raw)
		return err
	}
	var ts []api.Transaction
	if err := json.Unmarshal(raw, &ts); err != nil {
		return fmt.Errorf("read the daemon's answer: %w", err)
	}
	if len(ts) == 0 {
		fmt.Fprintln(stderr, "no such transaction is recorded")
	}
	for i := range ts {
		if err := t.print.Transaction(&ts[i]); err != nil {
			return err
		}
	}
	return nil
}

// follow prints what happens until ctx ends.
func (t *tracer) follow(ctx context.Context) error {
	return t.daemon.Follow(ctx, api.Trace+"?"+t.query.Encode(), t.event)
}

// event prints one event.
func (t *tracer) event(line []byte) error {
	if t.json {
		_, err := fmt.Fprintf(text.Writer{W: t.out}, "%s\n", line)
		return err
	}
	var e api.Event
	if err := json.Unmarshal(line, &e); err != nil {
		return fmt.Errorf("read the daemon's answer: %w", err)
	}
	return t.print.Event(&e)
}

// terminal reports whether people read w.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// utf8Locale reports whether the terminal shows more than ASCII.
func utf8Locale() bool {
	for _, key := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if s := os.Getenv(key); s != "" {
			s = strings.ToLower(s)
			return strings.Contains(s, "utf-8") || strings.Contains(s, "utf8")
		}
	}
	return false
}
