package scenes

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/wire"
)

// Routing tables of the VRFs.
const (
	red  = 100
	blue = 200
)

// TestT15_VRF: clients and servers in VRFs, the same ones and others.
func TestT15_VRF(t *testing.T) {
	for _, s := range []scene{
		{"clients and server in the same VRF", sameVRF},
		{"clients in red, server in the default VRF, giaddr at server", defaultVRF},
		{"clients in red, server in the default VRF, routes leaked", defaultLeaked},
		{"clients in red, server in blue", otherVRF},
		{"clients in the default VRF, server in blue", intoVRF},
		{"the same addresses in red and blue, a server in each", twice},
		{"an interface moves to another VRF while relaying", moves},
		{"a VRF is deleted and made again while relaying", remade},
		{"a VRF gets another name while relaying", renamed},
		{"a bridge in a VRF", bridgeInVRF},
		{"check tells of a giaddr that replies do not reach", unreachableGiaddr},
	} {
		t.Run(s.name, s.play)
	}
}

// A fromRed is a client in red, with the router at 10.1.0.1, and a server in a VRF,
// "" for the default one.
type fromRed struct {
	*bed
	h *host
	d *dhcpd
}

func newFromRed(t *testing.T, vrf string) *fromRed {
	t.Helper()
	b := newBed(t)
	b.vrf("red", red)
	if vrf == "blue" {
		b.vrf("blue", blue)
	}
	h := b.network("red10", "red", "10.1.0.1/24")
	return &fromRed{b, h, b.server("up", vrf, "10.9.0.1/24", "10.9.0.2", "10.1.0.1/24")}
}

// logIn starts the relay and has the client log in.
func (f *fromRed) logIn(config string, s site) {
	f.t.Helper()
	f.start("\n[[interface]]\nname = \"red*\"\nservers = [\"10.9.0.2\"]\n" + config)
	f.login(f.h, s, f.d)
}

// Sites of the client: with its network's giaddr, and with that of the servers'.
var (
	ownGiaddr    = site{dev: "red10", giaddr: "10.1.0.1", source: "10.9.0.1", subnet: "10.1.0.0/24"}
	uplinkGiaddr = site{dev: "red10", giaddr: "10.9.0.1", local: "10.1.0.1", source: "10.9.0.1", subnet: "10.1.0.0/24"}
)

const byUplinkGiaddr = "dhcpv4.giaddr = \"10.9.0.1\"\ndhcpv4.option82 = { link_selection = \"subnet\" }\n"

func serverIn(vrf string) string {
	return "\n[[server]]\naddress = \"10.9.0.2\"\nvrf = \"" + vrf + "\"\n"
}

func sameVRF(t *testing.T) {
	f := newFromRed(t, "red")
	f.logIn(serverIn("red"), ownGiaddr)
	f.renew(f.h, ownGiaddr, f.d)
}

func defaultVRF(t *testing.T) { newFromRed(t, "").logIn(byUplinkGiaddr, uplinkGiaddr) }

func defaultLeaked(t *testing.T) {
	f := newFromRed(t, "")
	f.leak(254, "10.1.0.0/24", "red")
	f.logIn("", ownGiaddr)
}

func otherVRF(t *testing.T) {
	newFromRed(t, "blue").logIn(byUplinkGiaddr+serverIn("blue"), uplinkGiaddr)
}

func intoVRF(t *testing.T) {
	b := newBed(t)
	b.vrf("blue", blue)
	h := b.network("lan", "", "10.1.0.1/24")
	d := b.server("up", "blue", "10.9.0.1/24", "10.9.0.2", "10.1.0.1/24")
	b.start(`
[[interface]]
name = "lan"
servers = ["10.9.0.2"]
dhcpv4.giaddr = "up"
dhcpv4.option82 = { link_selection = "subnet" }

[[server]]
address = "10.9.0.2"
vrf = "blue"
`)
	b.login(h, site{dev: "lan", giaddr: "10.9.0.1", local: "10.1.0.1", source: "10.9.0.1", subnet: "10.1.0.0/24"}, d)
}

