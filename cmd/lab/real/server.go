package real

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dhcp-relay/cmd/lab/netns"
)

// leaseTime is what the servers are told if no other one is given, in seconds.
const leaseTime = 3600

// A Subnet is a client network that a server leases addresses for.
type Subnet struct {
	Prefix              netip.Prefix
	First, Last, Router netip.Addr
	ServerID            netip.Addr // Kea alone: what clients renew at; not valid: the server's own
}

// A ServerConfig says what a server serves.
type ServerConfig struct {
	Dir     string       // for its files; exists already
	Link    netip.Prefix // the server's own address and network
	Subnets []Subnet
	Lease   int // seconds; 0: an hour
}

// A Lease is an address that a server has given away.
type Lease struct {
	Addr netip.Addr
	MAC  string // as net.HardwareAddr.String
}

// A Server is a running server program.
type Server struct {
	proc   *netns.Proc
	leases string
	parse  func(line string, to map[netip.Addr]string)
}

// A serverKind knows one program.
type serverKind struct {
	program, pkg string
	config       func(ServerConfig, files) (string, error) // the text of files.conf
	args         func(dev string, f files) []string
	env          func(files) []string
	parse        func() func(line string, to map[netip.Addr]string)
}

// files are the paths of one server's files.
type files struct{ dir, conf, leases, pid string }

// serverKinds returns the servers that are known. None is authoritative: each of
// the lab's two would refuse what the other has promised.
func serverKinds() map[string]serverKind {
	return map[string]serverKind{
		"kea":     {"kea-dhcp4", "kea-dhcp4-server", keaConfig("udp"), keaArgs, keaEnv, keaLeases},
		"kea-raw": {"kea-dhcp4", "kea-dhcp4-server", keaConfig("raw"), keaArgs, keaEnv, keaLeases},
		"isc":     {"dhcpd", "isc-dhcp-server", iscConfig, iscArgs, nil, iscLeases},
		"dnsmasq": {
			"dnsmasq", "dnsmasq-base", dnsmasqConfig, dnsmasqArgs, nil,
			func() func(string, map[netip.Addr]string) { return dnsmasqLease },
		},
	}
}

// ServerKinds returns the names of the servers that StartServer knows.
func ServerKinds() []string { return []string{"kea", "isc", "dnsmasq"} }

// StartServer starts a server on a link of a namespace and waits until it
// listens. The error wraps ErrMissing if the program is not installed.
func StartServer(ctx context.Context, kind string, n *netns.NS, dev string, c ServerConfig) (*Server, error) {
	if err := CheckServer(kind); err != nil {
		return nil, err
	}
	k := serverKinds()[kind]
	path, err := find(k.program, k.pkg)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(c.Dir, n.Name+"-")
	if err != nil {
		return nil, err
	}
	f := files{dir, filepath.Join(dir, "conf"), filepath.Join(dir, "leases"), filepath.Join(dir, "pid")}
	conf, err := k.config(c, f)
	if err != nil {
		return nil, err
	}
	// dhcpd wants its lease file to exist.
	err = errors.Join(os.WriteFile(f.conf, []byte(conf), 0o644), os.WriteFile(f.leases, nil, 0o644))
	if err != nil {
		return nil, err
	}
	out := &output{}
	cmd := exec.Command(path, k.args(dev, f)...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = out, out, dir
	if k.env != nil {
		cmd.Env = append(os.Environ(), k.env(f)...)
	}
	s := &Server{leases: f.leases, parse: k.parse()}
	if s.proc, err = n.StartCmd(cmd); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := await(ctx, s.proc, out, func() (bool, error) { return listens(n, 67) }); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s in %s: %w", k.program, n.Name, err), s.Close())
	}
	return s, nil
}

// Close kills the server.
func (s *Server) Close() error {
	s.proc.Stop()
	return nil
}

// Leases reads the server's lease file: the addresses that are bound.
func (s *Server) Leases() ([]Lease, error) {
	b, err := os.ReadFile(s.leases)
	if err != nil {
		return nil, err
	}
	m := map[netip.Addr]string{}
	for line := range strings.Lines(string(b)) {
		s.parse(strings.TrimSuffix(line, "\n"), m)
	}
	out := make([]Lease, 0, len(m))
	for a, mac := range m {
		out = append(out, Lease{a, mac})
	}
	slices.SortFunc(out, func(a, b Lease) int { return a.Addr.Compare(b.Addr) })
	return out, nil
}

// keaConfig has Kea hear by sockets of a type: by "udp", or as is its default by
// "raw", which read frames and answer clients without an address.
func keaConfig(sockets string) func(ServerConfig, files) (string, error) {
	return func(c ServerConfig, f files) (string, error) { return keaFile(c, f, sockets) }
}

