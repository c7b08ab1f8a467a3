package conformance

import "dhcp-relay/relay/agent"

// The least configuration: option 82 holds the interface's name as circuit-id.
const least = `
[[interface]]
name = "d*"
servers = ["198.51.100.10"]
`

// requestCases are the relay's treatment of requests by RFC 951 and RFC 1542,
// sections 3 and 4.1.1.
func requestCases() group {
	return group{name: "requests", toml: least, cases: []tcase{
		{name: "R1542-13 R3046-3 giaddr zero is filled", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},
		{name: "R1542-13 of the other network", on: "d1", msg: discover(), up: toS(discover().up(addrD1, cid("d1")...))},
		{name: "R951-1 op 0", msg: discover(op(0)), drop: agent.BadOp},
		{name: "R951-1 op 3", msg: discover(op(3)), drop: agent.BadOp},
		{name: "R951-1 R1542-6 op 255", msg: discover(op(255)), drop: agent.BadOp},

		{name: "R1542-1 limited broadcast", dst: "255.255.255.255", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},
		{name: "R1542-1 subnet broadcast", src: "192.0.2.50", dst: "192.0.2.255", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},
		{name: "R1542-1 R1542-4 unicast to the router", src: "192.0.2.50", dst: addrD0, msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},
		{name: "R1542-3 R1812-1 source 0.0.0.0", src: "0.0.0.0", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},
		{
			name: "R1542-4 R2131-12 rebinding from its address", src: "192.0.2.50", msg: request(tRequest, ciaddr("192.0.2.50")),
			up: toS(request(tRequest, ciaddr("192.0.2.50")).up(addrD0, cid("d0")...)),
		},
		{name: "T25 odd source port", src: "0.0.0.0:40000", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},

		{name: "R1542-6 299 octets are relayed as 300", msg: discover(size(299)), up: toS(discover().up(addrD0, cid("d0")...))},
		{name: "R1542-6 R1542-37 R-SEC-4 240 octets and options", msg: discover(size(0)), up: toS(discover().up(addrD0, cid("d0")...))},
		{name: "R1542-6 cookie alone", msg: discover(options(), tail()), up: toS(discover(options(), tail()).up(addrD0, cid("d0")...))},
		{name: "R1542-6 235 octets", msg: discover(cut(235)), drop: agent.Short},
		{name: "R1542-6 one octet", msg: discover(cut(1)), drop: agent.Short},
		{name: "R1542-6 no octet", msg: message{raw: []byte{}}, on: "d0", drop: agent.Short},
		{name: "R2131-20 R1542-6 236 octets are BOOTP", msg: bootp(cut(236)), up: toS(bootp().up(addrD0))},
		{name: "R1542-7 548 octets", msg: long(548), up: toS(long(548).up(addrD0, cid("d0")...))},
		{name: "R1542-7 1200 octets", msg: long(1200), up: toS(long(1200).up(addrD0, cid("d0")...))},
		{name: "R1542-7 1472 octets with padding", msg: discover(size(1472)), up: toS(discover(size(1472)).up(addrD0, cid("d0")...))},

		{name: "R1542-11 hops 17", msg: discover(hops(17)), drop: agent.HopLimit},
		{name: "R1542-11 hops 255", msg: discover(hops(255)), drop: agent.HopLimit},
		{name: "R1542-12 R1542-17 hops 4", msg: discover(hops(4)), up: toS(discover(hops(4)).up(addrD0, cid("d0")...))},
		{name: "R1542-12 hops 5", msg: discover(hops(5)), drop: agent.HopLimit},
		{name: "R951-5 R1542-10 secs 0 is relayed by default", msg: discover(secs(0)), up: toS(discover(secs(0)).up(addrD0, cid("d0")...))},
		{name: "R2131-14 secs stays", msg: discover(secs(0x1234)), up: toS(discover(secs(0x1234)).up(addrD0, cid("d0")...))},
		{name: "R1542-33 reserved flags", msg: discover(flags(0x7fff)), up: toS(discover(flags(0x7fff)).up(addrD0, cid("d0")...))},
		{name: "R1542-33 all flags", msg: discover(flags(0xffff)), up: toS(discover(flags(0xffff)).up(addrD0, cid("d0")...))},
		{name: "R1542-18 every field filled", msg: full(), up: toS(full().up(addrD0, cid("d0")...))},
		{name: "R1542-36 hlen 16", msg: discover(htype(6, 16)), up: toS(discover(htype(6, 16)).up(addrD0, cid("d0")...))},
		{name: "R1542-36 hlen 17", msg: discover(htype(1, 17)), drop: agent.BadHlen},
		{name: "R1542-36 hlen 255", msg: discover(htype(1, 255)), drop: agent.BadHlen},
		{name: "R1542-15 R1542-18 other octets of a rebinding", msg: full(ciaddr("192.0.2.9")), up: toS(full(ciaddr("192.0.2.9")).up(addrD0, cid("d0")...))},
		{name: "T11 the relay's own message comes back", core: true, src: addrU0 + ":67", msg: discover(), drop: agent.OwnMessage},
		{name: "R1542-9 heard on the uplink", on: "u0", src: "203.0.113.2", dst: addrU0, msg: discover(), drop: agent.NotConfigured},
		{name: "R1542-25 T11 request with giaddr heard on the uplink", on: "u0", src: "203.0.113.2", dst: addrU0, msg: discover(giaddrOf(addrD0)), drop: agent.NotConfigured},
	}}
}