func twice(t *testing.T) {
	b := newBed(t)
	b.vrf("red", red)
	b.vrf("blue", blue)
	hr := b.network("red10", "red", "10.1.0.1/24")
	hb := b.network("blue10", "blue", "10.1.0.1/24")
	dr := b.server("up-red", "red", "10.9.0.1/24", "10.9.0.2", "10.1.0.1/24")
	db := b.server("up-blue", "blue", "10.9.0.1/24", "10.9.0.3", "10.1.0.1/24")
	b.start(`
[[interface]]
name = "red*"
servers = ["10.9.0.2"]

[[interface]]
name = "blue*"
servers = ["10.9.0.3"]

[[server]]
address = "10.9.0.2"
vrf = "red"

[[server]]
address = "10.9.0.3"
vrf = "blue"
`)
	inRed := site{dev: "red10", giaddr: "10.1.0.1", source: "10.9.0.1", subnet: "10.1.0.0/24"}
	inBlue := inRed
	inBlue.dev = "blue10"
	first, second := b.login(hr, inRed, dr), b.login(hb, inBlue, db)
	if first != second {
		t.Errorf("the clients have %s and %s, want the same address in both VRFs", first, second)
	}
	b.judgeWire("at the client in red after the login in blue", hr.tap, false, []string{})
	b.judgeWire("at the server in red after the login in blue", dr.tap, false, []string{})
	b.renew(hr, inRed, dr)
	b.renew(hb, inBlue, db)
}

func moves(t *testing.T) {
	b := newBed(t)
	b.vrf("red", red)
	b.vrf("blue", blue)
	h := b.network("lan", "red", "10.1.0.1/24")
	still := b.network("quiet", "blue", "10.2.0.1/24")
	d := b.server("up", "", "10.9.0.1/24", "10.9.0.2", "10.1.0.1/24", "10.2.0.1/24")
	b.start(`
[[interface]]
name = "lan"

[[interface]]
name = "quiet"

[defaults]
servers = ["10.9.0.2"]
dhcpv4.giaddr = "10.9.0.1"
dhcpv4.option82 = { link_selection = "subnet" }
`)
	s := site{dev: "lan", giaddr: "10.9.0.1", local: "10.1.0.1", source: "10.9.0.1", subnet: "10.1.0.0/24"}
	b.login(h, s, d)
	for _, to := range []string{"blue", "", "red"} {
		b.enslave("lan", to)
		b.follows(h, "lan is in VRF "+to)
		b.login(h, s, d)
		b.login(still, site{dev: "quiet", giaddr: "10.9.0.1", local: "10.2.0.1", source: "10.9.0.1", subnet: "10.2.0.0/24"}, d)
	}
}

// redLAN makes a client network in the VRF red with a server in the default one,
// and has a client log in.
func redLAN(t *testing.T) (*bed, *host, site, *dhcpd) {
	t.Helper()
	b := newBed(t)
	b.vrf("red", red)
	h := b.network("lan", "red", "10.1.0.1/24")
	d := b.server("up", "", "10.9.0.1/24", "10.9.0.2", "10.1.0.1/24")
	b.start(`
[[interface]]
name = "lan"
servers = ["10.9.0.2"]
dhcpv4.giaddr = "10.9.0.1"
dhcpv4.option82 = { link_selection = "subnet" }
`)
	s := site{dev: "lan", giaddr: "10.9.0.1", local: "10.1.0.1", source: "10.9.0.1", subnet: "10.1.0.0/24"}
	b.login(h, s, d)
	return b, h, s, d
}

