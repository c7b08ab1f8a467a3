package conformance

import (
	"dhcp-relay/relay/agent"
)

// option82Cases are option 82 as it is by default, on untrusted interfaces
// (RFC 3046).
func option82Cases() group {
	ours := opt(82, 1, 2, 'd', '0')
	foreign := opt(82, 1, 3, 'p', '1', '7')
	g := group{name: "option82", toml: least, cases: []tcase{
		{
			name: "R3046-3 before END, padding after it", msg: discover(opt(12, 'h'), size(400)),
			up: toS(discover(opt(12, 'h'), size(400)).up(addrD0, cid("d0")...)),
		},
		{
			name: "R3046-3 R1542-18 padding gives way as far as it goes", msg: discover(opt(43, fill(60, 7)...), size(318)),
			up: toS(discover(opt(43, fill(60, 7)...), size(318)).up(addrD0, cid("d0")...)),
		},
		{name: "R3046-4 DISCOVER", msg: request(tDiscover), up: toS(request(tDiscover).up(addrD0, cid("d0")...))},
		{name: "R3046-4 REQUEST", msg: request(tRequest), up: toS(request(tRequest).up(addrD0, cid("d0")...))},
		{name: "R3046-4 DECLINE", msg: request(tDecline), up: toS(request(tDecline).up(addrD0, cid("d0")...))},
		{name: "R3046-4 RELEASE by broadcast", msg: request(tRelease), up: toS(request(tRelease).up(addrD0, cid("d0")...))},
		{name: "R3046-4 INFORM", msg: request(tInform), up: toS(request(tInform).up(addrD0, cid("d0")...))},
		{name: "R3046-5 R3527-6 T18 from a client", msg: discover(foreign), drop: agent.UntrustedOption82},
		{name: "R3046-5 even if it is ours", msg: discover(ours), drop: agent.UntrustedOption82},
		{name: "R3046-6 before option 53", msg: discover(options(82, 4, 1, 2, 'd', '0', 53, 1, 1)), drop: agent.UntrustedOption82},
		{name: "R3046-6 in two parts", msg: discover(opt(82, 1, 3, 'p'), opt(12, 'h'), opt(82, '1', '7')), drop: agent.UntrustedOption82},
		{name: "R3046-6 empty", msg: discover(opt(82)), drop: agent.UntrustedOption82},
		{name: "R3046-6 after padding", msg: discover(options(53, 1, 1, 0, 0, 0, 0, 0, 82, 3, 1, 1, 'x')), drop: agent.UntrustedOption82},
		{name: "R3046-6 R3396-1 in sname", msg: discover(opt(52, 2), sname(82, 6, 5, 4, 10, 0, 0, 0, 255)), drop: agent.UntrustedOption82},
		{name: "R3046-6 R3396-1 in file", msg: discover(opt(52, 1), file(82, 6, 5, 4, 10, 0, 0, 0, 255)), drop: agent.UntrustedOption82},
		{name: "R3046-6 R3396-1 from file on into sname", msg: discover(opt(52, 3), file(82, 2, 5, 4, 255), sname(82, 4, 10, 0, 0, 0, 255)), drop: agent.UntrustedOption82},
		{name: "R3046-6 in sname that holds no options", msg: discover(opt(52, 1), sname(82, 6, 5, 4, 10, 0, 0, 0, 255)), up: toS(discover(opt(52, 1), sname(82, 6, 5, 4, 10, 0, 0, 0, 255)).up(addrD0, cid("d0")...))},
		{name: "R3527-6 link selection from a client", msg: discover(opt(82, 5, 4, 10, 0, 0, 0)), drop: agent.UntrustedOption82},
		{
			name: "R3046-6 after END it is no option", msg: discover(size(0), tail(255, 82, 4, 1, 2, 'd', '0')),
			up: toS(discover(size(0), tail(255, 82, 4, 1, 2, 'd', '0')).up(addrD0, cid("d0")...)),
		},
		{
			name: "R3046-12 sname and file are no place for it", msg: discover(opt(52, 3), sname(255), file(255)),
			up: toS(discover(opt(52, 3), sname(255), file(255)).up(addrD0, cid("d0")...)),
		},
		{name: "R3046-16 T11 giaddr of the interface", msg: discover(giaddrOf(addrD0)), drop: agent.GiaddrSpoof},
		{name: "R3046-16 giaddr of the uplink", msg: discover(giaddrOf(addrU0)), drop: agent.GiaddrSpoof},
		{name: "R3046-16 giaddr of the other network", msg: discover(giaddrOf(addrD1)), drop: agent.GiaddrSpoof},
		{name: "R3046-18 giaddr from a client", msg: discover(giaddrOf("10.9.8.7")), drop: agent.GiaddrUntrusted},
		{name: "R3046-20 option 82 parses exactly", msg: discover(), up: toS(discover().up(addrD0, 82, 4, 1, 2, 'd', '0'))},

		{name: "R3046-10 T19 ours is removed", msg: offer(ours), down: unicast("d0", "192.0.2.77", offer())},
		{name: "R3046-11 on untrusted ones any is removed", msg: offer(foreign), down: unicast("d0", "192.0.2.77", offer())},
		{name: "R3046-11 R7819-1 all of several are removed", msg: offer(ours, foreign), down: unicast("d0", "192.0.2.77", offer())},
		{name: "R3046-13 only the options field counts", msg: overloaded().with(ours), down: unicast("d0", "192.0.2.77", overloaded())},
		{name: "R3046-20 suboption of length 0", msg: offer(opt(82, 1, 0)), down: unicast("d0", "192.0.2.77", offer())},
		{name: "R3046-20 CVE-2018-0173 suboption beyond option 82", msg: offer(opt(82, 1, 3, 'd', '0')), drop: agent.Option82Malformed},
		{name: "R3046-20 CVE-2018-0173 half a suboption", msg: offer(opt(82, 1)), drop: agent.Option82Malformed},
		{name: "R3046-20 CVE-2018-0173 suboption of 255", msg: offer(opt(82, 1, 255)), drop: agent.Option82Malformed},
		{name: "CVE-2018-0173 good one and half a one", msg: offer(opt(82, 1, 2, 'd', '0', 2)), drop: agent.Option82Malformed},
		{name: "CVE-2018-0174 reserved suboptions", msg: offer(opt(82, 0, 1, 9, 255, 0, 3, 1, 1, 1, 2, 'd', '0')), down: unicast("d0", "192.0.2.77", offer())},
		{name: "R3046-23 R3527-3 T19 reply without option 82", msg: offer(), down: unicast("d0", "192.0.2.77", offer())},
		{
			name: "R3046-24 T19 first", msg: offer(options(82, 4, 1, 2, 'd', '0', 53, 1, 2, 3, 4, 192, 0, 2, 1)),
			down: unicast("d0", "192.0.2.77", offer(options(53, 1, 2, 3, 4, 192, 0, 2, 1))),
		},
		{
			name: "R3046-24 T19 in the middle, padding around", msg: offer(options(53, 1, 2, 0, 82, 4, 1, 2, 'd', '0', 0, 3, 4, 192, 0, 2, 1)),
			down: unicast("d0", "192.0.2.77", offer(options(53, 1, 2, 0, 0, 3, 4, 192, 0, 2, 1))),
		},
		{name: "R3046-27 R1542-37 from exactly 300 octets", msg: offer(ours, size(300)), down: unicast("d0", "192.0.2.77", offer(size(300)))},
		{name: "R3046-27 R1542-30 six octets less than 560", msg: offer(ours, size(560)), down: unicast("d0", "192.0.2.77", offer(size(554)))},
		{name: "R3046-27 from a message without padding", msg: offer(ours, size(0)), down: unicast("d0", "192.0.2.77", offer())},
		{name: "R3046-27 from a message without END", msg: offer(ours, size(0), tail()), down: unicast("d0", "192.0.2.77", offer(tail()))},
		{name: "R3046-27 R3396-4 what follows END stays", msg: offer(ours, size(0), tail(255, 'j', 'u', 'n', 'k')), down: unicast("d0", "192.0.2.77", offer(tail(255, 'j', 'u', 'n', 'k')))},
		{name: "T19 R4030-11 suboptions in another order and one altered", msg: offer(opt(82, 8, 2, 9, 9, 1, 2, 'd', '0')), down: unicast("d0", "192.0.2.77", offer())},
		{name: "R3046-25 R1542-21 not to other clients", msg: discover(flags(0x8000)), up: toS(discover(flags(0x8000)).up(addrD0, cid("d0")...))},
		{name: "R3396-3 R4030-1 R8357-1 one option, no suboption unasked for", msg: discover(), up: toS(discover().up(addrD0, 82, 4, 1, 2, 'd', '0'))},
	}}
	for _, a := range []string{"0.1.2.3", "127.0.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"} {
		g.cases = append(g.cases, tcase{name: "R3046-19 giaddr " + a, msg: discover(giaddrOf(a)), drop: agent.GiaddrInvalid})
	}
	return g
}

