package compat

import (
	"encoding/binary"
	"flag"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/cmd/lab/wire"
)

var update = flag.Bool("update", false, "write what differs into testdata")

func to(a string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(a), port)
}

func clientTap(b *bed) *wire.Tap { return b.client }
func serverTap(b *bed) *wire.Tap { return b.server }

// A message is one of DHCPv4, the fields of its header by their names in RFC 2131.
type message struct {
	op, hlen, hops uint8
	xid            uint32
	flags          uint16
	yiaddr, giaddr string
	options        []byte // with END, and what follows
	size           int    // pad to so many octets
	bootp          bool   // no cookie
}

const markXid = 0xfeed0000

func (m message) octets() []byte {
	p := make([]byte, 236, 600)
	p[0], p[1], p[2], p[3] = max(m.op, 1), 1, 6, m.hops
	if m.hlen != 0 {
		p[2] = m.hlen
	}
	binary.BigEndian.PutUint32(p[4:], max(m.xid, 0x01020304))
	binary.BigEndian.PutUint16(p[10:], m.flags)
	for at, a := range map[int]string{16: m.yiaddr, 24: m.giaddr} {
		if a != "" {
			copy(p[at:], netip.MustParseAddr(a).AsSlice())
		}
	}
	copy(p[28:], macClient)
	if !m.bootp {
		p = append(p, 99, 130, 83, 99)
	}
	p = append(p, m.options...)
	for len(p) < m.size {
		p = append(p, 0)
	}
	return p
}

// opts joins options and ends them.
func opts(all ...[]byte) (o []byte) {
	for _, a := range all {
		o = append(o, a...)
	}
	return append(o, 255)
}

func kind(n byte) []byte { return []byte{53, 1, n} }

// circuit is an option 82 with a circuit-id.
func circuit(id string) []byte {
	return append([]byte{82, byte(len(id) + 2), 1, byte(len(id))}, id...)
}

func fill(code byte, n int) []byte {
	return append([]byte{code, byte(n)}, make([]byte, n)...)
}

// requests is the way from clients to the server.
func requests() side {
	return side{
		in: clientTap, out: serverTap,
		mark: func(n uint32) wire.Packet {
			return up(message{xid: markXid + n, options: opts(kind(1)), size: 300})
		},
		marked: marked4,
	}
}

// replies is the way from the server to clients, for a giaddr.
func replies(giaddr string) side {
	return side{
		in: serverTap, out: clientTap,
		mark: func(n uint32) wire.Packet {
			return down(message{xid: markXid + n, giaddr: giaddr, flags: 0x8000, options: opts(kind(6), circuit("vlan10")), size: 300})
		},
		marked: marked4,
	}
}

func marked4(f *wire.Frame) (uint32, bool) {
	if len(f.Payload) < 8 {
		return 0, false
	}
	x := binary.BigEndian.Uint32(f.Payload[4:])
	return x - markXid, x&0xffff0000 == markXid
}

// up is a message of a client.
func up(m message) wire.Packet {
	return wire.Packet{EtherSrc: macClient, Dst: to("255.255.255.255", 67), Src: to("0.0.0.0", 68), Payload: m.octets()}
}

// relayed is a message that another relay on the clients' link has relayed.
func relayed(m message) wire.Packet {
	m.giaddr, m.hops = "203.0.113.1", max(m.hops, 1)
	return wire.Packet{EtherSrc: macClient, EtherDst: macRelay, Src: to("192.0.2.7", 67), Dst: to(addrClients, 67), Payload: m.octets()}
}

// down is a message of the server.
func down(m message) wire.Packet {
	m.op = 2
	dst := m.giaddr
	if dst != addrClients && dst != addrUp {
		dst = addrClients
	}
	return wire.Packet{EtherSrc: macServer, EtherDst: macRelay, Src: to(addrServer, 67), Dst: to(dst, 67), Payload: m.octets()}
}

