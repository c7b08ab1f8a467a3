package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"dhcp-relay/giaddr/hostfile"
	"dhcp-relay/giaddr/watch"
	"dhcp-relay/relay/daemon"
	"dhcp-relay/relay/explain"
)

// maxHost is the most octets of a file of interfaces: 4,000 of them take 6 MB.
const maxHost = 256 << 20

// relay makes the relay to ask, of the configuration and a host.
func (f *explainFlags) relay(stdin io.Reader, stderr io.Writer) (*explain.Relay, *explain.Host, error) {
	hostname, host, err := hostLinks(f.host, stdin)
	if err != nil {
		return nil, nil, err
	}
	if hostname == "" {
		if hostname, err = os.Hostname(); err != nil {
			return nil, nil, fmt.Errorf("read the host's name: %w", err)
		}
	}
	cfg, err := daemon.LoadFor(hostname, f.config, f.host == "")
	if err != nil {
		return nil, nil, err
	}
	if cfg.NeedsDUID() {
		if cfg.Policy.DUID, err = daemon.KnownDUID(); err != nil {
			fmt.Fprintf(stderr, "warning: option 53 is left out, for the relay's DUID is not known here (%v); set duid to see it\n", err)
		}
	}
	return explain.New(cfg, host.Links), host, nil
}

// hostLinks returns the interfaces of the file, or of this host if it is "".
func hostLinks(file string, stdin io.Reader) (hostname string, h *explain.Host, err error) {
	if file == "" {
		w, err := watch.New()
		if err != nil {
			return "", nil, fmt.Errorf("look at the interfaces: %w; or name a file of them with --host", err)
		}
		defer func() { _ = w.Close() }() // it was only read
		return "", &explain.Host{From: "this host", Links: w.Links(), Kernel: true}, nil
	}
	data, name, err := readHost(file, stdin)
	if err != nil {
		return "", nil, fmt.Errorf("--host: %w", err)
	}
	p, err := hostfile.Parse(name, data)
	if err != nil {
		return "", nil, fmt.Errorf("--host: %w", err)
	}
	return p.Hostname, &explain.Host{From: name, Links: p.Links, Kernel: p.Kernel}, nil
}

func readHost(path string, stdin io.Reader) (data []byte, name string, err error) {
	in, name := stdin, "standard input"
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, path, plain(err)
		}
		defer file.Close() //nolint:errcheck // nothing was written
		in, name = file, path
	}
	data, err = io.ReadAll(io.LimitReader(in, maxHost))
	return data, name, plain(err)
}

// plain takes the name of the operation off an error of a file, which its path
// says enough about.
func plain(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}