func keaFile(c ServerConfig, f files, sockets string) (string, error) {
	type m map[string]any
	subnets := make([]m, 0, len(c.Subnets))
	for i, s := range c.Subnets {
		options := []m{{"name": "routers", "data": s.Router.String()}}
		if s.ServerID.IsValid() {
			options = append(options, m{"name": "dhcp-server-identifier", "data": s.ServerID.String()})
		}
		subnets = append(subnets, m{
			"id": i + 1, "subnet": s.Prefix.String(),
			"pools":       []m{{"pool": s.First.String() + " - " + s.Last.String()}},
			"option-data": options,
		})
	}
	b, err := json.MarshalIndent(m{"Dhcp4": m{
		"interfaces-config": m{"interfaces": []string{"*"}, "dhcp-socket-type": sockets},
		"lease-database":    m{"type": "memfile", "persist": true, "name": f.leases, "lfc-interval": 0},
		"valid-lifetime":    cmp.Or(c.Lease, leaseTime),
		"subnet4":           subnets,
		"loggers":           []m{{"name": "kea-dhcp4", "severity": "INFO", "output_options": []m{{"output": "stdout"}}}},
	}}, "", "  ")
	return string(b), err
}

func keaArgs(_ string, f files) []string { return []string{"-c", f.conf} }

func keaEnv(f files) []string {
	return []string{"KEA_PIDFILE_DIR=" + f.dir, "KEA_LOCKFILE_DIR=" + f.dir}
}

// keaLeases reads Kea's journal: address,hwaddr,client_id,valid_lifetime,
// expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,... A later line holds.
func keaLeases() func(string, map[netip.Addr]string) {
	return func(line string, to map[netip.Addr]string) {
		f := strings.Split(line, ",")
		if len(f) < 10 {
			return
		}
		a, err := netip.ParseAddr(f[0])
		if err != nil {
			return // the head of the table
		}
		if f[9] != "0" || f[3] == "0" {
			delete(to, a)
			return
		}
		to[a] = f[1]
	}
}

func iscConfig(c ServerConfig, _ files) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "ddns-update-style none;\nping-check false;\ndefault-lease-time %d;\n", cmp.Or(c.Lease, leaseTime))
	fmt.Fprintf(&b, "subnet %s netmask %s { }\n", c.Link.Masked().Addr(), mask(c.Link))
	for _, s := range c.Subnets {
		fmt.Fprintf(&b, "subnet %s netmask %s { range %s %s; option routers %s; }\n",
			s.Prefix.Addr(), mask(s.Prefix), s.First, s.Last, s.Router)
	}
	return b.String(), nil
}

func iscArgs(dev string, f files) []string {
	return []string{"-4", "-f", "-d", "-cf", f.conf, "-lf", f.leases, "--no-pid", dev}
}

// iscLeases reads dhcpd's journal of "lease ADDR { ... }" blocks. A later block
// holds.
func iscLeases() func(string, map[netip.Addr]string) {
	var a netip.Addr
	var active bool
	return func(line string, to map[netip.Addr]string) {
		f := strings.Fields(strings.TrimSuffix(strings.TrimSpace(line), ";"))
		switch {
		case len(f) == 3 && f[0] == "lease":
			a, _ = netip.ParseAddr(f[1])
			delete(to, a)
			active = false
		case len(f) == 3 && f[0] == "binding" && f[1] == "state":
			active = f[2] == "active"
		case len(f) == 3 && f[0] == "hardware" && active:
			to[a] = f[2]
		}
	}
}

func dnsmasqConfig(c ServerConfig, f files) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "port=0\nno-resolv\nno-hosts\nno-ping\nuser=root\ngroup=root\nlog-dhcp\nlog-facility=-\ndhcp-leasefile=%s\n", f.leases)
	for i, s := range c.Subnets {
		fmt.Fprintf(&b, "dhcp-range=set:n%d,%s,%s,%s,%d\n", i, s.First, s.Last, mask(s.Prefix), cmp.Or(c.Lease, leaseTime))
		fmt.Fprintf(&b, "dhcp-option=tag:n%d,option:router,%s\n", i, s.Router)
	}
	return b.String(), nil
}

func dnsmasqArgs(dev string, f files) []string {
	return []string{"--keep-in-foreground", "--conf-file=" + f.conf, "--pid-file=" + f.pid, "--interface=" + dev}
}

// dnsmasqLease reads a line of dnsmasq: expiry MAC address name client-id.
func dnsmasqLease(line string, to map[netip.Addr]string) {
	f := strings.Fields(line)
	if len(f) < 3 {
		return
	}
	if a, err := netip.ParseAddr(f[2]); err == nil {
		to[a] = f[1]
	}
}

func mask(p netip.Prefix) string { return net.IP(net.CIDRMask(p.Bits(), 32)).String() }
