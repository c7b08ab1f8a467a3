package conformance

import "dhcp-relay/relay/agent"

// giaddrCases are the ways of choosing giaddr, and of finding the way back.
func giaddrCases() []group {
	second := discover().up("198.18.0.1", cid("d0")...)
	return []group{
		{name: "secondary addresses", toml: least, host: bench().have("d0", addrD0+"/24", "198.18.0.1/24", "198.19.0.1/24"), cases: []tcase{
			{name: "R1542-14 T13 the primary address", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},
			{name: "R1542-14 R951-6 again", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},
			{name: "R2131-18 T13 reply for a secondary subnet", msg: offer(yiaddr("198.18.0.9")), down: unicast("d0", "198.18.0.9", offer(yiaddr("198.18.0.9")))},
			{name: "R3046-16 a secondary address is ours too", msg: discover(giaddrOf("198.18.0.1")), drop: agent.GiaddrSpoof},
			{name: "R1542-25 but no giaddr of ours", msg: offer(giaddrOf("198.18.0.1")), drop: agent.BogusGiaddr},
		}},
		{name: "giaddr by prefix", toml: `
[[interface]]
name = "d0"
servers = ["198.51.100.10"]
dhcpv4.giaddr = "198.18.0.0/15"

[[interface]]
name = "d1"
servers = ["198.51.100.10"]
dhcpv4.giaddr = "198.51.101.1"
`, host: bench().have("d0", addrD0+"/24", "198.18.0.1/24"), cases: []tcase{
			{name: "R1542-13 R1542-14 T13 the address in the prefix", msg: discover(), up: toS(second)},
			{name: "R1542-13 a given address", on: "d1", msg: discover(), up: toS(discover().up(addrD1, cid("d1")...))},
			{name: "R1542-26 reply to it", dst: "198.18.0.1", msg: offer(giaddrOf("198.18.0.1"), yiaddr("198.18.0.9")), down: unicast("d0", "198.18.0.9", offer(giaddrOf("198.18.0.1"), yiaddr("198.18.0.9")))},
		}},
		{name: "giaddr by prefix, addresses in another order", toml: least + `dhcpv4.giaddr = "198.18.0.0/15"
`, host: bench().have("d0", "198.18.0.1/24", addrD0+"/24"), cases: []tcase{
			{name: "R1542-14 T13 the order does not matter", msg: discover(), up: toS(second)},
		}},
		{name: "secondary address of the same subnet", toml: least, host: bench().have("d0", addrD0+"/24", "192.0.2.3/24", "192.0.2.2/24"), cases: []tcase{
			{name: "R1542-14 T13 the kernel's primary", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},
		}},
		{name: "smart relay", toml: `
[[interface]]
name = "d0"
servers = ["198.51.100.10"]
dhcpv4.smart_relay_after = 2
`, host: bench().have("d0", addrD0+"/24", "198.18.0.1/24"), cases: []tcase{
			{name: "T13 first the primary", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},
			{name: "T13 once more", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},
			{name: "T13 then the next", face: 1, msg: discover(), up: toS(second)},
			{name: "T13 reply to either", dst: "198.18.0.1", msg: offer(giaddrOf("198.18.0.1"), yiaddr("198.18.0.9")), down: unicast("d0", "198.18.0.9", offer(giaddrOf("198.18.0.1"), yiaddr("198.18.0.9")))},
			{name: "T13 a client with an address has its subnet", msg: request(tRequest, ciaddr("198.18.0.9")), src: "198.18.0.9", up: toS(request(tRequest, ciaddr("198.18.0.9")).up("198.18.0.1", cid("d0")...))},
		}},
		{name: "no address", toml: least, host: bench().have("d1"), cases: []tcase{
			{name: "T14 ISC-22409 SONiC-108 request on a link without address", on: "d1", msg: discover(), drop: agent.NoGiaddr},
			{name: "T14 SONiC-108 the others are served", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},
		}},
		{name: "point to point", toml: least, host: bench().have("d0", addrD0+"/31").have("d1", addrD1+"/32"), cases: []tcase{
			{name: "R1542-16 R1542-13 address with 31 bits", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},
			{name: "R1542-16 R1542-13 address with 32 bits", on: "d1", msg: discover(), up: toS(discover().up(addrD1, cid("d1")...))},
			{name: "R1542-26 reply to the former", msg: offer(yiaddr("192.0.2.0")), down: unicast("d0", "192.0.2.0", offer(yiaddr("192.0.2.0")))},
		}},
		{name: "giaddr that is not there", toml: least + `dhcpv4.giaddr = "192.0.2.255"
`, cases: []tcase{
			{name: "R1542-16 R951-6 never the broadcast address", msg: discover(), drop: agent.NoGiaddr},
			{name: "R1542-25 nor in a reply", dst: addrD0, msg: offer(giaddrOf("192.0.2.255")), drop: agent.BogusGiaddr},
		}},
		borrowed(),
		sharedGiaddr(),
		uplinkGiaddr(),
	}
}