func remade(t *testing.T) {
	b, h, s, d := redLAN(t)
	for range 2 {
		must(t, b.router.Delete("red"))
		b.follows(h, "red is deleted")
		b.login(h, s, d)
		b.vrf("red", red)
		b.enslave("lan", "red")
		b.follows(h, "red is there again")
		b.login(h, s, d)
	}
}

// renamed shows that the sockets in a VRF stay the only ones: others beside them
// would hear each broadcast as well, and take the places of the first ones in their
// group once these are closed.
func renamed(t *testing.T) {
	b, h, s, d := redLAN(t)
	must(t, b.router.Down("red"), b.router.Rename("red", "crimson"), b.router.Up("crimson"))
	b.follows(h, "red is crimson")
	b.login(h, s, d)
	time.Sleep(6 * time.Second) // what nobody needs any more has been closed by now
	b.login(h, s, d)
	mac, err := b.router.MAC("lan")
	must(t, err)
	broadcast, err := wire.Decode(discover(h, 0))
	must(t, err)
	unicast := wire.Packet{
		EtherSrc: h.MAC(), EtherDst: mac, Payload: broadcast.Payload,
		Src: netip.MustParseAddrPort("10.1.0.200:68"), Dst: netip.MustParseAddrPort("10.1.0.1:67"),
	}
	must(t, h.tap.Send(unicast.Frame()))
	b.count(s.dev, "request discover", "reply offer")
	b.balance()
}

func bridgeInVRF(t *testing.T) {
	b := newBed(t)
	b.vrf("red", red)
	n := b.cable("port1")
	must(t, b.router.Bridge("br10", "port1"), b.router.Master("br10", "red"), b.router.Addr("br10", "10.1.0.1/24"))
	h := b.client(n, "eth0")
	d := b.server("up", "red", "10.9.0.1/24", "10.9.0.2", "10.1.0.1/24")
	b.start(`
[[interface]]
name = "br10"
servers = ["10.9.0.2"]

[[server]]
address = "10.9.0.2"
vrf = "red"
`)
	s := site{dev: "br10", giaddr: "10.1.0.1", source: "10.9.0.1", subnet: "10.1.0.0/24"}
	b.login(h, s, d)
	b.renew(h, s, d)
}

// check returns what the daemon says of a configuration here.
func (b *bed) check(config string) string {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "relay.toml")
	must(b.t, os.WriteFile(file, []byte(config), 0o600))
	out, err := b.router.Run(within(b.t, patience), daemonPath, "check", "--config", file)
	must(b.t, err)
	return string(out)
}

func unreachableGiaddr(t *testing.T) {
	b := newBed(t)
	b.vrf("red", red)
	h := b.network("red10", "red", "10.1.0.1/24")
	d := b.server("up", "", "10.9.0.1/24", "10.9.0.2", "10.1.0.1/24")
	const config = "[[interface]]\nname = \"red10\"\nservers = [\"10.9.0.2\"]\n"
	const told = "red10: replies of 10.9.0.2 to giaddr 10.1.0.1 arrive in the default VRF, which has no route into the VRF red"
	if got := b.check(config); !strings.Contains(got, told) {
		t.Errorf("check says\n%s\nwant %q in it", got, told)
	}
	b.start(config)
	b.silence(h, d)
	must(t, h.tap.Send(discover(h, 0)))
	b.judgeWire("at the server", d.tap, false, []string{
		`10.9.0.1:67 > 10.9.0.2:67 DISCOVER giaddr 10.1.0.1 hops 1 circuit "red10"`,
	})
	b.judgeWire("at the client", h.tap, false, []string{})
	b.count("red10", "request discover")
	b.balance()
	b.leak(254, "10.1.0.0/24", "red")
	if got := b.check(config); strings.Contains(got, "no route into") {
		t.Errorf("with a leaked route check says\n%s", got)
	}
	b.login(h, site{dev: "red10", giaddr: "10.1.0.1", source: "10.9.0.1", subnet: "10.1.0.0/24"}, d)
}
