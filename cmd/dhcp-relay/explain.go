package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"dhcp-relay/relay/built"
	"dhcp-relay/relay/explain"
	web "dhcp-relay/relay/http"
	"dhcp-relay/relay/observe/capture"
)

// errDropped says that a message would be dropped, which has been printed.
var errDropped = fmt.Errorf("%w: a message would be dropped", errBad)

// explainFlags are what the command explain is told.
type explainFlags struct {
	config, host string
	maps         []string
	client       explain.Client
	tries        int
	servers      []string
	yiaddr       string
	json, strict bool
}

const explainLong = `Explain runs the very code of the daemon on the messages of a capture file, or on
one message that the flags describe, and prints for each what would be sent
where, what would change octet by octet, and which settings decide; or why it
would be dropped and what to do. It sends nothing, asks no daemon and needs no
privileges.

FILE is pcap or pcapng, also compressed with gzip; - is standard input. On which
interface a frame was heard, the file tells by name (pcapng) or number (tcpdump
-i any), and its VLAN tag by the interface that has this VLAN, or is called
vlan20 or eth0.20. Where it does not tell, --interface does. --map corrects it:
--map eth0=vlan10 for a name, --map 20=vlan20 for a VLAN.

--host takes the interfaces and addresses from a file in place of this host's:
what "ip -j -d address" prints on the router, or TOML such as

  [[interface]]
  name = "vlan20"
  addresses = ["192.0.2.1/24", "2001:db8:1::1/64"]

with, where it matters, mac, vlan, mtu, up, vrf, is_vrf, alias, alt_names, index,
master (the bridge that it is a port of) and lower (the interface that a macvlan is
on), and hostname at the top, which is else this host's. In its place - is standard
input.

The exit status is 0 whether messages would be relayed or dropped, 1 if something
could not be explained; with --fail-on-drop it is 2 if one would be dropped.`

const explainExample = `  dhcp-relay explain --interface vlan20 --mac 02:00:00:00:00:01 --reply-from 10.9.0.2
  dhcp-relay explain -6 --interface vlan20 --mac 02:00:00:00:00:01
  dhcp-relay explain -c new.toml --host router.json --interface vlan20 trouble.pcap
  ssh router ip -j -d address | dhcp-relay explain -c new.toml --host - trouble.pcapng`

func newExplainCommand() *cobra.Command {
	var f explainFlags
	c := &cobra.Command{
		Use:     "explain [FILE]",
		Short:   "Tell what would become of captured or described messages, and why",
		Long:    explainLong,
		Example: explainExample,
		Args:    cobra.MaximumNArgs(1),
	}
	config := addConfigFlag(c)
	fs := c.Flags()
	fs.SortFlags = false
	fs.StringVar(&f.host, "host", "", "file of interfaces and addresses in place of this host's")
	fs.StringVarP(&f.client.Interface, "interface", "i", "", "interface that hears the messages")
	fs.StringArrayVar(&f.maps, "map", nil, "interface for a name or VLAN of the capture, such as eth0=vlan10")
	fs.BoolVar(&f.json, "json", false, "print one JSON object a line for each message")
	fs.BoolVar(&f.strict, "fail-on-drop", false, "exit with 2 if a message would be dropped")
	fs.StringVar(&f.client.Port, "port", "", "port of the bridge by which the client's messages come")
	fs.StringVar(&f.client.MAC, "mac", "", "describe a client: its hardware address")
	fs.BoolVarP(&f.client.V6, "ipv6", "6", false, "the client speaks DHCPv6")
	fs.StringVar(&f.client.Type, "type", "", "message type by name or number (default discover, or solicit)")
	fs.StringVar(&f.client.Xid, "xid", "", "transaction ID (default 1)")
	fs.IntVar(&f.client.Hops, "hops", 0, "relays that the message has passed")
	fs.IntVar(&f.client.Secs, "secs", 0, "seconds since the client began")
	fs.StringVar(&f.client.Giaddr, "giaddr", "", "giaddr that another relay has set; DHCPv6: link-address of a relay_forward")
	fs.StringVar(&f.client.Ciaddr, "ciaddr", "", "address that the client has, as when it rebinds")
	fs.BoolVar(&f.client.Broadcast, "broadcast", false, "the client asks for broadcast replies")
	fs.StringVar(&f.client.DUID, "duid", "", "DHCPv6: the client's DUID in hexadecimal (default made of the MAC)")
	fs.StringArrayVar(&f.client.Options, "option", nil, "option as CODE=TEXT or CODE=hex:OCTETS, such as 60=PXEClient")
	fs.StringVar(&f.client.From, "from", "", "source address of the message, with or without a port")
	fs.StringVar(&f.client.To, "to", "", "destination address of the message, with or without a port")
	fs.IntVar(&f.tries, "tries", 1, "which of the client's tries without an answer this is, for smart_relay_after")
	fs.StringArrayVar(&f.servers, "reply-from", nil, "explain the usual reply of this server, too; may be repeated")
	fs.StringVar(&f.yiaddr, "yiaddr", "", "address that the server gives to the client")
	complete(c, func() (*web.Client, error) {
		at, err := socketOf(*config, false)
		return web.NewClient(at), err
	})
	c.RunE = func(c *cobra.Command, args []string) error {
		f.config = *config
		return f.run(c, args)
	}
	return c
}

