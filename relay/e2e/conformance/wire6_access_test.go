package conformance

import (
	"net"
	"slices"
	"strings"
	"testing"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp6"
)

// access6 are what routers and bridges at the edge send: those that are delegated
// prefixes, and lightweight relay agents.
func access6() []group6 {
	return []group6{
		{"delegation", least6, delegation6()},
		{"LDRA", trusted6, ldra6()},
	}
}

// prefix6 is an IA Prefix option: preferred and valid lifetime (4 each), length
// (1), prefix (16).
func prefix6(preferred, valid, n byte, prefix ...byte) []byte {
	v := []byte{0, 0, 0, preferred, 0, 0, 0, valid, n}
	return opt6(26, append(append(v, prefix...), make([]byte, 16-len(prefix))...)...)
}

// pd6 is an IA_PD: IAID, T1, T2 (4 each), and what is in it.
func pd6(iaid byte, within ...[]byte) []byte {
	return opt6(25, append([]byte{0, 0, 0, iaid, 0, 0, 0, 0, 0, 0, 0, 0}, slices.Concat(within...)...)...)
}

// delegation6 are the messages of a delegation, and of a router that comes to the
// link of another. R keeps no state of them: it changes nothing, answers nobody
// and drops none (RFC 8987, sections 3.1 and 4.1).
func delegation6() []case6 {
	other := opt6(1, 0, 3, 0, 1, 2, 0, 0, 0, 0, 0xc1) // another router's DUID-LL
	one := prefix6(60, 120, 56, 0x20, 1, 0x0d, 0xb8, 1, 0)
	two := prefix6(0, 120, 60, 0x20, 1, 0x0d, 0xb8, 2, 0)
	none := opt6(13, 0, 3) // NoBinding
	both := slices.Concat(pd6(1, one, two), pd6(2))
	var out []case6
	for _, m := range []struct {
		name  string
		up    []byte
		typ   dhcp6.Type
		reply []byte
	}{
		{"R8987-G1 a Solicit with a hint", msg6(dhcp6.Solicit, clientID, pd6(1, prefix6(0, 0, 56)), opt6(14)), dhcp6.Advertise, pd6(1, one)},
		{"R8987-G1 a Request for two prefixes and none", msg6(dhcp6.Request, clientID, serverID, both), dhcp6.Reply, both},
		{"R8987-P1 another router on the same port", msg6(dhcp6.Solicit, other, pd6(1)), dhcp6.Advertise, pd6(1, two)},
		{"R8987-P1 its Renew of what it never had", msg6(dhcp6.Renew, other, serverID, pd6(1, one)), dhcp6.Reply, pd6(1, none)},
		{"R8987-P1 a Rebind with another's prefix", msg6(dhcp6.Rebind, other, pd6(7, one)), dhcp6.Reply, pd6(7, none)},
		{"R8987-G1 a Release of one of them", msg6(dhcp6.Release, clientID, serverID, pd6(1, one)), dhcp6.Reply, slices.Concat(success, pd6(1))},
		{"R8987-G1 after its Release", msg6(dhcp6.Renew, clientID, serverID, pd6(1, one)), dhcp6.Reply, pd6(1, none)},
	} {
		reply := msg6(m.typ, clientID, serverID, m.reply)
		out = append(
			out,
			case6{name: m.name, msg: m.up, up: up6(m.up)},
			case6{name: m.name + ": the answer", on: "u0", msg: down6(reply), down: toClient6(reply)},
		)
	}
	return out
}

// ldra6 are a bridge that marks what its ports send: a Relay-forward with
// link-address zero, from the client's own address (RFC 6221, section 5.3.1). R
// gives the servers the link-address that they need (section 4).
func ldra6() []case6 {
	from := "[" + client6 + "]:547"
	port := id6("bridge port 7")
	marked := fwd6(0, "::", client6, solicit6(), port)
	back := rep6(0, "::", client6, advertise6(), port)
	return []case6{
		{name: "R6221-8 R9915-23 above an LDRA", src: from, msg: marked, up: fwd6(1, addrD06, client6, marked, id6("d0"))},
		{
			name: "R6221-8 its reply", on: "u0", msg: rep6(1, addrD06, client6, back, id6("d0")),
			down: &delivery6{"d0", from, back},
		},
		{name: "R6221-8 a client beside it", msg: solicit6(), up: up6(solicit6())},
		{name: "R6221-8 not on a link that is not trusted", on: "d1", src: from, msg: marked, drop: agent.RelayForwardUntrusted},
	}
}

// testLog6 has the daemon relay, refuse and drop what names subscribers.
func testLog6(t *testing.T, b *wireBed) {
	b.start(t, strings.NewReplacer(`"port {interface}"`, `"line-17-{interface}"`, `"r"`, `"remote-17"`, `"sub"`, `"subscriber-17"`, "vss = \"red\"\n", "").Replace(every6))
	p := newPlayer6(t, b)
	id := opt6(18, text("line-17-d0")...)
	remote := opt6(37, append([]byte{0, 0, 0, 9}, "remote-17"...)...)
	subscriber := opt6(38, text("subscriber-17")...)
	up := fwd6(0, addrD06, client6, solicit6(), id, remote, subscriber,
		opt6(53, 0, 3, 0, 1, 2, 0, 0, 0, 0, 1), opt6(43, 0, 37), opt6(66, opt6(65, 3, 'e', 'r', 'p', 0)...), mac6())
	inner := msg6(dhcp6.Reply, clientID, serverID, iaNA)
	for _, c := range []case6{
		{msg: solicit6(), up: up},
		{on: "u0", msg: rep6(0, addrD06, client6, inner, id, remote, subscriber, mac6()), down: toClient6(inner)},
		{on: "u0", msg: rep6(0, "2001:db8:7::1", client6, inner, opt6(18, text("line-17-elsewhere")...), remote, subscriber), drop: agent.UnknownLink},
		{msg: fwd6(0, "::", client6, solicit6(), id, remote, subscriber, mac6()), drop: agent.RelayForwardUntrusted},
		{msg: advertise6(), drop: agent.ServerMessage},
	} {
		p.play(t, &c)
	}
	said := strings.ToLower(b.daemon.log.String())
	for _, bad := range []string{"line-17", "remote-17", "subscriber-17", net.HardwareAddr(macC).String(), "0200000000c0", "00:03:00:01:02:00:00:00:00:c0"} {
		if strings.Contains(said, bad) {
			t.Errorf("the log has %q:\n%s", bad, b.daemon.log)
		}
	}
}
