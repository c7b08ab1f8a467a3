package conformance

import (
	"net/netip"
	"slices"
	"testing"

	"dhcp-relay/cmd/lab/expect"
	"dhcp-relay/relay/agent"
)

// The bench: client C on d0, another client network on d1, the server S behind
// the uplink u0.
const (
	addrD0 = "192.0.2.1"
	addrD1 = "198.51.101.1"
	addrU0 = "203.0.113.1"
	addrLo = "192.168.255.1" // on the loopback, where a case wants it

	server1 = "198.51.100.10" // S
	server2 = "198.51.100.11"
	server3 = "198.51.100.12"
	stray   = "198.51.100.99" // an address of S that no configuration names
)

// A host is what the router looks like in a group of cases.
type host struct {
	addrs map[string][]string // by link, in the kernel's order
	mtu   map[string]int      // by link; 1500 where nothing stands
	down  string              // a link that is down, or ""
}

// bench returns the router as it is if a group says nothing else.
func bench() host {
	return host{
		addrs: map[string][]string{
			"lo": {},
			"u0": {addrU0 + "/30"},
			"d0": {addrD0 + "/24"},
			"d1": {addrD1 + "/24"},
		},
		mtu: map[string]int{},
	}
}

// have returns the bench with other addresses on a link.
func (h host) have(link string, addrs ...string) host {
	h.addrs[link] = addrs
	return h
}

// without returns the bench with a link that is down.
func (h host) without(link string) host {
	h.down = link
	return h
}

// links are the router's, in the order of their interface indexes.
func links() []string { return []string{"lo", "u0", "d0", "d1"} }

// mac returns the link-layer address of a link of the router.
func mac(link string) []byte {
	return []byte{0x02, 0x00, 0x5e, 0x00, 0x53, byte(slices.Index(links(), link))}
}

// A group is cases that share a configuration and a router.
type group struct {
	name  string
	toml  string
	host  host // zero: bench()
	cases []tcase
}

// A tcase is one message that reaches the router and what becomes of it.
type tcase struct {
	name string // with the requirements that it shows

	on       string // link of the router that hears it; "": d0 for requests, u0 for replies
	src, dst string // "": from a client without an address to all; from S to giaddr
	face     int    // which address the relay tries; the core bed is told, the daemon finds out
	core     bool   // for the core bed alone: the kernel lets no such message through
	msg      message

	// What leaves, exactly one of these.
	up   []sent       // copies to servers
	down *delivered   // to a client
	drop agent.Reason // nothing
}

// A sent is a copy of a request to a server.
type sent struct {
	server string // address, with port if it is not 67
	src    string // source address; "": whatever the route gives
	sport  uint16 // source port; 0: 67
	pieces bool   // it leaves in fragments
	msg    message
}

// inPieces are copies that leave in fragments.
func inPieces(all []sent) []sent {
	for i := range all {
		all[i].pieces = true
	}
	return all
}

// A delivered is a reply to a client.
type delivered struct {
	on  string // link
	ip  string // destination
	hw  []byte // link-layer destination; nil: broadcast
	arp bool   // an ordinary datagram: the kernel finds the link-layer address
	msg message
}

// to is a copy to each of the servers.
func to(m message, servers ...string) []sent {
	var out []sent
	for _, s := range servers {
		out = append(out, sent{server: s, msg: m})
	}
	return out
}

// toS is one copy to the server S.
func toS(m message) []sent { return to(m, server1) }

// broadcast is a reply to everyone on a link.
func broadcast(on string, m message) *delivered {
	return &delivered{on: on, ip: "255.255.255.255", msg: m}
}

// unicast is a reply to the client C on a link, in a frame to its chaddr.
func unicast(on, ip string, m message) *delivered {
	return &delivered{on: on, ip: ip, hw: macC, msg: m}
}

// routed is a reply that the kernel is to take to a client that has its address.
func routed(on, ip string, m message) *delivered {
	return &delivered{on: on, ip: ip, arp: true, msg: m}
}

// ingress fills in where a case's message comes from and goes to.
func (c *tcase) ingress() (on string, src, dst netip.AddrPort) {
	b := c.msg.bytes()
	fromServer := len(b) > 0 && b[0] == 2
	on, s, d := "d0", "0.0.0.0:68", "255.255.255.255:67"
	if fromServer {
		on, s, d = "u0", server1+":67", addrD0+":67"
		if len(b) >= 28 {
			if a := netip.AddrFrom4([4]byte(b[24:])); slices.Contains([]string{addrD0, addrD1, addrU0, addrLo}, a.String()) {
				d = a.String() + ":67"
			}
		}
	}
	if c.on != "" {
		on = c.on
	}
	if c.src != "" {
		s = c.src
	}
	if c.dst != "" {
		d = c.dst
	}
	return on, addrPort(s, 68), addrPort(d, 67)
}

// addrPort parses an address with or without a port.
func addrPort(s string, port uint16) netip.AddrPort {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap
	}
	return netip.AddrPortFrom(netip.MustParseAddr(s), port)
}

// same reports whether octets are those of a message, to the last one. What is
// shorter than 300 octets is to leave with as many (RFC 1542, section 2.1).
func same(t *testing.T, want message, got []byte) bool {
	t.Helper()
	err := expect.Same(expect.Padded(want.bytes()), got)
	if err != nil {
		t.Error(err)
	}
	return err == nil
}
