package conformance

import "dhcp-relay/relay/agent"

// suboptionCases are the suboptions of option 82 beside circuit-id, each
// switched on by its own setting.
func suboptionCases() []group {
	all := func(link, subnet, own string, flag byte) []byte {
		return o82(
			sub(1, text(link)...), sub(2, mac(link)...), sub(5, addr(subnet).AsSlice()...), sub(6, text("sub-1")...),
			sub(9, 0, 0, 0x0d, 0xe9, 2, 'a', 'b', 0, 0, 0, 9, 1, 'c'),
			sub(10, flag), sub(11, addr(own).AsSlice()...), sub(12, text("relay-1")...),
		)
	}
	d0 := all("d0", "192.0.2.0", addrD0, 0)
	d0u := all("d0", "192.0.2.0", addrD0, 0x80)
	d1 := all("d1", "198.51.101.0", addrD1, 0)
	renew := request(tRequest, ciaddr("192.0.2.50"))
	renewed := reply(tAck, ciaddr("192.0.2.50"), yiaddr("192.0.2.50"))
	return []group{
		{name: "suboptions", toml: `
[[interface]]
name = "d*"
servers = ["198.51.100.10", "198.51.100.11"]

[interface.dhcpv4.option82]
remote_id = "{mac:raw}"
link_selection = "subnet"
subscriber_id = "sub-1"
vendor = [ { enterprise = 3561, data = "ab" }, { enterprise = 9, data = "c" } ]
flags = true
server_id_override = true
relay_id = "relay-1"
`, cases: []tcase{
			{name: "R3046-2 R3046-20 R3993-1 R3993-2 R4243-1 R6925-1 each and exact", msg: discover(), up: to(discover().up(addrD0, d0...), server1, server2)},
			{name: "R3046-22 R6925-2 R6925-3 remote-id differs, relay-id does not", on: "d1", msg: discover(), up: to(discover().up(addrD1, d1...), server1, server2)},
			{name: "R3527-1 R3527-2 R6925-4 R5010-1 REQUEST", msg: request(tRequest), up: to(request(tRequest).up(addrD0, d0...), server1, server2)},
			{name: "R3527-1 R6925-4 R5010-1 INFORM", msg: request(tInform), up: to(request(tInform).up(addrD0, d0...), server1, server2)},
			{name: "R6925-4 R5010-1 DECLINE", msg: request(tDecline), up: to(request(tDecline).up(addrD0, d0...), server1, server2)},
			{name: "R5010-2 heard as broadcast", msg: discover(), up: to(discover().up(addrD0, d0...), server1, server2)},
			{name: "R5010-2 heard as subnet broadcast", src: "192.0.2.50", dst: "192.0.2.255", msg: discover(), up: to(discover().up(addrD0, d0...), server1, server2)},
			{
				name: "R5107-1 R5107-2 R5107-3 R5107-4 R5107-5 R5010-2 T6 R2131-19 renewal to the relay", src: "192.0.2.50", dst: addrD0, msg: renew,
				up: to(renew.up(addrD0, d0u...), server1, server2),
			},
			{name: "R5107-6 reply to the renewal", msg: renewed.with(opt(82, d0u[2:]...)), down: unicast("d0", "192.0.2.50", renewed)},
			{name: "R3046-10 R7819-1 all of it is removed", msg: offer(opt(82, d0[2:]...)), down: unicast("d0", "192.0.2.77", offer())},
			{name: "T19 some of it is removed", msg: offer(opt(82, 6, 5, 's', 'u', 'b', '-', '1')), down: unicast("d0", "192.0.2.77", offer())},
			{name: "R3527-3 T19 reply without option 82", msg: offer(), down: unicast("d0", "192.0.2.77", offer())},
			{name: "R2131-20 BOOTP gets none", msg: bootp(), up: to(bootp().up(addrD0), server1, server2)},
		}},
		{name: "remote-id alone", toml: `
[[interface]]
name = "d*"
servers = ["198.51.100.10"]

[interface.dhcpv4.option82]
circuit_id = ""
remote_id = "{mac}"
`, cases: []tcase{
			{name: "R3046-2 R3046-22 nothing else", msg: discover(), up: toS(discover().up(addrD0, o82(sub(2, text("02:00:5e:00:53:02")...))...))},
			{name: "R3046-10 is removed", msg: offer(opt(82, sub(2, text("02:00:5e:00:53:02")...)...)), down: unicast("d0", "192.0.2.77", offer())},
		}},
		{name: "flags alone", toml: `
[[interface]]
name = "d*"
servers = ["198.51.100.10"]

[interface.dhcpv4.option82]
circuit_id = ""
flags = true
`, cases: []tcase{
			{name: "R5010-1 R3046-2 nothing else", msg: discover(), up: toS(discover().up(addrD0, 82, 3, 10, 1, 0))},
			{name: "R5010-2 unicast", src: "192.0.2.50", dst: addrD0, msg: discover(), up: toS(discover().up(addrD0, 82, 3, 10, 1, 0x80))},
		}},
		{name: "link selection as address", toml: `
[[interface]]
name = "d*"
servers = ["198.51.100.10"]

[interface.dhcpv4.option82]
link_selection = "address"
`, cases: []tcase{
			{name: "R3527-2 T17 the interface's address", msg: discover(), up: toS(discover().up(addrD0, o82(sub(1, text("d0")...), sub(5, 192, 0, 2, 1))...))},
		}},
		{name: "link selection given", toml: `
[[interface]]
name = "d0"
servers = ["198.51.100.10"]

[interface.dhcpv4.option82]
link_selection = "10.20.30.0/24"
server_id_override = "192.0.2.254"
`, cases: []tcase{
			{
				name: "R3527-2 R5107-1 another subnet and address", msg: discover(),
				up: toS(discover().up(addrD0, o82(sub(1, text("d0")...), sub(5, 10, 20, 30, 0), sub(11, 192, 0, 2, 254))...)),
			},
		}},
		{name: "mismatch", toml: `
[[interface]]
name = "d*"
servers = ["198.51.100.10"]

[interface.dhcpv4.option82]
mismatch = "drop"
`, cases: []tcase{
			{name: "R3046-11 another's is dropped where asked for", msg: offer(opt(82, 1, 3, 'p', '1', '7')), drop: agent.Option82Mismatch},
			{name: "R3046-11 T19 ours is not, whatever else is in it", msg: offer(opt(82, 9, 1, 1, 1, 2, 'd', '0')), down: unicast("d0", "192.0.2.77", offer())},
			{name: "R3046-11 R3046-23 none is none of another", msg: offer(), down: unicast("d0", "192.0.2.77", offer())},
		}},
		sourcePortCases(),
		usualPortCases(`dhcpv4.relayed_requests = "forward"`),
		usualPortCases(`dhcpv4.relayed_requests = "append"`, cid("d0")...),
	}
}