// replyCases are the relay's treatment of replies by RFC 1542, sections 3 and
// 4.1.2.
func replyCases() group {
	return group{name: "replies", toml: least, cases: []tcase{
		{name: "R1542-25 giaddr of another", dst: addrU0, msg: offer(giaddrOf("10.1.1.1")), drop: agent.BogusGiaddr},
		{name: "R1542-25 giaddr zero", dst: addrU0, msg: offer(giaddrOf("")), drop: agent.BogusGiaddr},
		{name: "R1542-25 giaddr of the uplink", msg: offer(giaddrOf(addrU0)), drop: agent.BogusGiaddr},
		{name: "R1542-26 giaddr of d0", msg: offer(), down: unicast("d0", "192.0.2.77", offer())},
		{
			name: "R1542-26 giaddr of d1", msg: offer(giaddrOf(addrD1), yiaddr("198.51.101.9")),
			down: unicast("d1", "198.51.101.9", offer(giaddrOf(addrD1), yiaddr("198.51.101.9"))),
		},
		{name: "R1542-27 R2131-4 T8 broadcast flag", msg: offer(flags(0x8000)), down: broadcast("d0", offer(flags(0x8000)))},
		{name: "R1542-28 R2131-5 R2131-10 T8 no broadcast flag", msg: offer(), down: unicast("d0", "192.0.2.77", offer())},
		{name: "R1542-33 reserved flags are no broadcast flag", msg: offer(flags(0x7fff)), down: unicast("d0", "192.0.2.77", offer(flags(0x7fff)))},
		{name: "R1542-29 R2131-5 T23 htype 32", msg: offer(htype(32, 6)), down: broadcast("d0", offer(htype(32, 6)))},
		{name: "R1542-29 T23 hlen 0", msg: offer(htype(1, 0)), down: broadcast("d0", offer(htype(1, 0)))},
		{name: "R1542-29 T23 hlen 8", msg: offer(htype(1, 8)), down: broadcast("d0", offer(htype(1, 8)))},
		{name: "R1542-29 T4 yiaddr zero", msg: offer(yiaddr("")), down: broadcast("d0", offer(yiaddr("")))},
		{name: "R1542-29 chaddr is a group address", msg: offer(chaddr(1, 0, 0x5e, 0, 0, 1)), down: broadcast("d0", offer(chaddr(1, 0, 0x5e, 0, 0, 1)))},
		{name: "R1542-30 every field filled", msg: fullReply(), down: unicast("d0", "192.0.2.77", fullReply())},
		{name: "R1542-30 R2131-15 as long as it came: 560 octets", msg: offer(size(560)), down: unicast("d0", "192.0.2.77", offer(size(560)))},
		{name: "R1542-30 as long as it came: 301 octets", msg: offer(size(301)), down: unicast("d0", "192.0.2.77", offer(size(301)))},
		{name: "R1542-30 hops stays", msg: offer(hops(200)), down: unicast("d0", "192.0.2.77", offer(hops(200)))},
		{name: "R1542-32 to the client, not to a further relay", on: "u0", msg: offer(siaddr("10.9.8.7")), down: unicast("d0", "192.0.2.77", offer(siaddr("10.9.8.7")))},
		{name: "R1542-36 hlen 17 in a reply", msg: offer(htype(1, 17)), drop: agent.BadHlen},
		{name: "R1542-36 hlen 255 in a reply", msg: offer(htype(1, 255)), drop: agent.BadHlen},
		{name: "R1542-37 T7 284 octets", msg: offer(size(284)), down: unicast("d0", "192.0.2.77", offer())},
		{name: "T7 280 octets", msg: offer(size(280)), down: unicast("d0", "192.0.2.77", offer())},
		{name: "T7 292 octets", msg: offer(size(292)), down: unicast("d0", "192.0.2.77", offer())},
		{name: "R1542-6 235 octets", msg: offer(cut(235)), drop: agent.Short},
		{name: "T11 T12 reply from a client", on: "d0", src: "192.0.2.66:67", dst: addrD0, msg: offer(), drop: agent.ReplyFromClient},
		{name: "T11 reply from a client by broadcast", on: "d1", src: "198.51.101.66:67", dst: "255.255.255.255:67", msg: offer(), drop: agent.ReplyFromClient},
	}}
}

// full is a request with something in every field.
func full(mods ...mod) message {
	m := discover(
		secs(0xfedc), flags(0x2345), yiaddr("10.1.2.3"), siaddr("10.4.5.6"),
		chaddr(2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32),
		sname(fill(64, 's')...), file(fill(128, 'f')...),
		options(53, 1, 3, 61, 7, 1, 2, 4, 6, 8, 10, 12, 12, 2, 'h', 'o', 0, 0, 55, 2, 1, 3),
	)
	return m.with(mods...)
}

// fullReply is a reply with something in every field.
func fullReply() message {
	return offer(
		hops(3), secs(0xfedc), flags(0x2345), ciaddr("192.0.2.77"), siaddr("10.4.5.6"),
		chaddr(append(macC, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32)...),
		sname(fill(64, 's')...), file(fill(128, 'f')...),
		options(53, 1, 2, 61, 7, 1, 2, 4, 6, 8, 10, 12, 0, 0, 0, 43, 3, 1, 1, 7, 3, 4, 192, 0, 2, 1),
	)
}

// long is a request of exactly n octets without padding.
func long(n int) message {
	m := discover(size(0))
	left := n - len(m.bytes())
	for left > 257 {
		m = m.with(opt(43, fill(200, 7)...))
		left -= 202
	}
	return m.with(opt(43, fill(left-2, 7)...))
}
