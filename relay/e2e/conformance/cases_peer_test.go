package conformance

import "dhcp-relay/relay/agent"

// peerCases are cases that other relays test themselves with, played to this
// one: the steps of SONiC's DHCPTest, and the option fields of ISC dhcrelay's
// strip and add tests.
func peerCases() []group {
	return []group{sonicCases(), iscCases()}
}

// sonicCases are the steps of SONiC's packet tests: a client that sets the
// broadcast flag, option 82 with circuit-id and remote-id.
func sonicCases() group {
	d0 := o82(sub(1, text("leaf:d0")...), sub(2, text("02:00:5e:00:53:02")...))
	d1 := o82(sub(1, text("leaf:d1")...), sub(2, text("02:00:5e:00:53:03")...))
	b := flags(0x8000)
	down := func(m message) tcase {
		return tcase{msg: m.with(opt(82, d0[2:]...)), down: broadcast("d0", m)}
	}
	step := func(name string, c tcase) tcase {
		c.name = "SONiC " + name
		return c
	}
	up := func(m message) tcase { return tcase{msg: m, up: to(m.up(addrD0, d0...), server1, server2)} }
	short := request(tDiscover, b, size(0))
	return group{name: "sonic", toml: `
hostname = "leaf"

[[interface]]
name = "d*"
servers = ["198.51.100.10", "198.51.100.11"]

[interface.dhcpv4.option82]
circuit_id = "{hostname}:{interface}"
remote_id = "{mac}"
`, cases: []tcase{
		step("relayed discover", up(discover(b))),
		step("offer received", down(offer(b))),
		step("relayed request", up(request(tRequest, b, opt(54, 198, 51, 100, 10), opt(50, 192, 0, 2, 77)))),
		step("ack received", down(reply(tAck, b))),
		step("other client port, no padding", tcase{on: "d1", msg: short, up: to(short.up(addrD1, d1...), server1, server2)}),
		step("server port, no padding", tcase{
			msg:  offer(b, giaddrOf(addrD1), yiaddr("198.51.101.9"), opt(82, d1[2:]...), size(0)),
			down: broadcast("d1", offer(b, giaddrOf(addrD1), yiaddr("198.51.101.9"))),
		}),
		step("relayed bootp", tcase{msg: bootp(b), up: to(bootp(b).up(addrD0), server1, server2)}),
		step("unknown on server side", up(request(18, b))),
		step("unknown on client side", down(reply(10, b))),
		step("relayed decline", up(request(tDecline, b))),
		step("relayed nak", down(nak(b))),
		step("relayed release", up(request(tRelease, b))),
		step("relayed inform", up(request(tInform, b))),
		step("unicast mac", tcase{src: "192.0.2.50", dst: addrD0, msg: discover(b), up: to(discover(b).up(addrD0, d0...), server1, server2)}),
		step("random source port", tcase{src: "0.0.0.0:37463", msg: discover(b), up: to(discover(b).up(addrD0, d0...), server1, server2)}),
		step("broadcast not flooded R3046-25", up(discover(b))),
	}}
}

// iscCases are the octets of ISC dhcrelay's own tests. Its option 53 is empty,
// so that the message has no type.
func iscCases() group {
	after := []byte{0x42, 2, 0, 0x10, 0x43, 0}
	plain := append([]byte{0x35, 0}, after...)
	zero := append([]byte{0x35, 0, 0x52, 0}, after...)
	eight := append([]byte{0x35, 0, 0x52, 0, 0x52, 8, 1, 6, 'e', 'n', 'p', '0', 's', 'O'}, after...)
	added := o82(sub(1, 1, 2, 3, 4, 5, 6), sub(2, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66))
	with := func(m message, o []byte) message { return m.with(options(o...), tail()) }
	overrun := offer(options(zero...), tail(fill(4095-236-4-len(zero), 0xfe)...))
	return group{name: "isc", toml: `
[[interface]]
name = "d*"
servers = ["198.51.100.10"]

[interface.dhcpv4.option82]
circuit_id = "{hex:010203040506}"
remote_id = "{hex:112233445566}"
`, cases: []tcase{
		{name: "ISC-71 strip eight octets and none", msg: with(offer(), eight), down: unicast("d0", "192.0.2.77", with(offer(), plain))},
		{name: "ISC-71 add", msg: with(discover(size(0)), plain), up: toS(with(discover(size(0)), append(plain, added...)).up(addrD0).with(tail(255), size(300)))},
		{name: "ISC-71 a client's empty option 82", msg: with(discover(), zero), drop: agent.UntrustedOption82},
		{name: "ISC-71 overrun of 254 octets", msg: overrun, drop: agent.OptionsMalformed},
	}}
}