// usualPortCases are what bears no suboption 19 where another source port is set:
// it leaves from port 67 (RFC 8357, section 5.1), and is answered there.
func usualPortCases(mode string, added ...byte) group {
	with := o82(sub(1, text("d0")...), sub(19))
	theirs := opt(82, sub(1, text("p17")...)...)
	relayed := discover(giaddrOf("10.9.8.7"))
	return group{name: "source port, " + mode, toml: `
[[interface]]
name = "d*"
servers = ["198.51.100.10"]
dhcpv4.source_port = 6700
trusted = true
dhcpv4.max_message_size = 576
` + mode + "\n", cases: []tcase{
		{name: "R8357-1 suboption 19 goes with it", msg: discover(), up: []sent{{server: server1, sport: 6700, msg: discover().up(addrD0, with...)}}},
		{name: "R8357-1 BOOTP from port 67", msg: bootp(), up: toS(bootp().up(addrD0))},
		{name: "R8357-2 reply to BOOTP", dst: addrD0 + ":67", msg: bootpReply(), down: unicast("d0", "192.0.2.77", bootpReply())},
		{name: "R8357-1 without room for option 82 from port 67", msg: discover(opt(43, fill(255, 1)...), size(576), tail(255, 1)), up: toS(discover(opt(43, fill(255, 1)...), size(576), tail(255, 1)).up(addrD0))},
		{name: "R8357-1 with a switch's option 82 from port 67", msg: discover(theirs), up: toS(discover(theirs).up(addrD0))},
		{name: "R8357-2 reply to it", dst: addrD0 + ":67", msg: offer(theirs), down: unicast("d0", "192.0.2.77", offer(theirs))},
		{name: "R8357-1 R3046-28 another relay's request from port 67", on: "d0", src: "10.9.8.7:67", dst: addrD0, msg: relayed, up: toS(relayed.up("", added...))},
		{name: "R8357-1 another relay's BOOTP from port 67", on: "d0", src: "10.9.8.7:67", dst: addrD0, msg: bootp(giaddrOf("10.9.8.7")), up: toS(bootp(giaddrOf("10.9.8.7")).up(""))},
	}}
}

