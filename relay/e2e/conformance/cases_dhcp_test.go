package conformance

import (
	"fmt"
	"strconv"

	"dhcp-relay/relay/agent"
)

// dhcpCases are what RFC 2131 and RFC 2132 bring to a relay's notice, and the
// trust in servers that it has by default.
func dhcpCases() group {
	g := group{name: "dhcp", toml: least, cases: []tcase{
		{name: "R2131-2 T1 reply to giaddr", dst: addrD0, msg: offer(), down: unicast("d0", "192.0.2.77", offer())},
		{name: "R2131-3 T2 a request", msg: discover(), up: to(discover().up(addrD0, cid("d0")...), server1)},
		{name: "R2131-3 T2 from another address of the server", src: stray + ":67", msg: offer(), down: unicast("d0", "192.0.2.77", offer())},
		{name: "T2 from another port of the server", src: server1 + ":1067", msg: offer(), down: unicast("d0", "192.0.2.77", offer())},
		{name: "T3 to the uplink's address", dst: addrU0, msg: offer(), down: unicast("d0", "192.0.2.77", offer())},
		{name: "R2131-6 NAK with the flag", msg: nak(flags(0x8000)), down: broadcast("d0", nak(flags(0x8000)))},
		{name: "R2131-7 T4 NAK without the flag", msg: nak(), down: broadcast("d0", nak())},
		{name: "R2131-8 NAK for a client from elsewhere", msg: nak(ciaddr("10.0.0.5")), down: broadcast("d0", nak(ciaddr("10.0.0.5")))},
		{name: "R2131-7 T4 NAK with yiaddr", msg: nak(yiaddr("192.0.2.77")), down: broadcast("d0", nak(yiaddr("192.0.2.77")))},
		{name: "R2131-9 T4 ACK of an INFORM", msg: ackInform(), down: unicast("d0", "192.0.2.50", ackInform())},
		{name: "R2131-9 ACK of an INFORM with the flag", msg: ackInform(flags(0x8000)), down: broadcast("d0", ackInform(flags(0x8000)))},
		{name: "R2131-10 ACK before the client can answer ARP", msg: reply(tAck), down: unicast("d0", "192.0.2.77", reply(tAck))},
		{name: "R2131-15 548 octets down", msg: longReply(548), down: unicast("d0", "192.0.2.77", longReply(548))},
		{name: "R2131-15 1400 octets down", msg: longReply(1400), down: unicast("d0", "192.0.2.77", longReply(1400))},
		{name: "R2131-16 overloaded sname and file", msg: overloaded(), down: unicast("d0", "192.0.2.77", overloaded())},
		{name: "R2131-16 no END: option 82 last and END added", msg: discover(tail(), size(0)), up: toS(discover().up(addrD0, cid("d0")...))},
		{name: "R2131-16 no END but padding", msg: discover(tail()), up: toS(discover(tail()).up(addrD0, cid("d0")...))},
		{name: "R2131-17 option 43 twice", msg: offer(opt(43, 1), opt(43, 2)), down: unicast("d0", "192.0.2.77", offer(opt(43, 1), opt(43, 2)))},
		{name: "R2131-17 option 43 twice in a request", msg: discover(opt(43, 1), opt(43, 2)), up: toS(discover(opt(43, 1), opt(43, 2)).up(addrD0, cid("d0")...))},
		{name: "R2131-18 T13 yiaddr of another subnet", msg: offer(yiaddr("198.18.0.9")), down: unicast("d0", "198.18.0.9", offer(yiaddr("198.18.0.9")))},
		{name: "R2131-19 server identifier stays", msg: reply(tAck), down: unicast("d0", "192.0.2.77", reply(tAck))},
		{name: "R2131-20 CVE-2026-20084 BOOTP", msg: bootp(), up: toS(bootp().up(addrD0))},
		{name: "R2131-20 BOOTP with another cookie", msg: bootp(vend(1, 2, 3, 4, 255)), up: toS(bootp(vend(1, 2, 3, 4, 255)).up(addrD0))},
		{name: "R2131-20 BOOTP with the cookie and no type", msg: discover(options(1, 4, 255, 255, 255, 0)), up: toS(discover(options(1, 4, 255, 255, 255, 0)).up(addrD0, cid("d0")...))},
		{name: "CVE-2026-20084 BOOTP by unicast", src: "192.0.2.50", dst: addrD0, msg: bootp(), up: toS(bootp().up(addrD0))},
		{name: "R2131-20 BOOTP reply", msg: bootpReply(), down: unicast("d0", "192.0.2.77", bootpReply())},
		{name: "R2132-1 option 57 of 576", msg: discover(opt(57, 2, 64), size(570)), up: toS(discover(opt(57, 2, 64), size(570)).up(addrD0, cid("d0")...))},
		{name: "R8213-3 to the server's own address", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},
		{name: "T22 OFFER of a boot server", msg: pxeOffer(), down: broadcast("d0", pxeOffer())},
		{name: "R8925-1 T4 OFFER without address", msg: offer(yiaddr(""), opt(108, 0, 0, 7, 8)), down: broadcast("d0", offer(yiaddr(""), opt(108, 0, 0, 7, 8)))},
		{name: "R4388-9 lease unassigned", msg: reply(tLeaseUnassigned), drop: agent.Leasequery},
		{name: "R4388-9 lease unknown", msg: reply(tLeaseUnknown), drop: agent.Leasequery},
		{name: "R4388-9 lease active", msg: reply(tLeaseActive), drop: agent.Leasequery},
		{name: "RFC 4388, section 7: a client's leasequery", msg: request(tLeaseQuery), drop: agent.TypeRefused},
		{name: "RFC 4388, section 7: a client's lease unassigned", msg: request(tLeaseUnassigned), drop: agent.TypeRefused},
		{name: "RFC 4388, section 7: a client's lease unknown", msg: request(tLeaseUnknown), drop: agent.TypeRefused},
		{name: "RFC 4388, section 7: a client's lease active", msg: request(tLeaseActive), drop: agent.TypeRefused},
	}}
	for _, n := range []byte{0, tDecline, tRelease, tInform, 9, 14, 18, 200, 255} {
		m := request(n)
		g.cases = append(g.cases, tcase{name: "R2131-1 R3046-4 type " + strconv.Itoa(int(n)), msg: m, up: toS(m.up(addrD0, cid("d0")...))})
	}
	for _, v := range [][]byte{{0}, {3}, {4}, {255}, {}, {1, 1}} {
		m := discover(opt(52, v...))
		g.cases = append(g.cases, tcase{name: fmt.Sprintf("R2132-2 option 52 of %v", v), msg: m, up: toS(m.up(addrD0, cid("d0")...))})
	}
	for _, r := range []message{reply(0), reply(9), reply(18), reply(200), reply(tDiscover)} {
		g.cases = append(g.cases, tcase{name: "R2131-1 reply of type " + strconv.Itoa(int(r.opts[6])), msg: r, down: unicast("d0", "192.0.2.77", r)})
	}
	return g
}