// offCases are a relay that is told to add no option 82.
func offCases() group {
	return group{name: "option82 off", toml: `
[[interface]]
name = "d*"
servers = ["198.51.100.10"]
dhcpv4.option82 = false
`, cases: []tcase{
		{name: "R3046-1 nothing is added", msg: discover(), up: toS(discover().up(addrD0))},
		{name: "R3046-1 R1542-18 every other field stays", msg: full(), up: toS(full().up(addrD0))},
		{name: "R3046-1 R2131-16 nor END", msg: discover(tail()), up: toS(discover(tail()).up(addrD0))},
		{name: "R3046-5 a client's is dropped all the same", msg: discover(opt(82, 1, 1, 'x')), drop: agent.UntrustedOption82},
		{name: "R3046-23 reply", msg: offer(), down: unicast("d0", "192.0.2.77", offer())},
	}}
}

// trustedCases are interfaces where switches and relays are attached.
func trustedCases() group {
	foreign := opt(82, 1, 3, 'p', '1', '7', 2, 2, 's', 'w')
	relayed := giaddrOf("10.9.8.7")
	return group{name: "trusted", toml: `
[[interface]]
name = "d*"
servers = ["198.51.100.10"]
trusted = true
`, cases: []tcase{
		{name: "R3046-7 T18 a switch's option 82 stays alone", msg: discover(foreign), up: toS(discover(foreign).up(addrD0))},
		{name: "R3046-7 without one ours is added", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},
		{name: "CVE-2018-0172 option 82 of length 0", msg: discover(opt(82)), drop: agent.Option82Malformed},
		{name: "CVE-2018-0172 of length 1", msg: discover(opt(82, 1)), drop: agent.Option82Malformed},
		{name: "CVE-2018-0172 suboption overruns", msg: discover(relayed, opt(82, 1, 9, 'x')), drop: agent.Option82Malformed},
		{name: "CVE-2018-0172 suboption of 255", msg: discover(relayed, opt(82, 1, 255, 'x')), drop: agent.Option82Malformed},
		{name: "CVE-2018-0172 option 82 of 255", msg: discover(relayed, opt(82, append([]byte{1, 253}, fill(253, 'x')...)...)), up: toS(discover(relayed, opt(82, append([]byte{1, 253}, fill(253, 'x')...)...)).up(""))},
		{name: "CVE-2018-0174 reserved suboptions", msg: discover(relayed, opt(82, 0, 0, 255, 1, 1)), up: toS(discover(relayed, opt(82, 0, 0, 255, 1, 1)).up(""))},
		{name: "R3046-17 R1542-15 R3046-28 relayed with option 82", on: "d0", src: "10.9.8.7:67", dst: addrD0, msg: discover(relayed, foreign), up: toS(discover(relayed, foreign).up(""))},
		{name: "R3046-17 R1542-15 relayed without", on: "d0", src: "10.9.8.7:67", dst: addrD0, msg: discover(relayed), up: toS(discover(relayed).up(""))},
		{name: "RFC 4388, section 6.2: a router's leasequery", on: "d0", src: "10.9.8.7:67", dst: addrD0, msg: request(tLeaseQuery, relayed), up: toS(request(tLeaseQuery, relayed).up(""))},
		{name: "RFC 4388, section 7: a client's leasequery, trusted or not", msg: request(tLeaseQuery), drop: agent.TypeRefused},
		{name: "R1542-15 relayed BOOTP", msg: bootp(relayed), up: toS(bootp(relayed).up(""))},
		{name: "R1542-11 R1542-12 hops of a relayed request", msg: discover(relayed, hops(5)), drop: agent.HopLimit},
		{name: "R3046-16 spoofed giaddr, trusted or not", msg: discover(giaddrOf(addrD0)), drop: agent.GiaddrSpoof},
		{name: "R3046-16 spoofed with option 82", msg: discover(giaddrOf(addrU0), foreign), drop: agent.GiaddrSpoof},
		{name: "R3046-19 giaddr 127.0.0.1", msg: discover(giaddrOf("127.0.0.1")), drop: agent.GiaddrInvalid},
		{name: "R3046-11 T19 a switch's option 82 reaches it", msg: offer(foreign), down: unicast("d0", "192.0.2.77", offer(foreign))},
		{name: "R3046-10 R3046-11 ours does not", msg: offer(opt(82, 1, 2, 'd', '0')), down: unicast("d0", "192.0.2.77", offer())},
		{name: "T11 replies from here are refused all the same", on: "d0", src: "192.0.2.66:67", dst: addrD0, msg: offer(), drop: agent.ReplyFromClient},
	}}
}