// borrowed is unnumbered client links, and the anycast gateway of an EVPN leaf.
func borrowed() group {
	d0 := o82(sub(1, text("d0")...), sub(5, 192, 0, 2, 0), sub(11, 192, 0, 2, 1))
	return group{name: "borrowed giaddr", toml: `
[[interface]]
name = "d0"
servers = ["198.51.100.10"]
dhcpv4.giaddr = "lo"

[interface.dhcpv4.option82]
link_selection = "subnet"
server_id_override = true

[[interface]]
name = "d1"
servers = ["198.51.100.10"]
dhcpv4.giaddr = "lo"

[interface.dhcpv4.option82]
link_selection = "198.51.101.0/24"
`, host: bench().have("lo", addrLo+"/32").have("d1"), cases: []tcase{
		{name: "T14 T16 R3527-4 loopback's address, the client's subnet", msg: discover(), up: toS(discover().up(addrLo, d0...))},
		{name: "T14 unnumbered link", on: "d1", msg: discover(), up: toS(discover().up(addrLo, o82(sub(1, text("d1")...), sub(5, 198, 51, 101, 0))...))},
		{
			name: "R3527-4 R3046-21 T16 reply finds d0 by circuit-id", msg: offer(giaddrOf(addrLo), opt(82, d0[2:]...)),
			down: unicast("d0", "192.0.2.77", offer(giaddrOf(addrLo))),
		},
		{
			name: "R3046-21 T14 reply finds d1 by circuit-id", msg: offer(giaddrOf(addrLo), yiaddr("198.51.101.9"), opt(82, 1, 2, 'd', '1')),
			down: unicast("d1", "198.51.101.9", offer(giaddrOf(addrLo), yiaddr("198.51.101.9"))),
		},
		{name: "R3046-23 R3527-5 T16 reply without option 82", msg: offer(giaddrOf(addrLo)), drop: agent.AmbiguousReply},
		{name: "R3046-23 R3527-5 T16 circuit-id of another leaf", msg: offer(giaddrOf(addrLo), opt(82, 1, 2, 'd', '7')), drop: agent.AmbiguousReply},
		{name: "R3527-5 option 82 without circuit-id", msg: offer(giaddrOf(addrLo), opt(82, 2, 1, 'x')), drop: agent.AmbiguousReply},
	}}
}

// sharedGiaddr is two client links under one given giaddr.
func sharedGiaddr() group {
	const conf = `
[[interface]]
name = "d*"
servers = ["198.51.100.10"]
dhcpv4.giaddr = "192.0.2.1"

[interface.dhcpv4.option82]
circuit_id = "vlan-{interface}"
`
	cid := func(link string) []byte { return o82(sub(1, text("vlan-"+link)...)) }
	return group{name: "shared giaddr", toml: conf, cases: []tcase{
		{name: "R3046-21 from d0", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},
		{name: "R3046-21 from d1", on: "d1", msg: discover(), up: toS(discover().up(addrD0, cid("d1")...))},
		{name: "R3046-21 R7819-1 reply to d1 alone", msg: offer(opt(82, cid("d1")[2:]...)), down: unicast("d1", "192.0.2.77", offer())},
		{name: "R3046-21 broadcast reply to d1 alone", msg: nak(opt(82, cid("d1")[2:]...)), down: broadcast("d1", nak())},
		{name: "R3046-23 reply that tells neither", msg: offer(), drop: agent.AmbiguousReply},
		{name: "R3396-1 circuit-id in two parts", msg: offer(opt(82, 1, 7, 'v', 'l'), opt(82, 'a', 'n', '-', 'd', '1')), down: unicast("d1", "192.0.2.77", offer())},
	}}
}

// uplinkGiaddr is the uplink's address as giaddr, with link selection.
func uplinkGiaddr() group {
	d0 := o82(sub(1, text("d0")...), sub(5, 192, 0, 2, 0))
	return group{name: "giaddr of the uplink", toml: `
[[interface]]
name = "d0"
servers = ["198.51.100.10"]
dhcpv4.giaddr = "203.0.113.1"

[interface.dhcpv4.option82]
link_selection = "subnet"
`, cases: []tcase{
		{name: "R3527-4 giaddr and link selection differ", msg: discover(), up: toS(discover().up(addrU0, d0...))},
		{name: "R3527-4 R3046-23 reply goes to d0", msg: offer(giaddrOf(addrU0)), down: unicast("d0", "192.0.2.77", offer(giaddrOf(addrU0)))},
		{name: "R1542-25 the client link's address is no giaddr then", msg: offer(), drop: agent.BogusGiaddr},
	}}
}
