package scenes

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/server"
	"dhcp-relay/cmd/lab/wire"
)

// rules is where the rules are that the project ships.
const rules = "../../../../../deploy/dhcp-relay.nft"

// TestT20_Host: settings of the router that drop packets.
func TestT20_Host(t *testing.T) {
	for _, s := range []scene{
		{"rp_filter 0", func(t *testing.T) { symmetric(t, "0") }},
		{"rp_filter 1", func(t *testing.T) { symmetric(t, "1") }},
		{"rp_filter 2", func(t *testing.T) { symmetric(t, "2") }},
		{"rp_filter 0, replies come by another uplink", func(t *testing.T) { asymmetric(t, "0", true) }},
		{"rp_filter 1, replies come by another uplink and are lost", func(t *testing.T) { asymmetric(t, "1", false) }},
		{"rp_filter 2, replies come by another uplink", func(t *testing.T) { asymmetric(t, "2", true) }},
		{"forwarding off", forwardingOff},
		{"nftables drops all: nothing is relayed", droppedAll},
		{"nftables drops all but what deploy/dhcp-relay.nft lets pass", shippedRules},
		{"nftables drops all but what conntrack knows: replies to giaddr are lost", conntrackAlone},
		{"nftables drops all but what conntrack knows and deploy/dhcp-relay.nft lets pass", conntrackAndRules},
		{"nftables drops all: nothing of DHCPv6 is relayed", droppedAll6},
		{"nftables drops all but what deploy/dhcp-relay.nft lets pass, DHCPv6", shippedRules6},
	} {
		t.Run(s.name, s.play)
	}
}

// lan is the site of the plain beds.
func lan() site {
	return site{dev: "lan", giaddr: "10.1.0.1", source: "10.9.0.1", subnet: "10.1.0.0/24"}
}

// plain makes the plain bed: one client network, one server.
func plain(t *testing.T) (*bed, *host, *dhcpd) {
	t.Helper()
	b := newBed(t)
	h := b.network("lan", "", "10.1.0.1/24")
	d := b.server("up", "", "10.9.0.1/24", "10.9.0.2", "10.1.0.1/24")
	return b, h, d
}

// filter sets rp_filter everywhere on the router.
func (b *bed) filter(value string) {
	b.t.Helper()
	must(b.t, b.router.Do(func() error {
		files, err := filepath.Glob("/proc/sys/net/ipv4/conf/*/rp_filter")
		for _, f := range files {
			err = errors.Join(err, os.WriteFile(f, []byte(value), 0o644))
		}
		return err
	}))
}

func symmetric(t *testing.T, rpFilter string) {
	b, h, d := plain(t)
	b.filter(rpFilter)
	b.start(onLAN)
	b.login(h, lan(), d)
	b.renew(h, lan(), d)
}

// asymmetric has a server that sends its replies to giaddr by a second uplink,
// from the address of the first.
func asymmetric(t *testing.T, rpFilter string, arrives bool) {
	b, h, d := plain(t)
	must(t, netns.Veth(b.router, "up2", d.ns, "eth1"), b.router.Addr("up2", "10.8.0.1/24"), d.ns.Addr("eth1", "10.8.0.2/24"),
		d.ns.Do(func() error {
			return netlink.RouteReplace(&netlink.Route{
				Dst: &net.IPNet{IP: net.IPv4(10, 1, 0, 0), Mask: net.CIDRMask(24, 32)},
				Gw:  net.IPv4(10, 8, 0, 1), Src: net.IPv4(10, 9, 0, 2),
			})
		}))
	// A server that is not bound to a link, so that its replies follow the routes.
	must(t, d.Close())
	d.Server = b.program(d.ns, "", "10.9.0.2", "10.1.0.1/24")
	other := b.tap(d.ns, "eth1")
	b.filter(rpFilter)
	b.start(onLAN)
	if arrives {
		a := b.login(h, lan(), d)
		for _, f := range b.heard(other, true, 2) {
			if !strings.HasPrefix(f, "10.9.0.2:67 > 10.1.0.1:67 ") {
				t.Errorf("at the server's other link: %s, want replies to giaddr for %s", f, a)
			}
		}
		return
	}
	if got, want := b.check(onLAN), "rp_filter is strict (1) on "; !strings.Contains(got, want) {
		t.Errorf("check says\n%s\nwant %q in it", got, want)
	}
	b.silence(h, d)
	must(t, h.tap.Send(discover(h, 0)))
	b.judgeWire("at the server", d.tap, false, []string{
		`10.9.0.1:67 > 10.9.0.2:67 DISCOVER giaddr 10.1.0.1 hops 1 circuit "lan"`,
	})
	b.daemon.await("the server has offered an address", func() bool {
		return d.Lease(subnet(netip.MustParsePrefix("10.1.0.1/24")).First).State == server.Offered
	})
	// The kernel drops even the question for the link-layer address.
	b.judgeWire("at the client", h.tap, false, []string{})
	b.count("lan", "request discover")
	b.balance()
}

