package real

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"

	"dhcp-relay/cmd/lab/netns"
)

// A Client is a DHCP client program on one link.
type Client struct {
	kind clientKind
	ns   *netns.NS
	dev  string
	dir  string
	proc *netns.Proc
}

// A clientKind knows one program. Its script, if it has one, puts the address
// onto the link.
type clientKind struct {
	program, pkg string
	script       string
	conf         string
	args         func(path, dev, dir string) []string // of the command line, with the program itself
}

// udhcpcScript is called with what happened as its argument.
const udhcpcScript = `#!/bin/sh
case "$1" in
deconfig) ip link set "$interface" up ;;
bound|renew) ip addr replace "$ip/$mask" dev "$interface" ;;
esac
`

// dhclientScript takes what happened from its environment.
const dhclientScript = `#!/bin/sh
case "$reason" in
PREINIT) ip link set "$interface" up ;;
BOUND|RENEW|REBIND|REBOOT) ip addr replace "$new_ip_address/$new_subnet_mask" dev "$interface" ;;
esac
exit 0
`

// dhcpcdRun hides the places that all dhcpcds of a host share behind private
// ones, and shows the links of the namespace in /sys.
const dhcpcdRun = `mount -t tmpfs none /run && mkdir -p /run/dhcpcd && mount -t tmpfs none /var/lib/dhcpcd &&
mount -t sysfs none /sys && exec "$@"`

func clientKinds() map[string]clientKind {
	return map[string]clientKind{
		"udhcpc": {"udhcpc", "udhcpc", udhcpcScript, "", func(path, dev, dir string) []string {
			return []string{path, "-f", "-i", dev, "-s", filepath.Join(dir, "script"), "-t", "10", "-T", "2", "-A", "2"}
		}},
		"dhclient": {"dhclient", "isc-dhcp-client", dhclientScript, "initial-interval 2;\nselect-timeout 0;\n", func(path, dev, dir string) []string {
			return []string{
				path, "-4", "-d", "-1", "-sf", filepath.Join(dir, "script"), "-cf", filepath.Join(dir, "conf"),
				"-lf", filepath.Join(dir, "leases"), "-pf", filepath.Join(dir, "pid"), dev,
			}
		}},
		"dhcpcd": {"dhcpcd", "dhcpcd-base", "", "clientid\noption subnet_mask, routers\nnooption rapid_commit\n", func(path, dev, dir string) []string {
			return []string{
				"unshare", "-m", "sh", "-c", dhcpcdRun, "sh",
				path, "-B", "-4", "-A", "-L", "-c", "/bin/true", "-f", filepath.Join(dir, "conf"), dev,
			}
		}},
	}
}

// ClientKinds returns the names of the clients that NewClient knows.
func ClientKinds() []string { return []string{"udhcpc", "dhclient", "dhcpcd"} }

// NewClient prepares a client for a link of a namespace, with its files in a
// directory of its own below dir. The caller must Close it. The error wraps
// ErrMissing if the program is not installed.
func NewClient(kind string, n *netns.NS, dev, dir string) (*Client, error) {
	if err := CheckClient(kind); err != nil {
		return nil, err
	}
	k := clientKinds()[kind]
	own, err := os.MkdirTemp(dir, n.Name+"-")
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(own, "script"), []byte(k.script), 0o755),
		os.WriteFile(filepath.Join(own, "conf"), []byte(k.conf), 0o644),
	)
	if err != nil {
		return nil, err
	}
	return &Client{kind: k, ns: n, dev: dev, dir: own}, nil
}

// Login starts the client and waits until it has given the link an address. The
// client stays, as it would on a host.
func (c *Client) Login(ctx context.Context) (netip.Prefix, error) {
	path, err := find(c.kind.program, c.kind.pkg)
	if err != nil {
		return netip.Prefix{}, err
	}
	out := &output{}
	args := c.kind.args(path, c.dev, c.dir)
	if c.proc, err = c.ns.Start(args[0], args[1:], out); err != nil {
		return netip.Prefix{}, err
	}
	var got netip.Prefix
	err = await(ctx, c.proc, out, func() (bool, error) {
		list, err := c.ns.Addrs(c.dev)
		if len(list) > 0 {
			got = list[0]
		}
		return len(list) > 0, err
	})
	return got, err
}

// Close kills the client.
func (c *Client) Close() error {
	if c.proc != nil {
		c.proc.Stop()
	}
	return nil
}
