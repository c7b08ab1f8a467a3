package real

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"dhcp-relay/cmd/lab/netns"
)

// A Subnet6 is a client network that a server leases addresses and delegates
// prefixes for.
type Subnet6 struct {
	Prefix      netip.Prefix
	First, Last netip.Addr
	Delegated   netip.Prefix // what prefixes are delegated from
	Bits        int          // the length of a delegated prefix
}

// A ServerConfig6 says what a DHCPv6 server serves.
type ServerConfig6 struct {
	Dir     string       // for its files; exists already
	Link    netip.Prefix // the server's own address and network
	Subnets []Subnet6

	dev string // the link, as StartServer6 was told
}

// A Lease6 is an address, as a prefix of 128 bits, or a delegated prefix that a
// server has given away.
type Lease6 struct {
	Prefix netip.Prefix
	DUID   string // of the client, in hexadecimal; "" if the server does not tell
}

// A Server6 is a running DHCPv6 server program.
type Server6 struct {
	proc   *netns.Proc
	leases string
	parser func() func(line string, to map[netip.Prefix]string)
}

// A serverKind6 knows one program.
type serverKind6 struct {
	program, pkg string
	delegates    bool
	config       func(ServerConfig6, files) (string, error) // the text of files.conf
	args         func(dev string, f files) []string
	env          func(files) []string
	parser       func() func(line string, to map[netip.Prefix]string)
}

// serverKinds6 returns the DHCPv6 servers that are known, under the names that
// their twins for DHCPv4 have.
func serverKinds6() map[string]serverKind6 {
	return map[string]serverKind6{
		"kea": {"kea-dhcp6", "kea-dhcp6-server", true, keaConfig6, keaArgs, keaEnv, func() func(string, map[netip.Prefix]string) { return keaLease6 }},
		"isc": {"dhcpd", "isc-dhcp-server", true, iscConfig6, iscArgs6, nil, iscLeases6},
		"dnsmasq": {
			"dnsmasq", "dnsmasq-base", false, dnsmasqConfig6, dnsmasqArgs, nil,
			func() func(string, map[netip.Prefix]string) { return dnsmasqLease6 },
		},
	}
}

// Delegates reports whether a kind of DHCPv6 server can delegate prefixes.
func Delegates(kind string) bool { return serverKinds6()[kind].delegates }

// CheckServer6 returns an error that wraps ErrMissing if the kind of DHCPv6
// server is not installed.
func CheckServer6(kind string) error {
	k, ok := serverKinds6()[kind]
	if !ok {
		return fmt.Errorf("server %q: there are %s", kind, strings.Join(ServerKinds(), ", "))
	}
	_, err := find(k.program, k.pkg)
	return err
}

// StartServer6 starts a DHCPv6 server on a link of a namespace and waits until it
// listens. The error wraps ErrMissing if the program is not installed.
func StartServer6(ctx context.Context, kind string, n *netns.NS, dev string, c ServerConfig6) (*Server6, error) {
	if err := CheckServer6(kind); err != nil {
		return nil, err
	}
	k := serverKinds6()[kind]
	path, err := find(k.program, k.pkg)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(c.Dir, n.Name+"-v6-")
	if err != nil {
		return nil, err
	}
	f := files{dir, filepath.Join(dir, "conf"), filepath.Join(dir, "leases"), filepath.Join(dir, "pid")}
	c.dev = dev
	conf, err := k.config(c, f)
	if err != nil {
		return nil, err
	}
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
	s := &Server6{leases: f.leases, parser: k.parser}
	if s.proc, err = n.StartCmd(cmd); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := await(ctx, s.proc, out, func() (bool, error) { return listens6(n, 547) }); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s in %s: %w", k.program, n.Name, err), s.Close())
	}
	return s, nil
}

// listens6 is listens for IPv6.
func listens6(n *netns.NS, port uint16) (bool, error) {
	var b []byte
	err := n.Do(func() (err error) {
		b, err = os.ReadFile("/proc/thread-self/net/udp6")
		return err
	})
	return strings.Contains(string(b), fmt.Sprintf(":%04X ", port)), err
}

// Close kills the server.
func (s *Server6) Close() error {
	s.proc.Stop()
	return nil
}

// Leases reads the server's lease file: what is bound.
func (s *Server6) Leases() ([]Lease6, error) {
	b, err := os.ReadFile(s.leases)
	if err != nil {
		return nil, err
	}
	m := map[netip.Prefix]string{}
	parse := s.parser()
	for line := range strings.Lines(string(b)) {
		parse(strings.TrimSuffix(line, "\n"), m)
	}
	out := make([]Lease6, 0, len(m))
	for p, id := range m {
		out = append(out, Lease6{p, id})
	}
	slices.SortFunc(out, func(a, b Lease6) int { return a.Prefix.Addr().Compare(b.Prefix.Addr()) })
	return out, nil
}

