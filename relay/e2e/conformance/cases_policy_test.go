package conformance

import "dhcp-relay/relay/agent"

// policyCases are settings beside option 82 and giaddr.
func policyCases() []group {
	three := func(m message) []sent { return to(m, server1, server2, server3) }
	return []group{
		{name: "several servers", toml: `
[[interface]]
name = "d*"
servers = ["198.51.100.10", "198.51.100.11", "198.51.100.12"]
`, cases: []tcase{
			{name: "R1542-17 R1542-19 T22 a copy to each, hops once", msg: discover(hops(2)), up: three(discover(hops(2)).up(addrD0, cid("d0")...))},
			{
				name: "R2131-13 REQUEST for one of them reaches all", msg: request(tRequest, opt(54, 198, 51, 100, 10)),
				up: three(request(tRequest, opt(54, 198, 51, 100, 10)).up(addrD0, cid("d0")...)),
			},
			{name: "T22 request of a boot client", msg: discover(opt(60, text("PXEClient")...)), up: three(discover(opt(60, text("PXEClient")...)).up(addrD0, cid("d0")...))},
			{name: "R2131-3 a reply of the third", src: server3 + ":67", msg: offer(), down: unicast("d0", "192.0.2.77", offer())},
		}},
		{name: "servers of each interface", toml: `
[[interface]]
name = "d0"
servers = ["198.51.100.10"]

[[interface]]
name = "d1"
servers = ["198.51.100.11"]
dhcpv4.source = "giaddr"
`, cases: []tcase{
			{name: "R1542-19 CVE-2023-24510 of d0", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},
			{name: "R1542-19 CVE-2023-24510 of d1, from giaddr", on: "d1", msg: discover(), up: []sent{{server: server2, src: addrD1, msg: discover().up(addrD1, cid("d1")...)}}},
			{name: "CVE-2023-24510 malformed", on: "d1", msg: discover(options(53, 200)), drop: agent.OptionsMalformed},
			{name: "CVE-2026-20084 BOOTP stays with its own network", on: "d1", msg: bootp(), up: []sent{{server: server2, src: addrD1, msg: bootp().up(addrD1)}}},
		}},
		{name: "thresholds", toml: `
[[interface]]
name = "d0"
servers = ["198.51.100.10"]
dhcpv4.hop_limit = 16
dhcpv4.min_secs = 10
dhcpv4.bootp = false
dhcpv4.strict_min_300 = true

[[interface]]
name = "d1"
servers = ["198.51.100.10"]
dhcpv4.hop_limit = 1
`, cases: []tcase{
			{name: "R1542-10 R951-5 secs 9", msg: discover(secs(9)), drop: agent.SecsBelow},
			{name: "R1542-10 R951-5 secs 10", msg: discover(secs(10)), up: toS(discover(secs(10)).up(addrD0, cid("d0")...))},
			{name: "R1542-10 secs 0x0100 is 256", msg: discover(secs(0x0100)), up: toS(discover(secs(0x0100)).up(addrD0, cid("d0")...))},
			{name: "R1542-12 R1542-11 limit 16: hops 16", msg: discover(secs(10), hops(16)), up: toS(discover(secs(10), hops(16)).up(addrD0, cid("d0")...))},
			{name: "R1542-11 limit 16: hops 17", msg: discover(secs(10), hops(17)), drop: agent.HopLimit},
			{name: "R1542-12 limit 1: hops 1", on: "d1", msg: discover(hops(1)), up: toS(discover(hops(1)).up(addrD1, cid("d1")...))},
			{name: "R1542-12 limit 1: hops 2", on: "d1", msg: discover(hops(2)), drop: agent.HopLimit},
			{name: "R1542-6 299 octets", msg: discover(secs(10), size(299)), drop: agent.Short},
			{name: "R1542-6 300 octets", msg: discover(secs(10), size(300)), up: toS(discover(secs(10)).up(addrD0, cid("d0")...))},
			{name: "R2131-20 BOOTP refused", msg: bootp(secs(10)), drop: agent.BootpRefused},
			{name: "R2131-20 BOOTP not refused there", on: "d1", msg: bootp(), up: toS(bootp().up(addrD1))},
		}},
		{name: "always broadcast", toml: `
[[interface]]
name = "d0"
servers = ["198.51.100.10"]
dhcpv4.broadcast = true

[[interface]]
name = "d1"
servers = ["198.51.100.10"]
`, cases: []tcase{
			{name: "T5 flag cleared by the server", msg: offer(), down: broadcast("d0", offer())},
			{name: "T5 not where it is not asked for", msg: offer(giaddrOf(addrD1), yiaddr("198.51.101.9")), down: unicast("d1", "198.51.101.9", offer(giaddrOf(addrD1), yiaddr("198.51.101.9")))},
		}},
		{name: "reply sources", toml: `reply_sources = ["198.51.100.96/30"]
` + least, cases: []tcase{
			{name: "R8213-2 R2131-3 T2 within", src: stray + ":67", msg: offer(), down: unicast("d0", "192.0.2.77", offer())},
			{name: "R8213-2 R2131-3 T2 without", src: "198.51.100.101:67", msg: offer(), drop: agent.ReplySource},
			{name: "R8213-2 a configured server always", msg: offer(), down: unicast("d0", "192.0.2.77", offer())},
		}},
		{name: "source giaddr", toml: least + `dhcpv4.source = "giaddr"
`, cases: []tcase{
			{name: "R1542-34 T3 from giaddr", msg: discover(), up: []sent{{server: server1, src: addrD0, msg: discover().up(addrD0, cid("d0")...)}}},
			{name: "R1542-34 T3 from the other giaddr", on: "d1", msg: discover(), up: []sent{{server: server1, src: addrD1, msg: discover().up(addrD1, cid("d1")...)}}},
		}},
		{name: "source given", toml: least + `dhcpv4.source = "192.168.255.1"
`, host: bench().have("lo", addrLo+"/32"), cases: []tcase{
			{name: "R1542-34 T16 from the loopback's address", msg: discover(), up: []sent{{server: server1, src: addrLo, msg: discover().up(addrD0, cid("d0")...)}}},
		}},
		{name: "both roles", toml: `
[[interface]]
name = "d0"
servers = ["198.51.100.10", "198.51.101.66"]

[[interface]]
name = "d1"
servers = ["198.51.100.10"]

[[interface]]
name = "u0"
servers = ["198.51.101.66"]
`, cases: []tcase{
			{name: "T12 server among the clients of d1", msg: discover(), up: to(discover().up(addrD0, cid("d0")...), server1, "198.51.101.66")},
			{name: "T12 its reply", on: "d1", src: "198.51.101.66:67", msg: offer(), down: unicast("d0", "192.0.2.77", offer())},
			{name: "T12 R1542-21 client on the uplink", on: "u0", msg: discover(), up: to(discover().up(addrU0, cid("u0")...), "198.51.101.66")},
			{name: "T12 reply of a server by the uplink", msg: offer(), down: unicast("d0", "192.0.2.77", offer())},
			{name: "T12 reply of a stranger by the uplink", src: stray + ":67", msg: offer(), drop: agent.ReplyFromClient},
			{name: "T20 no reply where no route to the server leads", on: "d1", src: server1 + ":67", msg: offer(), drop: agent.ReplyFromClient},
		}},
		{name: "link down", toml: least, host: bench().without("d1"), cases: []tcase{
			{name: "T14 SONiC-108 reply for a link that is down", dst: addrU0, msg: offer(giaddrOf(addrD1), yiaddr("198.51.101.9")), drop: agent.LinkDown},
			{name: "T14 SONiC-108 the others are served", msg: offer(), down: unicast("d0", "192.0.2.77", offer())},
		}},
		{name: "not named", toml: `
[[interface]]
name = "d1"
servers = ["198.51.100.10"]
`, cases: []tcase{
			{name: "R1542-9 DISCOVER on a link that is not named", msg: discover(), drop: agent.NotConfigured},
			{name: "R1542-9 DISCOVER by unicast", src: "192.0.2.50", dst: addrD0, msg: discover(), drop: agent.NotConfigured},
			{name: "R1542-25 reply for it", msg: offer(), drop: agent.BogusGiaddr},
		}},
		{name: "no server", toml: `
[[interface]]
name = "d0"
servers = ["2001:db8:5::10"]

[[interface]]
name = "d1"
servers = ["198.51.100.10"]
`, cases: []tcase{
			{name: "R1542-9 R1542-19 no server of this family", msg: discover(), drop: agent.NoServer},
		}},
	}
}

// oversizeCases are option 82 that does not fit (RFC 3046, section 2.1).
func oversizeCases() []group {
	const conf = `
[[interface]]
name = "d*"
servers = ["198.51.100.10"]
dhcpv4.max_message_size = 576
`
	fits := long(570)
	over := long(571)
	padded := discover(size(576))
	return []group{
		{name: "oversize", toml: conf, cases: []tcase{
			{name: "R3046-8 exactly the limit", msg: fits, up: toS(fits.up(addrD0, cid("d0")...))},
			{name: "R3046-8 R3046-12 one octet above", msg: over, up: toS(over.up(addrD0))},
			{name: "R3046-8 room in the padding", msg: padded, up: toS(padded.up(addrD0, cid("d0")...))},
			{name: "R3046-8 R1542-7 too long without it", msg: long(1000), up: toS(long(1000).up(addrD0))},
		}},
		{name: "oversize drop", toml: conf + `dhcpv4.oversize = "drop"
`, cases: []tcase{
			{name: "R3046-8 exactly the limit is sent", msg: fits, up: toS(fits.up(addrD0, cid("d0")...))},
			{name: "R3046-8 one octet above is dropped", msg: over, drop: agent.Oversize},
		}},
	}
}
