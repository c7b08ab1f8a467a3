// Package burst has many clients ask at once, through the relay and through ISC
// dhcrelay, of real servers behind virtual links of several kinds.
package burst

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/real"
	"dhcp-relay/cmd/lab/wire"
)

const (
	clients = 200
	// patience is how long nothing more has to come before a burst is over.
	patience = time.Second
)

// rounds is how many bursts there are of each kind, and whether the machine is quiet
// enough to hold them to the bar: with BURST_ROUNDS, as make burst has it. Else one
// burst has to show no more than that servers read each of its messages: of what left
// together they read one in twenty.
func rounds(t *testing.T) int {
	t.Helper()
	s := os.Getenv("BURST_ROUNDS")
	if s == "" {
		return 1
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("BURST_ROUNDS=%s is no number of rounds", s)
	}
	return n
}

// A bed is clients, a router and a server, each in a namespace:
//
//	clients: c0 ---- vl10 :router: up0 ---- s0 :server
//	                 10.1.0.1/16   10.9.0.1/24 10.9.0.2/24
type bed struct {
	t                       *testing.T
	dir                     string
	clients, router, server *netns.NS
	tap                     *wire.Tap
	xid                     uint32
}

// links are the kinds of link between up0 and s0, which are as they come: with all
// offloads. They are made by ip(8).
func links() map[string]string {
	return map[string]string{
		"veth": `
			ip -n ROUTER link add up0 type veth peer name s0 netns SERVER`,
		"bridge": `
			ip -n ROUTER link add up0 type bridge
			ip -n ROUTER link add p0 type veth peer name s0 netns SERVER
			ip -n ROUTER link set p0 master up0 up`,
		"macvlan": `
			ip -n ROUTER link add p0 type veth peer name p1
			ip -n ROUTER link set p0 up
			ip -n ROUTER link set p1 up
			ip -n ROUTER link add up0 link p0 type macvlan mode bridge
			ip -n ROUTER link add s0 link p0 type macvlan mode bridge
			ip -n ROUTER link set s0 netns SERVER`,
		"vxlan": `
			ip -n ROUTER link add p0 type veth peer name p1 netns SERVER
			ip -n ROUTER addr add 172.16.0.1/30 dev p0
			ip -n SERVER addr add 172.16.0.2/30 dev p1
			ip -n ROUTER link set p0 up
			ip -n SERVER link set p1 up
			ip -n ROUTER link add up0 type vxlan id 7 dstport 4789 local 172.16.0.1 remote 172.16.0.2 dev p0
			ip -n SERVER link add s0 type vxlan id 7 dstport 4789 local 172.16.0.2 remote 172.16.0.1 dev p1`,
	}
}

const addresses = `
	ip -n SERVER link set s0 up
	ip -n ROUTER link set up0 up
	ip -n ROUTER addr add 10.9.0.1/24 dev up0
	ip -n SERVER addr add 10.9.0.2/24 dev s0
	ip -n SERVER route add 10.1.0.0/16 via 10.9.0.1`

func newBed(t *testing.T, link string) *bed {
	t.Helper()
	b := &bed{
		t: t, dir: t.TempDir(),
		clients: netns.Test(t, "clients", netns.WithoutIPv6()), router: netns.Test(t, "router", netns.WithoutIPv6()),
		server: netns.Test(t, "server", netns.WithoutIPv6()),
	}
	b.must(netns.Veth(b.clients, "c0", b.router, "vl10"))
	b.must(b.clients.Offload("c0", true))
	b.must(b.router.Offload("vl10", true))
	b.must(b.router.Addr("vl10", "10.1.0.1/16"))
	b.must(b.router.Forward())
	script := strings.NewReplacer("ROUTER", b.router.Name, "SERVER", b.server.Name).Replace("set -e\n" + link + addresses)
	if out, err := exec.Command("sh", "-c", script).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b.must(errors.Join(b.router.Running("up0"), b.server.Running("s0")))
	tap, err := wire.Open(b.clients, "c0")
	b.must(err)
	t.Cleanup(func() { b.must(tap.Close()) })
	b.tap = tap
	return b
}

func (b *bed) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// serve starts a server that has an address for each client.
func (b *bed) serve(kind string) {
	b.t.Helper()
	s, err := real.StartServer(b.t.Context(), kind, b.server, "s0", real.ServerConfig{
		Dir: b.dir, Link: netip.MustParsePrefix("10.9.0.2/24"),
		Subnets: []real.Subnet{{
			Prefix: netip.MustParsePrefix("10.1.0.0/16"), Router: netip.MustParseAddr("10.1.0.1"),
			First: netip.MustParseAddr("10.1.1.0"), Last: netip.MustParseAddr("10.1.63.255"),
		}},
	})
	if errors.Is(err, real.ErrMissing) {
		netns.Skip(b.t, err.Error())
	}
	b.must(err)
	b.t.Cleanup(func() { b.must(s.Close()) })
}