// sourcePortCases are a source port other than 67 (RFC 8357).
func sourcePortCases() group {
	with := o82(sub(1, text("d0")...), sub(19))
	out := func(m message) []sent { return []sent{{server: server1, sport: 6700, msg: m}} }
	return group{name: "source port", toml: `
[[interface]]
name = "d*"
servers = ["198.51.100.10"]
dhcpv4.source_port = 6700
`, cases: []tcase{
		{name: "R8357-1 suboption 19 goes with it", msg: discover(), up: out(discover().up(addrD0, with...))},
		{name: "R8357-2 reply to that port", dst: addrD0 + ":6700", msg: offer(opt(82, with[2:]...)), down: unicast("d0", "192.0.2.77", offer())},
		{name: "R8357-3 T1 reply to port 67 all the same", dst: addrD0 + ":67", msg: offer(), down: unicast("d0", "192.0.2.77", offer())},
	}}
}

// vssCases are virtual subnet selection (RFC 6607).
func vssCases() []group {
	red := o82(sub(1, text("d0")...), sub(151, 0, 'r', 'e', 'd'), sub(152))
	id := o82(sub(1, text("d0")...), sub(151, 1, 0, 0, 0x5e, 1, 2, 3, 4), sub(152))
	global := o82(sub(1, text("d0")...), sub(151, 255), sub(152))
	conf := func(vss string) string {
		return `
[[server]]
address = "198.51.100.11"
vss = false

[[interface]]
name = "d*"
servers = ["198.51.100.10", "198.51.100.11"]

[interface.dhcpv4.option82]
vss = ` + vss + "\n"
	}
	both := func(with []byte) []sent {
		return []sent{{server: server1, msg: discover().up(addrD0, with...)}, {server: server2, msg: discover().up(addrD0, cid("d0")...)}}
	}
	echo := func(b []byte) mod { return opt(82, b[2:]...) }
	return []group{
		{name: "vss name", toml: conf(`"red"`), cases: []tcase{
			{name: "R6607-1 R6607-2 R6607-3 R6607-6 R6607-7 T15 to the server that understands it", msg: discover(), up: both(red)},
			{name: "R6607-4 honoured: VSS alone comes back", msg: offer(echo(red[:len(red)-2])), down: unicast("d0", "192.0.2.77", offer())},
			{name: "R6607-4 ignored: both come back", msg: offer(echo(red)), drop: agent.VSSIgnored},
			{name: "R6607-5 another VPN", msg: offer(opt(82, 1, 2, 'd', '0', 151, 7, 0, 'n', 'o', 's', 'u', 'c', 'h')), drop: agent.VSSUnknown},
			{name: "R6607-3 type 255 with data", msg: offer(opt(82, 1, 2, 'd', '0', 151, 2, 255, 1)), drop: agent.VSSUnknown},
			{name: "R6607-3 VSS without a type", msg: offer(opt(82, 1, 2, 'd', '0', 151, 0)), drop: agent.VSSUnknown},
			{name: "R6607-4 neither comes back", msg: offer(echo(cid("d0"))), down: unicast("d0", "192.0.2.77", offer())},
		}},
		{name: "vss id", toml: conf(`"vpn:00005e:01020304"`), cases: []tcase{
			{name: "R6607-3 type 1 of seven octets", msg: discover(), up: both(id)},
		}},
		{name: "vss global", toml: conf(`"global"`), cases: []tcase{
			{name: "R6607-3 R6607-8 type 255 alone", msg: discover(), up: both(global)},
			{name: "R6607-4 the echo of it", msg: offer(echo(global[:len(global)-2])), down: unicast("d0", "192.0.2.77", offer())},
		}},
	}
}