// steps4 are what clients and servers send in DHCPv4.
func steps4(giaddr string) []step {
	discover := message{options: opts(kind(1), []byte{50, 4, 192, 0, 2, 77}, []byte{12, 3, 'f', 'o', 'o'}), size: 300}
	with := func(f func(*message)) message { m := discover; f(&m); return m }
	offer := message{giaddr: giaddr, yiaddr: "192.0.2.77", options: opts(kind(2), circuit("vlan10"), []byte{54, 4, 198, 51, 100, 10}), size: 300}
	reply := func(f func(*message)) message { m := offer; f(&m); return m }
	q, r := requests(), replies(giaddr)
	steps := []step{
		{"DISCOVER of 300 octets", q, up(discover), ""},
		{"DISCOVER without padding", q, up(with(func(m *message) { m.size = 0 })), padded},
		{"DISCOVER with 64 octets of padding before END", q, up(with(func(m *message) {
			m.options = append(append(opts(kind(1))[:3], make([]byte, 64)...), 255)
		})), untouched},
		{"DISCOVER with octets behind END", q, up(with(func(m *message) { m.options = append(m.options, 1, 2, 3) })), untouched},
		{"DISCOVER that asks for broadcast", q, up(with(func(m *message) { m.flags = 0x8000 })), ""},
		{"DISCOVER of 700 octets", q, up(with(func(m *message) { m.options = opts(kind(1), fill(43, 250), fill(43, 200)); m.size = 700 })), large},
		{"DISCOVER of a client with option 82", q, up(with(func(m *message) { m.options = opts(kind(1), circuit("theirs")) })), second},
		{"REQUEST", q, up(with(func(m *message) { m.options = opts(kind(3), []byte{54, 4, 198, 51, 100, 10}) })), ""},
		{"INFORM", q, up(with(func(m *message) { m.options = opts(kind(8)) })), ""},
		{"LEASEQUERY", q, up(with(func(m *message) { m.options = opts(kind(10)) })), ""},
		{"BOOTP", q, up(message{bootp: true, size: 300}), bootpGiaddr},
		{"message of an unknown type", q, up(with(func(m *message) { m.options = opts(kind(77)) })), ""},
		{"option that overruns", q, up(with(func(m *message) { m.options = []byte{53, 1, 1, 12, 200, 1}; m.size = 0 })), malformed},
		{"hops 9", q, up(with(func(m *message) { m.hops = 9 })), ""},
		{"hops 10", q, up(with(func(m *message) { m.hops = 10 })), ""},
		{"hlen 17", q, up(with(func(m *message) { m.hlen = 17 })), ""},
		{"our giaddr", q, up(with(func(m *message) { m.giaddr = addrClients })), ""},
		{"OFFER", r, down(offer), ""},
		{"OFFER by broadcast", r, down(reply(func(m *message) { m.flags = 0x8000 })), ""},
		{"OFFER without option 82", r, down(reply(func(m *message) { m.options = opts(kind(2)) })), without},
		{"OFFER with another option 82", r, down(reply(func(m *message) { m.options = opts(kind(2), circuit("theirs")) })), foreign},
		{"OFFER without padding", r, down(reply(func(m *message) { m.size = 0 })), padded},
		{"NAK to 0.0.0.0", r, down(reply(func(m *message) { m.options, m.yiaddr = opts(kind(6), circuit("vlan10")), "" })), nobody},
		{"BOOTREPLY", r, down(message{giaddr: giaddr, yiaddr: "192.0.2.77", bootp: true, size: 300}), bootpGiaddr},
		{"reply with a giaddr of nobody", r, down(reply(func(m *message) { m.giaddr, m.options = "203.0.113.9", opts(kind(2)) })), ""},
	}
	if giaddr == addrUp {
		return steps // with -U dhcrelay hears what it has relayed, and relays it again
	}
	return append(steps,
		step{"relayed", q, relayed(discover), chain},
		step{"relayed with option 82", q, relayed(with(func(m *message) { m.options = opts(kind(1), circuit("theirs")) })), chain},
	)
}

