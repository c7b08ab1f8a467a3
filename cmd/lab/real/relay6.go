package real

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dhcp-relay/cmd/lab/netns"
)

// A RelayConfig6 says where a DHCPv6 relay stands.
type RelayConfig6 struct {
	Dir  string     // for its files; exists already
	Down string     // the link that leads to the clients
	Up   string     // the link that leads to the servers
	Link netip.Addr // the relay's own address on Down
	Next netip.Addr // the server, or the next relay
}

// A Relay6 is a running DHCPv6 relay of another make.
type Relay6 struct{ proc *netns.Proc }

// A relayKind6 knows one program.
type relayKind6 struct {
	program, pkg string
	args         func(path, dir string, c RelayConfig6) []string // of the command line, with the program itself
}

// dibblerRun hides the places that all dibblers of a host share behind private
// ones; the configuration is the first argument.
const dibblerRun = `mkdir -p /var/lib/dibbler /var/log/dibbler /etc/dibbler &&
mount -t tmpfs none /var/lib/dibbler && mount -t tmpfs none /var/log/dibbler && mount -t tmpfs none /etc/dibbler &&
cp "$1" /etc/dibbler/relay.conf && shift && exec "$@"`

func relayKinds6() map[string]relayKind6 {
	return map[string]relayKind6{
		"isc": {"dhcrelay", "isc-dhcp-relay", func(path, _ string, c RelayConfig6) []string {
			return []string{
				path, "-6", "-d", "--no-pid", "-I",
				"-l", c.Link.String() + "%" + c.Down, "-u", c.Next.String() + "%" + c.Up,
			}
		}},
		"dibbler": {"dibbler-relay", "dibbler-relay", func(path, dir string, _ RelayConfig6) []string {
			return []string{"unshare", "-m", "sh", "-c", dibblerRun, "sh", filepath.Join(dir, "conf"), path, "run"}
		}},
		"wide": {"dhcp6relay", "wide-dhcpv6-relay", func(path, dir string, c RelayConfig6) []string {
			return []string{path, "-f", "-d", "-p", filepath.Join(dir, "pid"), "-r", c.Up, "-s", c.Next.String(), c.Down}
		}},
	}
}

// RelayKinds6 returns the names of the relays that StartRelay6 knows: Debian's
// isc-dhcp-relay, dibbler-relay and wide-dhcpv6-relay.
func RelayKinds6() []string { return []string{"isc", "dibbler", "wide"} }

// CheckRelay6 returns an error that wraps ErrMissing if the kind of DHCPv6 relay
// is not installed.
func CheckRelay6(kind string) error {
	k, ok := relayKinds6()[kind]
	if !ok {
		return fmt.Errorf("relay %q: there are %s", kind, strings.Join(RelayKinds6(), ", "))
	}
	_, err := find(k.program, k.pkg)
	return err
}

// StartRelay6 starts a relay in a namespace and waits until it hears clients. The
// error wraps ErrMissing if the program is not installed.
func StartRelay6(ctx context.Context, kind string, n *netns.NS, c RelayConfig6) (*Relay6, error) {
	if err := CheckRelay6(kind); err != nil {
		return nil, err
	}
	k := relayKinds6()[kind]
	path, err := find(k.program, k.pkg)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(c.Dir, n.Name+"-relay-")
	if err != nil {
		return nil, err
	}
	// Only dibbler reads it.
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(dibblerConfig(c)), 0o600); err != nil {
		return nil, err
	}
	out := &output{}
	args := k.args(path, dir, c)
	r := &Relay6{}
	if r.proc, err = n.Start(args[0], args[1:], out); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := await(ctx, r.proc, out, func() (bool, error) { return hears6(n, c.Down) }); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s in %s: %w", k.program, n.Name, err), r.Close())
	}
	return r, nil
}

// Close kills the relay.
func (r *Relay6) Close() error {
	r.proc.Stop()
	return nil
}

// hears6 reports whether a socket of the namespace has joined ff02::1:2 on a link.
func hears6(n *netns.NS, dev string) (bool, error) {
	var b []byte
	err := n.Do(func() (err error) {
		b, err = os.ReadFile("/proc/thread-self/net/igmp6")
		return err
	})
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 2 && f[1] == dev && f[2] == "ff020000000000000000000000010002" {
			return true, err
		}
	}
	return false, err
}

func dibblerConfig(c RelayConfig6) string {
	return fmt.Sprintf(`log-level 7
log-mode short
iface %s {
  client multicast yes
  client unicast %s
  interface-id 5020
}
iface %s {
  server unicast %s
}
`, c.Down, c.Link, c.Up, c.Next)
}