// relayedModes are what becomes of requests that another relay has relayed, in
// the three modes beside the default.
func relayedModes() []group {
	const conf = `
[[interface]]
name = "d*"
servers = ["198.51.100.10"]
trusted = true
dhcpv4.relayed_requests = `
	theirs := o82(sub(1, text("p17")...))
	m := discover(giaddrOf("10.9.8.7"))
	with := m.with(opt(82, sub(1, text("p17")...)...))
	first := tcase{name: "R3046-28 the first relay of a request is no other one", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))}
	return []group{
		{name: "append", toml: conf + `"append"`, cases: []tcase{
			first,
			{name: "R3046-28 append to none", msg: m, up: toS(m.up("", cid("d0")...))},
			{name: "R3046-28 append to one", msg: with, up: toS(m.up("", append(theirs, cid("d0")...)...))},
			{name: "R3046-28 BOOTP", msg: bootp(giaddrOf("10.9.8.7")), up: toS(bootp(giaddrOf("10.9.8.7")).up(""))},
		}},
		{name: "replace", toml: conf + `"replace"`, cases: []tcase{
			first,
			{name: "R3046-28 replace none", msg: m, up: toS(m.up("", cid("d0")...))},
			{name: "R3046-28 replace one", msg: with, up: toS(m.up("", cid("d0")...))},
			{name: "R3046-28 replace two", msg: with.with(opt(12, 'h'), opt(82, 2, 1, 'r')), up: toS(m.with(opt(12, 'h')).up("", cid("d0")...))},
		}},
		{name: "discard", toml: conf + `"drop"`, cases: []tcase{
			first,
			{name: "R3046-28 drop without option 82", msg: m, drop: agent.GiaddrRefused},
			{name: "R3046-28 drop with option 82", msg: with, drop: agent.GiaddrRefused},
			{name: "R3046-28 drop BOOTP", msg: bootp(giaddrOf("10.9.8.7")), drop: agent.GiaddrRefused},
		}},
	}
}
