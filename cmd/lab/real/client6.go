package real

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"dhcp-relay/cmd/lab/netns"
)

// A Client6 is a DHCPv6 client program on one link.
type Client6 struct {
	kind   clientKind6
	ns     *netns.NS
	dev    string
	dir    string
	prefix bool
	proc   *netns.Proc
}

// A clientKind6 knows one program. Its script, if it has one, puts the address
// onto the link, if the program does not, and a delegated prefix into a file.
type clientKind6 struct {
	program, pkg string
	script       string
	conf         func(dev, dir string, prefix bool) string
	args         func(path, dev, dir string, prefix bool) []string // of the command line, with the program itself
	printed      *regexp.Regexp                                    // how a program without a script tells of a prefix
}

// dhclientScript6 takes what happened from its environment; addresses and
// prefixes come in calls of their own.
const dhclientScript6 = `#!/bin/sh
case "$reason" in
BOUND6|RENEW6|REBIND6)
	[ -n "$new_ip6_address" ] && ip -6 addr replace "$new_ip6_address/128" dev "$interface"
	[ -n "$new_ip6_prefix" ] && echo "$new_ip6_prefix" >"${0%/*}/prefix"
	;;
esac
exit 0
`

const dhcpcdScript6 = `#!/bin/sh
[ -n "$new_dhcp6_ia_pd1_prefix1" ] && echo "$new_dhcp6_ia_pd1_prefix1/$new_dhcp6_ia_pd1_prefix1_length" >"${0%/*}/prefix"
exit 0
`

// dhcp6cRun hides the DUID that all dhcp6cs of a host share behind one of its own.
const dhcp6cRun = `mkdir -p /var/lib/dhcpv6 && mount -t tmpfs none /var/lib/dhcpv6 && exec "$@"`

func clientKinds6() map[string]clientKind6 {
	return map[string]clientKind6{
		"dhclient": {
			program: "dhclient", pkg: "isc-dhcp-client", script: dhclientScript6,
			conf: func(string, string, bool) string { return "" },
			args: func(path, dev, dir string, prefix bool) []string {
				args := []string{
					path, "-6", "-d", "-1", "-sf", filepath.Join(dir, "script"), "-cf", filepath.Join(dir, "conf"),
					"-lf", filepath.Join(dir, "leases"), "-pf", filepath.Join(dir, "pid"), "-N",
				}
				if prefix {
					args = append(args, "-P")
				}
				return append(args, dev)
			},
		},
		"dhcpcd": {
			program: "dhcpcd", pkg: "dhcpcd-base", script: dhcpcdScript6,
			conf: func(dev, _ string, prefix bool) string {
				s := "ipv6only\nnoipv6rs\ninterface " + dev + "\nia_na 1\n"
				if prefix {
					s += "ia_pd 2 -\n"
				}
				return s
			},
			args: func(path, dev, dir string, _ bool) []string {
				return []string{
					"unshare", "-m", "sh", "-c", dhcpcdRun, "sh",
					path, "-B", "-6", "-c", filepath.Join(dir, "script"), "-f", filepath.Join(dir, "conf"), dev,
				}
			},
		},
		"wide": {
			program: "dhcp6c", pkg: "wide-dhcpv6-client",
			conf: func(dev, _ string, prefix bool) string {
				pd, assoc := "", ""
				if prefix {
					pd, assoc = "send ia-pd 2;\n", "id-assoc pd 2 { };\n"
				}
				return fmt.Sprintf("interface %s {\nsend ia-na 1;\n%s};\nid-assoc na 1 { };\n%s", dev, pd, assoc)
			},
			args: func(path, dev, dir string, _ bool) []string {
				return []string{
					"unshare", "-m", "sh", "-c", dhcp6cRun, "sh",
					path, "-f", "-D", "-c", filepath.Join(dir, "conf"), "-p", filepath.Join(dir, "pid"), dev,
				}
			},
			printed: regexp.MustCompile(`prefix ([0-9a-f:]+/\d+) pltime`),
		},
	}
}

// ClientKinds6 returns the names of the clients that NewClient6 knows.
func ClientKinds6() []string { return []string{"dhclient", "dhcpcd", "wide"} }

// HasClient reports whether there is a DHCPv4 client of the kind.
func HasClient(kind string) bool { _, ok := clientKinds()[kind]; return ok }

// HasClient6 reports whether there is a DHCPv6 client of the kind.
func HasClient6(kind string) bool { _, ok := clientKinds6()[kind]; return ok }

// CheckClient6 returns an error that wraps ErrMissing if the kind of DHCPv6
// client is not installed.
func CheckClient6(kind string) error {
	k, ok := clientKinds6()[kind]
	if !ok {
		return fmt.Errorf("client %q: there are %s", kind, strings.Join(ClientKinds6(), ", "))
	}
	_, err := find(k.program, k.pkg)
	return err
}

// NewClient6 prepares a DHCPv6 client for a link of a namespace, which has a
// link-local address, with its files in a directory of its own below dir. It
// asks for a prefix, too, if prefix is true. The caller must Close it. The error
// wraps ErrMissing if the program is not installed.
func NewClient6(kind string, n *netns.NS, dev, dir string, prefix bool) (*Client6, error) {
	if err := CheckClient6(kind); err != nil {
		return nil, err
	}
	k := clientKinds6()[kind]
	own, err := os.MkdirTemp(dir, n.Name+"-v6-")
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(own, "script"), []byte(k.script), 0o755),
		os.WriteFile(filepath.Join(own, "conf"), []byte(k.conf(dev, own, prefix)), 0o600),
	)
	if err != nil {
		return nil, err
	}
	return &Client6{kind: k, ns: n, dev: dev, dir: own, prefix: prefix}, nil
}

// Login starts the client and waits until it has given the link an address, and
// has a prefix if it is to have one. The client stays, as it would on a host.
func (c *Client6) Login(ctx context.Context) (addr netip.Addr, prefix netip.Prefix, err error) {
	path, err := find(c.kind.program, c.kind.pkg)
	if err != nil {
		return addr, prefix, err
	}
	out := &output{}
	args := c.kind.args(path, c.dev, c.dir, c.prefix)
	if c.proc, err = c.ns.Start(args[0], args[1:], out); err != nil {
		return addr, prefix, err
	}
	err = await(ctx, c.proc, out, func() (bool, error) {
		list, err := c.ns.Addrs6(c.dev)
		for _, p := range list {
			if !p.Addr().IsLinkLocalUnicast() {
				addr = p.Addr()
			}
		}
		if c.prefix && err == nil {
			prefix, err = c.delegated(out)
		}
		return addr.IsValid() && prefix.IsValid() == c.prefix, err
	})
	return addr, prefix, err
}

// delegated returns the prefix that the client has been given, invalid if it has
// none yet.
func (c *Client6) delegated(out *output) (netip.Prefix, error) {
	s := ""
	if c.kind.printed != nil {
		if m := c.kind.printed.FindStringSubmatch(out.String()); m != nil {
			s = m[1]
		}
	} else {
		b, err := os.ReadFile(filepath.Join(c.dir, "prefix"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return netip.Prefix{}, err
		}
		s = strings.TrimSpace(string(b))
	}
	if s == "" {
		return netip.Prefix{}, nil
	}
	return netip.ParsePrefix(s)
}

// Close kills the client.
func (c *Client6) Close() error {
	if c.proc != nil {
		c.proc.Stop()
	}
	return nil
}