// What is meant to differ, as the page on migration has it.
const (
	padded      = "Messages have at least 300 octets (RFC 1542, section 2.1); dhcrelay pads with -a only."
	untouched   = "Nothing that a client sends is moved or cut off; dhcrelay with -a writes option 82 over padding, and drops what is behind END."
	large       = "What option 82 would make larger than -A goes without it; dhcrelay drops the message if an option reaches beyond."
	second      = "Option 82 in a client's own request stays as it is (RFC 3046, section 2.1, forbids a second); dhcrelay replaces it, or appends another."
	bootpGiaddr = "With -U, BOOTP has the uplink's giaddr too, and its replies find their way; dhcrelay sends it with the interface's, and loses replies that bear the uplink's."
	malformed   = "A message whose options overrun it is dropped; dhcrelay without -a does not look."
	chain       = "What another relay has relayed gets no option 82 with -m forward, and is dropped with -m discard; dhcrelay adds its own where there is none."
	without     = "A reply without option 82 is relayed, since many servers do not return it; dhcrelay drops it with -D, and with -U."
	foreign     = "An option 82 in a reply that is not ours goes on to the relay that has added it, where -m makes the interface a trusted one; dhcrelay with -a takes it out, or drops the reply with -D or -U."
	nobody      = "A reply that has no address for the client is broadcast; dhcrelay sends it to 0.0.0.0."
	ifid        = "DHCPv6 servers always get an Interface-Id; dhcrelay sends it with -I or several -l."
	newer       = "DHCPv6 messages of unknown types are relayed (RFC 9915, section 19); dhcrelay drops them."
	elsewhere   = "A Relay-reply that names no link of ours is dropped; dhcrelay with one -l sends it there."
)

// TestMeant: the page on migration tells every difference.
func TestMeant(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../../deploy/migrate/README.md")
	do(t, err)
	page := strings.Join(strings.Fields(string(b)), " ")
	for _, why := range []string{padded, untouched, large, second, bootpGiaddr, malformed, chain, without, foreign, nobody, ifid, newer, elsewhere} {
		if !strings.Contains(strings.ReplaceAll(page, "`", ""), why) {
			t.Errorf("deploy/migrate/README.md lacks: %s", why)
		}
	}
}