// discover returns a DISCOVER of another client than before.
func (b *bed) discover() []byte {
	b.xid++
	mac := net.HardwareAddr{2, 0, 0, 0, byte(b.xid >> 8), byte(b.xid)}
	m := make([]byte, 300)
	m[0], m[1], m[2] = 1, 1, 6 // op, htype, hlen
	binary.BigEndian.PutUint32(m[4:], b.xid)
	m[10] = 0x80 // flags: broadcast
	copy(m[28:], mac)
	copy(m[236:], []byte{0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255})
	p := wire.Packet{
		EtherSrc: mac, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddrPort("255.255.255.255:67"), Payload: m,
	}
	return p.Frame()
}

// burst has so many clients ask at once and returns how many have an offer.
func (b *bed) burst(n int) int {
	b.t.Helper()
	frames, waiting := make([][]byte, n), make(map[uint32]bool, n)
	for i := range frames {
		frames[i] = b.discover()
		waiting[b.xid] = true
	}
	_, err := b.tap.Drain()
	b.must(err)
	for _, f := range frames {
		b.must(b.tap.Send(f))
	}
	for len(waiting) > 0 {
		f, err := b.tap.Find(patience, func(f *wire.Frame) bool {
			return f.DHCP4() && f.DstPort == 68 && len(f.Payload) > 240 && waiting[binary.BigEndian.Uint32(f.Payload[4:])]
		})
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		b.must(err)
		delete(waiting, binary.BigEndian.Uint32(f.Payload[4:]))
	}
	return n - len(waiting)
}

// through has the bursts go through a relay and returns how many clients were
// answered.
func (b *bed) through(name string, args ...string) int {
	b.t.Helper()
	var out strings.Builder
	p, err := b.router.Start(name, args, &out)
	b.must(err)
	defer p.Stop()
	b.await(name, func() bool { return b.burst(1) == 1 })
	sum := 0
	for range rounds(b.t) {
		sum += b.burst(clients)
	}
	return sum
}

// await polls until something holds.
func (b *bed) await(what string, holds func() bool) {
	b.t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(end) {
			b.t.Fatalf("not in time: %s", what)
		}
	}
}

// TestManyClientsAtOnce: where nobody cuts apart what leaves together, servers that
// read frames take the first message of it and lose the rest. RFC 951, section 3: a
// message is one datagram.
func TestManyClientsAtOnce(t *testing.T) {
	netns.Require(t)
	yardstick, err := exec.LookPath("dhcrelay")
	if err != nil {
		netns.Skip(t, "dhcrelay: not installed: apt-get install isc-dhcp-relay")
	}
	relay := filepath.Join(t.TempDir(), "dhcp-relay")
	if out, err := exec.Command("go", "build", "-o", relay, "dhcp-relay/cmd/dhcp-relay").CombinedOutput(); err != nil {
		t.Fatalf("build the relay: %v\n%s", err, out)
	}
	for i, kind := range []string{"isc", "kea-raw", "kea"} {
		for j, link := range []string{"veth", "bridge", "macvlan", "vxlan"} {
			if os.Getenv("BURST_ROUNDS") == "" && j%3 != i {
				continue // each server and each link once is enough
			}
			t.Run(kind+" over "+link, func(t *testing.T) {
				b := newBed(t, links()[link])
				b.serve(kind)
				config := filepath.Join(b.dir, "relay.toml")
				b.must(os.WriteFile(config, []byte(fmt.Sprintf("[control]\nsocket = %q\n[[interface]]\nname = \"vl10\"\nservers = [\"10.9.0.2\"]\n", filepath.Join(b.dir, "sock"))), 0o600))
				theirs := b.through(yardstick, "-4", "-d", "-q", "--no-pid", "-id", "vl10", "-iu", "up0", "10.9.0.2")
				ours := b.through(relay, "run", "--config", config)
				asked := clients * rounds(t)
				t.Logf("%d of %d clients answered, %d through dhcrelay", ours, asked, theirs)
				if os.Getenv("BURST_ROUNDS") == "" {
					if ours*2 < asked {
						t.Errorf("%d of %d clients answered, want half of them at least", ours, asked)
					}
					return
				}
				if ours < theirs || ours*100 < asked*99 {
					t.Errorf("%d of %d clients answered, want 99 %% and no fewer than the %d through dhcrelay", ours, asked, theirs)
				}
			})
		}
	}
}