func forwardingOff(t *testing.T) {
	b, h, d := plain(t)
	must(t, b.router.Sysctl("net/ipv4/ip_forward", "0"))
	b.start(onLAN)
	b.login(h, lan(), d)
}

// dropAll loads a firewall that lets pass nothing but loopback and the given
// rules.
func (b *bed) dropAll(input, output string) {
	b.t.Helper()
	b.nft(`table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		iif lo accept
		` + input + `
	}
	chain output {
		type filter hook output priority filter; policy drop;
		oif lo accept
		` + output + `
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
	}
}
`)
}

func (b *bed) nft(text string) {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "rules.nft")
	must(b.t, os.WriteFile(file, []byte(text), 0o600))
	_, err := b.router.Run(within(b.t, patience), "nft", "-f", file)
	need(b.t, "nftables", err)
}

func droppedAll(t *testing.T) {
	b, h, d := plain(t)
	b.dropAll("", "")
	b.start(onLAN)
	b.ignored(h, d)
}

// shipped returns the rules for chains of one's own from the comment in which the
// file gives them, and the table as it stands.
func shipped(t *testing.T) (input, output, table string) {
	t.Helper()
	text, err := os.ReadFile(rules)
	must(t, err)
	chains := regexp.MustCompile(`(?m)^#\t(.* accept comment "(input|output|both): .*)$`).FindAllStringSubmatch(string(text), -1)
	for _, c := range chains {
		if c[2] != "output" {
			input += c[1] + "\n"
		}
		if c[2] != "input" {
			output += c[1] + "\n"
		}
	}
	if input == "" || output == "" {
		t.Fatalf("%s has no rules for input and output: %q", rules, chains)
	}
	return input, output, string(text)
}

func shippedRules(t *testing.T) {
	b, h, d := plain(t)
	input, output, table := shipped(t)
	b.dropAll(input, output)
	b.nft(table)
	b.start(onLAN)
	b.login(h, lan(), d)
}

func droppedAll6(t *testing.T) {
	b, h, d := plain6(t)
	b.dropAll("", "")
	b.start(onLAN6)
	b.silence6(h, d)
	if l, err := h.Login(within(t, 3*silent)); err == nil {
		t.Errorf("the client has %s", l.Addr)
	}
	frames, err := h.tap.Drain()
	must(t, err)
	if !slices.ContainsFunc(frames, func(f wire.Frame) bool { return f.DHCP6() && f.Outgoing }) {
		t.Error("the client has asked for nothing")
	}
	b.judge6("at the server", d.tap, []string{})
	b.balance()
}

func shippedRules6(t *testing.T) {
	b, h, d := plain6(t)
	input, output, table := shipped(t)
	b.dropAll(input, output)
	b.nft(table)
	b.start(onLAN6)
	b.login6(h, lan6(), d)
}

const (
	known   = "ct state established,related accept\n"
	clients = "iif lan udp dport 67 accept\n"
	servers = "udp sport 67 accept\n"
)

// conntrackAlone lets in clients, and what answers the relay: but the answer to
// what was sent from the uplink's address goes to giaddr, which conntrack does
// not know.
func conntrackAlone(t *testing.T) {
	b, h, d := plain(t)
	b.dropAll(known+clients, known+servers)
	b.start(onLAN)
	b.silence(h, d)
	must(t, h.tap.Send(discover(h, 0)))
	b.judgeWire("at the server", d.tap, false, []string{
		`10.9.0.1:67 > 10.9.0.2:67 DISCOVER giaddr 10.1.0.1 hops 1 circuit "lan"`,
	})
	b.daemon.await("the server has offered an address", func() bool {
		return d.Lease(subnet(netip.MustParsePrefix("10.1.0.1/24")).First).State == server.Offered
	})
	time.Sleep(silent)
	b.nothing(h, d)
	b.count("lan", "request discover")
	b.balance()
}

func conntrackAndRules(t *testing.T) {
	b, h, d := plain(t)
	input, output, table := shipped(t)
	b.dropAll(known+input, known+output)
	b.nft(table)
	b.start(onLAN)
	s := lan()
	b.login(h, s, d)
	again, err := h.Rebind(within(t, patience))
	must(t, err)
	b.judgeLease(h, s, d, again.Addr.Addr())
	b.count(s.dev, "request request", "reply ack")
	b.balance()
}