// TestISC plays the same messages to dhcrelay and to this relay as import --compat
// isc configures it, and holds what differs to what is meant to.
func TestISC(t *testing.T) {
	need(t)
	bin := program(t)
	var w strings.Builder
	for _, c := range []struct{ line, giaddr string }{
		{"dhcrelay -4 -id vlan10 -iu up " + addrServer, addrClients},
		{"dhcrelay -4 -a -id vlan10 -iu up " + addrServer, addrClients},
		{"dhcrelay -4 -a -m append -D -id vlan10 -iu up " + addrServer, addrClients},
		{"dhcrelay -4 -a -m forward -id vlan10 -iu up " + addrServer, addrClients},
		{"dhcrelay -4 -a -m discard -A 1400 -c 4 -id vlan10 -iu up " + addrServer, addrClients},
		{"dhcrelay -4 -id vlan10 -U up " + addrServer, addrUp},
	} {
		t.Run(c.line, func(t *testing.T) {
			isc, ours := pair(t, bin, c.line)
			w.WriteString(c.line + "\n" + compare(t, isc, ours, steps4(c.giaddr)) + "\n")
		})
	}
	for _, line := range []string{
		"dhcrelay -6 -l vlan10 -u " + addr6Server + "%up",
		"dhcrelay -6 -I -c 8 -s campus -l vlan10#7 -u " + addr6Server + "%up",
	} {
		t.Run(line, func(t *testing.T) {
			isc, ours := pair(t, bin, line)
			w.WriteString(line + "\n" + compare(t, isc, ours, steps6(strings.Contains(line, "#7"))) + "\n")
		})
	}
	if t.Failed() {
		return
	}
	const file = "testdata/differences.txt"
	if *update {
		do(t, os.WriteFile(file, []byte(w.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	do(t, err)
	if diff := cmp.Diff(string(want), w.String()); diff != "" {
		t.Errorf("what differs is not what is meant to, go test -update writes it (-want +got):\n%s", diff)
	}
}

// requests6 and replies6 are the two ways of DHCPv6.

func requests6() side {
	return side{
		in: clientTap, out: serverTap,
		mark: func(n uint32) wire.Packet { return up6(append([]byte{1}, xid6(n)...)) },
		marked: func(f *wire.Frame) (uint32, bool) {
			p := f.Payload
			return number6(p[max(0, len(p)-3):])
		},
	}
}

func replies6(ifid []byte) side {
	return side{
		in: serverTap, out: clientTap,
		mark: func(n uint32) wire.Packet {
			return down6(relay6(13, 0, addr6Clients, clientLL, ifid, append([]byte{7}, xid6(n)...)))
		},
		marked: func(f *wire.Frame) (uint32, bool) {
			if len(f.Payload) != 4 {
				return 0, false
			}
			return number6(f.Payload[1:])
		},
	}
}

func xid6(n uint32) []byte { return []byte{0xee, byte(n >> 8), byte(n)} }

func number6(p []byte) (uint32, bool) {
	if len(p) != 3 || p[0] != 0xee {
		return 0, false
	}
	return uint32(p[1])<<8 | uint32(p[2]), true
}

// relay6 is a Relay-forward (12) or Relay-reply (13).
func relay6(kind, hops byte, link, peer string, ifid, inner []byte) []byte {
	p := append([]byte{kind, hops}, netip.MustParseAddr(link).AsSlice()...)
	p = append(p, netip.MustParseAddr(peer).AsSlice()...)
	if ifid != nil {
		p = append(p, 0, 18, 0, byte(len(ifid)))
		p = append(p, ifid...)
	}
	p = append(p, 0, 9, 0, byte(len(inner)))
	return append(p, inner...)
}

func up6(payload []byte) wire.Packet {
	return wire.Packet{EtherSrc: macClient, Src: to(clientLL, 546), Dst: to("ff02::1:2", 547), Payload: payload}
}

func down6(payload []byte) wire.Packet {
	return wire.Packet{EtherSrc: macServer, EtherDst: macRelay, Src: to(addr6Server, 547), Dst: to(addr6Up, 547), Payload: payload}
}

// steps6 are what clients and servers send in DHCPv6.
func steps6(withID bool) []step {
	var id []byte
	if withID {
		id = []byte{7, 0, 0, 0}
	}
	q, r := requests6(), replies6(id)
	client := []byte{1, 1, 2, 3, 0, 1, 0, 10, 0, 3, 0, 1, 2, 0, 0x5e, 0, 0x53, 2}
	of := func(kind byte) []byte { return append([]byte{kind}, client[1:]...) }
	chained := func(hops byte) wire.Packet {
		p := up6(relay6(12, hops, "2001:db8:7::1", "fe80::d", []byte("port1"), client))
		p.Src = to(clientLL, 547)
		return p
	}
	always := ""
	if !withID {
		always = ifid
	}
	return []step{
		{"SOLICIT", q, up6(client), always},
		{"REQUEST", q, up6(of(3)), always},
		{"INFORMATION-REQUEST", q, up6(of(11)), always},
		{"LEASEQUERY", q, up6(of(14)), always},
		{"DHCPV4-QUERY", q, up6(of(20)), always},
		{"message of an unknown type", q, up6(of(77)), newer},
		{"ADVERTISE of a client", q, up6(of(2)), ""},
		{"Relay-forward with hop-count 0", q, chained(0), always},
		{"Relay-forward with hop-count 7", q, chained(7), always},
		{"Relay-forward with hop-count 8", q, chained(8), always},
		{"Relay-forward with hop-count 10", q, chained(10), ""},
		{"REPLY", r, down6(relay6(13, 0, addr6Clients, clientLL, id, of(7))), ""},
		{"Relay-reply to nobody's link", r, down6(relay6(13, 0, "2001:db8:77::1", clientLL, nil, of(7))), elsewhere},
		{"REPLY that is not in a Relay-reply", r, down6(of(7)), ""},
	}
}