// identityCases are identifiers and encodings that a relay has to leave alone.
func identityCases() group {
	noMAC := []mod{chaddr(), opt(61, 1, 2, 3)}
	duid := opt(61, 255, 1, 2, 3, 4, 0, 1, 0, 1, 9, 9, 9, 9, 2, 0, 0, 0, 0, 0xc0)
	ib := []mod{htype(32, 0), chaddr(), opt(61, 1, 2, 3)}
	mixed := discover(options(61, 2, 1, 1, 12, 1, 'h', 53, 1, 1, 0, 0, 55, 1, 1), tail(255, 'j', 'u', 'n', 'k'))
	auth := discover(opt(90, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xde, 0xad), opt(12, 'h'), opt(1))
	return group{name: "identity", toml: least, cases: []tcase{
		{name: "R6842-1 reply without chaddr", msg: reply(tAck, noMAC...), down: broadcast("d0", reply(tAck, noMAC...))},
		{name: "R6842-1 request without chaddr", msg: discover(noMAC...), up: toS(discover(noMAC...).up(addrD0, cid("d0")...))},
		{name: "R6842-2 client identifier down", msg: reply(tAck, opt(61, 1, 2, 3)), down: unicast("d0", "192.0.2.77", reply(tAck, opt(61, 1, 2, 3)))},
		{name: "R4361-1 client identifier of type 255", msg: discover(duid), up: toS(discover(duid).up(addrD0, cid("d0")...))},
		{name: "R4390-1 T23 IPoIB with the flag", msg: offer(append(ib, flags(0x8000))...), down: broadcast("d0", offer(append(ib, flags(0x8000))...))},
		{name: "R4390-1 T23 IPoIB without the flag", msg: offer(ib...), down: broadcast("d0", offer(ib...))},
		{
			name: "R4390-2 IPoIB renewal", msg: reply(tAck, append(ib, ciaddr("192.0.2.50"), yiaddr("192.0.2.50"))...),
			down: routed("d0", "192.0.2.50", reply(tAck, append(ib, ciaddr("192.0.2.50"), yiaddr("192.0.2.50"))...)),
		},
		{name: "R3396-4 R3118-2 odd order, padding and junk", msg: mixed, up: toS(mixed.up(addrD0, cid("d0")...))},
		{name: "R3118-1 R3118-2 option 90 in place", msg: auth, up: toS(auth.up(addrD0, cid("d0")...))},
		{name: "R3396-1 two parts of option 82 in a reply", msg: offer(opt(82, 1, 4, 'd'), opt(3, 192, 0, 2, 1), opt(82, '0', 'x', 'y')), down: unicast("d0", "192.0.2.77", offer(opt(3, 192, 0, 2, 1)))},
		{name: "R3396-1 two whole options 82 in a reply", msg: offer(opt(82, 1, 2, 'd', '0'), opt(82, 2, 1, 'r')), down: unicast("d0", "192.0.2.77", offer())},
	}}
}

func nak(mods ...mod) message {
	return reply(tNak, yiaddr(""), options(53, 1, tNak, 54, 4, 198, 51, 100, 10)).with(mods...)
}

// ackInform is the answer to an INFORM: no yiaddr (RFC 2131, section 4.3.5).
func ackInform(mods ...mod) message {
	return reply(tAck, yiaddr(""), ciaddr("192.0.2.50")).with(mods...)
}

// overloaded has options in file and sname, even one that looks like option 82.
func overloaded() message {
	return offer(opt(52, 3), file(67, 4, 'b', 'o', 'o', 't', 82, 4, 1, 2, 'd', '0', 255), sname(66, 2, 't', 's', 82, 4, 1, 2, 'd', '0', 255))
}

// pxeOffer is an OFFER without an address, from a boot server.
func pxeOffer() message {
	return offer(yiaddr(""), flags(0x8000), opt(60, text("PXEClient")...))
}

func bootpReply() message {
	m := base(2)
	m.yiaddr, m.giaddr = addr("192.0.2.77"), addr(addrD0)
	return m.with(vend(fill(64, 0)...))
}

// longReply is a reply of exactly n octets without padding.
func longReply(n int) message {
	m := offer(size(0))
	left := n - len(m.bytes())
	for left > 257 {
		m = m.with(opt(43, fill(200, 7)...))
		left -= 202
	}
	return m.with(opt(43, fill(left-2, 7)...))
}