// describing are the flags that only a described client has a use for.
func describing() []string {
	return []string{
		"port", "mac", "ipv6", "type", "xid", "hops", "secs", "giaddr", "ciaddr", "broadcast", "duid", "option", "from", "to",
		"tries", "reply-from", "yiaddr",
	}
}

func (f *explainFlags) run(c *cobra.Command, args []string) error {
	if err := f.check(c, args); err != nil {
		return err
	}
	r, host, err := f.relay(c.InOrStdin(), c.ErrOrStderr())
	if err != nil {
		return err
	}
	p := &printer{out: c.OutOrStdout(), json: f.json}
	if len(args) == 1 {
		err = f.capture(c, args[0], r, host, p)
	} else {
		err = f.describe(r, p)
	}
	p.warn(c.ErrOrStderr(), r)
	if err == nil && f.strict && p.dropped {
		return errDropped
	}
	return err
}

// check finds flags that do not go together.
func (f *explainFlags) check(c *cobra.Command, args []string) error {
	if len(args) == 1 {
		i := slices.IndexFunc(describing(), func(name string) bool { return c.Flags().Changed(name) })
		switch {
		case i >= 0:
			return fmt.Errorf("--%s describes a client, and the messages come from %s; leave one of both out", describing()[i], args[0])
		case args[0] == "-" && f.host == "-":
			return errors.New("FILE and --host cannot both be standard input; write one to a file")
		}
		return nil
	}
	switch {
	case f.client.MAC == "":
		return errors.New("there is nothing to explain; name a capture file, or describe a client with --interface and --mac")
	case f.client.Interface == "":
		return errors.New("--interface is missing; name the interface that hears the client")
	case f.maps != nil:
		return errors.New("--map is for capture files; name the interface with --interface")
	case f.tries < 1 || f.tries > 10000:
		return fmt.Errorf("--tries: %d is out of range; write a number from 1 to 10000", f.tries)
	}
	return nil
}

// describe explains the message of a described client, and replies to it.
func (f *explainFlags) describe(r *explain.Relay, p *printer) error {
	m, err := f.client.Message()
	if err != nil {
		return err
	}
	servers, yiaddr, err := explain.ParseServers(f.client.V6, f.servers, f.yiaddr)
	if err != nil {
		return err
	}
	var res explain.Result
	for range f.tries {
		if res, err = r.Explain(m); err != nil {
			return fmt.Errorf("--interface: %w", err)
		}
	}
	if err := p.print(&res); err != nil {
		return err
	}
	for _, s := range servers {
		m, err := r.Reply(s, yiaddr)
		if err != nil {
			return fmt.Errorf("--reply-from %s: %w", s, err)
		}
		res, err := r.ExplainReply(m)
		if err != nil {
			return err
		}
		if err := p.print(&res); err != nil {
			return err
		}
	}
	return nil
}

// capture explains the messages of a file, in their order.
func (f *explainFlags) capture(c *cobra.Command, path string, r *explain.Relay, host *explain.Host, p *printer) error {
	if built.Small {
		return built.Lacking{Part: built.Captures}
	}
	on, err := explain.NewMapping(host, f.client.Interface, f.maps)
	if err != nil {
		return err
	}
	file, name := c.InOrStdin(), "standard input"
	if path != "-" {
		opened, err := os.Open(path)
		if err != nil {
			return plain(err)
		}
		defer opened.Close() //nolint:errcheck // nothing was written
		file, name = opened, path
	}
	packets, err := capture.NewReader(file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fragments, frames := 0, 0
	for {
		k, err := packets.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		frames++
		if k.Skip == capture.Fragment && !k.Src.IsValid() {
			fragments++
		}
		res, ok, err := r.ExplainPacket(&k, on)
		if err != nil {
			return fmt.Errorf("%s: frame %d: %w", name, k.Number, err)
		}
		if !ok {
			continue
		}
		if err := p.print(&res); err != nil {
			return err
		}
	}
	if fragments > 0 {
		fmt.Fprintf(c.ErrOrStderr(), "note: %s: %d later fragments of datagrams were not looked at\n", name, fragments)
	}
	if p.n == 0 {
		return fmt.Errorf("%s: there is no DHCP message in it (frames: %d); capture UDP ports 67, 68, 546 and 547", name, frames)
	}
	return nil
}

// A printer prints results and remembers what is needed at the end.
type printer struct {
	out     io.Writer
	json    bool
	n       int
	dropped bool
	links   map[string]bool
}

func (p *printer) print(res *explain.Result) error {
	p.dropped = p.dropped || res.Dropped()
	if p.links == nil {
		p.links = make(map[string]bool)
	}
	p.links[res.Message.Interface] = true
	p.n++
	if p.json {
		e := json.NewEncoder(p.out)
		e.SetEscapeHTML(false)
		return e.Encode(res)
	}
	if p.n > 1 {
		fmt.Fprintln(p.out)
	}
	_, err := io.WriteString(p.out, res.String())
	return err
}

// warn tells what of the configuration does not fit the interfaces concerned.
func (p *printer) warn(stderr io.Writer, r *explain.Relay) {
	for _, q := range r.Problems() {
		if p.links[q.Interface] {
			fmt.Fprintln(stderr, "warning:", q)
		}
	}
}
