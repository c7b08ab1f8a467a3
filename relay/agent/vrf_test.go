package agent

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/bootp"
)

// Interface indexes of the router with VRFs.
const (
	redNet, redUp   = 2, 4
	blueNet, blueUp = 3, 5
)

// vrfHost is a router with a client network and an uplink in each of two VRFs.
// What d1 has in blue is not of red.
func vrfHost() []giaddr.Link {
	host := testHost()
	up := host[2]
	up.Index, up.Name = blueUp, "u1"
	host = append(host, up)
	host[0].VRF, host[2].VRF = 10, 10
	host[1].VRF, host[3].VRF = 11, 11
	return append(host,
		giaddr.Link{Index: 10, Name: "red", VRF: 10, IsVRF: true, Up: true},
		giaddr.Link{Index: 11, Name: "blue", VRF: 11, IsVRF: true, Up: true},
	)
}

// vrfPolicy serves each network from a server in its own VRF.
func vrfPolicy(t testing.TB) Policy {
	p := testPolicy(t)
	p.Servers = []Server{
		{Addr: server, VRF: "red"},
		{Addr: netip.MustParseAddrPort("198.51.100.11:67"), VRF: "blue"},
	}
	p.Interfaces = append(p.Interfaces, p.Interfaces[0])
	p.Interfaces[0].Name, p.Interfaces[1].Name = "d0", "d1"
	p.Interfaces[1].Servers = []int{1}
	return p
}

// play4 hands a message to the core as it came from src to a link.
func play4(s *Snapshot, m []byte, link int, src, dst string) Verdict {
	b := Buf{Store: append(slices.Clone(m), make([]byte, 512)...), Len: len(m)}
	return s.Relay4(&b, Ingress{Link: link, Src: netip.MustParseAddrPort(src), Dst: netip.MustParseAddr(dst)})
}

// An address is the relay's only in the VRF where the relay has it.
func TestT15_RequestsInVRFs(t *testing.T) {
	s, ps := Compile(vrfPolicy(t), vrfHost())
	for _, p := range ps {
		t.Error(p)
	}
	rebind := testMessage(bootp.Request, bootp.DHCPRequest, netip.Addr{})
	chained := testMessage(bootp.Request, bootp.Discover, netip.MustParseAddr("198.51.101.1"))
	trusted := vrfPolicy(t)
	for i := range trusted.Interfaces {
		trusted.Interfaces[i].Trusted = true
	}
	st, _ := Compile(trusted, vrfHost())
	shared := trusted
	shared.Interfaces = slices.Clone(trusted.Interfaces)
	shared.Interfaces[0].Servers = []int{1}
	ss, _ := Compile(shared, vrfHost())
	for _, tc := range []struct {
		name string
		snap *Snapshot
		msg  []byte
		link int
		src  string
		want Reason
	}{
		{"T15 a client with an address that the relay has in another VRF", s, rebind, redNet, "198.51.101.1:68", Relayed},
		{"T11 a source that the relay has in this VRF", s, rebind, redNet, "203.0.113.1:68", OwnMessage},
		{"T15 a relay with an address that this one has in another VRF", st, chained, redNet, "192.0.2.9:67", Relayed},
		{"R3046-16 a giaddr of this VRF", st, chained, blueNet, "198.51.101.9:67", GiaddrSpoof},
		{"R3046-16 a giaddr of the servers' VRF", ss, chained, redNet, "192.0.2.9:67", GiaddrSpoof},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if v := play4(tc.snap, tc.msg, tc.link, tc.src, "255.255.255.255"); v.Reason != tc.want {
				t.Errorf("got %v, want %v", v.Reason, tc.want)
			}
		})
	}
}

// Who is in one VRF cannot answer to the clients of another.
func TestT15_RepliesInVRFs(t *testing.T) {
	offer := testMessage(bootp.Reply, bootp.Offer, netip.MustParseAddr("192.0.2.1"))
	copy(offer[16:], []byte{192, 0, 2, 77})
	own, leaked := vrfPolicy(t), vrfPolicy(t)
	leaked.Servers[0].VRF = ""
	for _, tc := range []struct {
		name   string
		policy Policy
		link   int
		src    string
		want   Reason
	}{
		{"T15 the server", own, redUp, "198.51.100.10:67", Relayed},
		{"T15 the server by a client-facing link of its VRF", own, redNet, "198.51.100.10:67", Relayed},
		{"T15 a stranger on the uplink", own, redUp, "198.51.100.99:67", Relayed},
		{"T15 a stranger on an uplink of another VRF", own, blueUp, "198.51.100.99:67", BogusGiaddr},
		{"T15 the server's address on an uplink of another VRF", own, blueUp, "198.51.100.10:67", BogusGiaddr},
		{"T15 the server's address on a client-facing link of another VRF", own, blueNet, "198.51.100.10:67", ReplyFromClient},
		{"T15 a server in the default VRF, by a leaked route", leaked, 10, "198.51.100.10:67", Relayed},
		{"T15 the same, as the kernel shows it", leaked, redNet, "198.51.100.10:67", Relayed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, _ := Compile(tc.policy, vrfHost())
			if v := play4(s, offer, tc.link, tc.src, "192.0.2.1"); v.Reason != tc.want {
				t.Errorf("got %v, want %v", v.Reason, tc.want)
			}
		})
	}
}

// Two networks with one giaddr, served from one VRF by leaked routes: the VRF
// that a reply ends in tells which is meant.
func TestT15_SharedGiaddrOverLeakedRoutes(t *testing.T) {
	p, h := vrfPolicy(t), vrfHost()
	p.Servers[0].VRF, p.Servers[1].VRF = "", ""
	h[1].Addrs = h[0].Addrs
	s, _ := Compile(p, h)
	offer := testMessage(bootp.Reply, bootp.Offer, netip.MustParseAddr("192.0.2.1"))
	for link, want := range map[int]string{10: "d0", 11: "d1"} {
		v := play4(s, offer, link, "198.51.100.10:67", "192.0.2.1")
		if v.Reason != Relayed || v.Link.Host.Name != want {
			t.Errorf("got %v, link %v, want %s", v.Reason, v.Link, want)
		}
	}
}

// Links that one server cannot tell apart are told of, be their clients in one
// VRF or not; links of different servers' VRFs are told apart by these.
func TestT15_SharedGiaddrIsToldOfWhereItMatters(t *testing.T) {
	problemsWith := func(vrf string) string {
		p, h := vrfPolicy(t), vrfHost()
		p.Servers[0].VRF, p.Servers[1].VRF = "red", vrf
		for i := range p.Interfaces {
			p.Interfaces[i].V4.Option82.CircuitID = Template{}
		}
		h[1].Addrs = h[0].Addrs
		_, ps := Compile(p, h)
		return problemsOf(ps)
	}
	if ps := problemsWith("red"); !strings.Contains(ps, "replies cannot be told apart") {
		t.Errorf("servers in one VRF: no problem with the shared giaddr:\n%s", ps)
	}
	if ps := problemsWith("blue"); ps != "" {
		t.Errorf("servers in two VRFs:\n%s", ps)
	}
}