func keaConfig6(c ServerConfig6, f files) (string, error) {
	type m map[string]any
	subnets := make([]m, 0, len(c.Subnets))
	for i, s := range c.Subnets {
		subnets = append(subnets, m{
			"id": i + 1, "subnet": s.Prefix.String(),
			"pools":    []m{{"pool": s.First.String() + " - " + s.Last.String()}},
			"pd-pools": []m{{"prefix": s.Delegated.Addr().String(), "prefix-len": s.Delegated.Bits(), "delegated-len": s.Bits}},
		})
	}
	b, err := json.MarshalIndent(m{"Dhcp6": m{
		// An address beside the name: what relays send comes by unicast.
		"interfaces-config": m{"interfaces": []string{c.dev, c.dev + "/" + c.Link.Addr().String()}},
		"data-directory":    f.dir,
		"lease-database":    m{"type": "memfile", "persist": true, "name": f.leases, "lfc-interval": 0},
		"valid-lifetime":    leaseTime,
		"subnet6":           subnets,
		"loggers":           []m{{"name": "kea-dhcp6", "severity": "INFO", "output_options": []m{{"output": "stdout"}}}},
	}}, "", "  ")
	return string(b), err
}

// keaLease6 reads a line of Kea's journal: address,duid,valid_lifetime,expire,
// subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,
// hwaddr,state,... A later line holds.
func keaLease6(line string, to map[netip.Prefix]string) {
	f := strings.Split(line, ",")
	if len(f) < 14 {
		return
	}
	a, err := netip.ParseAddr(f[0])
	if err != nil {
		return
	}
	bits, err := strconv.Atoi(f[8])
	if err != nil {
		return
	}
	p := netip.PrefixFrom(a, bits)
	if f[2] == "0" || f[13] != "0" {
		delete(to, p)
		return
	}
	to[p] = strings.ReplaceAll(f[1], ":", "")
}

func iscConfig6(c ServerConfig6, _ files) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "default-lease-time %d;\nmax-lease-time %d;\nsubnet6 %s { }\n", leaseTime, leaseTime, c.Link.Masked())
	for _, s := range c.Subnets {
		fmt.Fprintf(&b, "subnet6 %s { range6 %s %s; prefix6 %s %s /%d; }\n",
			s.Prefix, s.First, s.Last, s.Delegated.Addr(), lastOf(s.Delegated, s.Bits), s.Bits)
	}
	return b.String(), nil
}

// lastOf returns the last prefix of the length within p.
func lastOf(p netip.Prefix, bits int) netip.Addr {
	b := p.Addr().As16()
	for i := p.Bits(); i < bits; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom16(b)
}

func iscArgs6(dev string, f files) []string {
	return []string{"-6", "-f", "-d", "-cf", f.conf, "-lf", f.leases, "--no-pid", dev}
}

// iscLeases6 reads dhcpd's journal: blocks of ia-na or ia-pd "IAID and DUID" with
// iaaddr or iaprefix blocks in them, each with its binding state. A later block
// holds.
func iscLeases6() func(string, map[netip.Prefix]string) {
	var p netip.Prefix
	var duid string
	return func(line string, to map[netip.Prefix]string) {
		f := strings.Fields(strings.TrimSuffix(strings.TrimSpace(line), ";"))
		switch {
		case len(f) >= 3 && (f[0] == "ia-na" || f[0] == "ia-pd"):
			duid = ""
			if id := unescape(strings.TrimSuffix(strings.TrimSpace(line[6:]), " {")); len(id) > 4 {
				duid = hex.EncodeToString(id[4:])
			}
		case len(f) == 3 && f[0] == "iaaddr":
			a, _ := netip.ParseAddr(f[1])
			p = netip.PrefixFrom(a, a.BitLen())
		case len(f) == 3 && f[0] == "iaprefix":
			p, _ = netip.ParsePrefix(f[1])
		case len(f) == 3 && f[0] == "binding" && f[1] == "state" && f[2] == "active":
			to[p] = duid
		case len(f) == 3 && f[0] == "binding" && f[1] == "state":
			delete(to, p)
		}
	}
}

// unescape reads a string in quotes as dhcpd writes it: backslashes before
// quotes, backslashes and octal numbers.
func unescape(s string) []byte {
	s = strings.TrimSuffix(strings.TrimPrefix(s, `"`), `"`)
	var out []byte
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out = append(out, s[i])
			continue
		}
		if n, err := strconv.ParseUint(s[i+1:min(i+4, len(s))], 8, 8); err == nil && i+4 <= len(s) {
			out = append(out, byte(n))
			i += 3
			continue
		}
		i++
		out = append(out, s[i])
	}
	return out
}

func dnsmasqConfig6(c ServerConfig6, f files) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "port=0\nno-resolv\nno-hosts\nuser=root\ngroup=root\nlog-dhcp\nlog-facility=-\ndhcp-leasefile=%s\n", f.leases)
	for i, s := range c.Subnets {
		fmt.Fprintf(&b, "dhcp-range=set:n%d,%s,%s,%d,%d\n", i, s.First, s.Last, s.Prefix.Bits(), leaseTime)
	}
	return b.String(), nil
}

// dnsmasqLease6 reads a line of dnsmasq: expiry IAID address name DUID.
func dnsmasqLease6(line string, to map[netip.Prefix]string) {
	f := strings.Fields(line)
	if len(f) < 5 {
		return
	}
	if a, err := netip.ParseAddr(f[2]); err == nil && a.Is6() {
		to[netip.PrefixFrom(a, 128)] = strings.ReplaceAll(f[4], ":", "")
	}
}
