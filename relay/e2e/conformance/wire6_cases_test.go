package conformance

import (
	"bytes"

	"dhcp-relay/cmd/lab/wire"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp6"
)

// sonic6 are the steps of SONiC's tests of dhcp6relay: the PTF steps of
// dhcpv6_relay_test.py, and the gtests that pass messages.
func sonic6() []group6 {
	first := fwd6(0, "2001:db8:8::1", "fe80::8", solicit6(), id6("theirs"))
	back := rep6(0, "2001:db8:8::1", "fe80::8", advertise6(), id6("theirs"))
	reply := msg6(dhcp6.Reply, clientID, serverID, iaNA)
	request := msg6(dhcp6.Request, clientID, serverID, iaNA)
	relay := "[" + client6 + "]:547"
	return []group6{{"SONiC steps", trusted6, []case6{
		{name: "SONiC verify_relayed_solicit_relay_forward relay_client", msg: solicit6(), up: up6(solicit6())},
		{name: "SONiC verify_relayed_advertise server_callback", on: "u0", msg: down6(advertise6()), down: toClient6(advertise6())},
		{name: "SONiC verify_relayed_request_relay_forward client_callback", msg: request, up: up6(request)},
		{name: "SONiC verify_relayed_reply", on: "u0", msg: down6(reply), down: toClient6(reply)},
		{name: "SONiC verify_relayed_relay_forward relay_relay_forw", src: relay, msg: first, up: fwd6(1, addrD06, client6, first, id6("d0"))},
		{
			name: "SONiC verify_relay_relay_reply R9915-3 R9915-38", on: "u0", msg: rep6(1, addrD06, client6, back, id6("d0")),
			down: &delivery6{"d0", relay, back},
		},
		{name: "SONiC get_relay_int_from_relay_msg", on: "u0", msg: rep6(0, "::", client6, reply, id6("d1")), down: &delivery6{"d1", "[" + client6 + "]:546", reply}},
		{name: "SONiC options above 56 R9915-10", msg: msg6(dhcp6.Solicit, clientID, opt6(143, 1), unknown6), up: up6(msg6(dhcp6.Solicit, clientID, opt6(143, 1), unknown6))},
		{name: "SONiC client_packet_handler unknown type R9915-9", msg: msg6(99), up: up6(msg6(99))},
	}}}
}

// basics6 are what only frames show: sources, destinations, ports, checksums.
func basics6() []group6 {
	from := func(src string, inner []byte) []byte { return fwd6(0, addrD06, src, inner, id6("d0"), mac6()) }
	register := msg6(dhcp6.AddrRegInform, clientID)
	registered := msg6(dhcp6.AddrRegReply, clientID)
	// Hop-by-Hop Options: next header UDP, length in units of 8 octets beyond the
	// first, options of the experimental type 0x1e, which may be skipped. The
	// kernel refuses as much padding.
	hop := append([]byte{17, 1, 0x1e, 12}, make([]byte, 12)...)
	far := append([]byte{17, 127}, make([]byte, 1022)...)
	for at, n := range map[int]byte{2: 255, 259: 255, 516: 255, 773: 249} {
		far[at], far[at+1] = 0x1e, n
	}
	return []group6{
		{"ports and addresses", least6, []case6{
			{name: "R9915-20 R6939-1 R9915-8 R9915-15 the first Solicit of a client", msg: solicit6(), up: up6(solicit6())},
			{name: "R9915-4 T25 client from port 40000", src: "[" + client6 + "]:40000", msg: solicit6(), up: up6(solicit6())},
			{name: "R9915-4 its reply goes to port 546", on: "u0", msg: down6(advertise6()), down: toClient6(advertise6())},
			{name: "R9915-4 server from port 40000", on: "u0", src: "[" + server6 + "]:40000", msg: down6(advertise6()), down: toClient6(advertise6())},
			{name: "R9915-3 a client's message to port 546", dst: "[" + toAll6 + "]:546", msg: solicit6(), ignored: true},
			{name: "R9915-2 to the group of servers", dst: "ff05::1:3", msg: solicit6(), ignored: true},
			{name: "R9915-13 R9686-1 address registration from a global address", src: global6, msg: register, up: from(global6, register)},
			{
				name: "R9686-1 its reply", on: "u0", msg: rep6(0, addrD06, global6, registered, id6("d0")),
				down: &delivery6{"d0", "[" + global6 + "]:546", registered},
			},
			{name: "R7341-1 DHCPV4-QUERY", msg: msg6(dhcp6.DHCPv4Query, unknown6), up: up6(msg6(dhcp6.DHCPv4Query, unknown6))},
			{name: "R9915-34 prefix delegation", msg: msg6(dhcp6.Solicit, clientID, iaPD), up: up6(msg6(dhcp6.Solicit, clientID, iaPD))},
			{name: "R9915-35 Relay-forward from a client", msg: fwd6(0, "::", client6, solicit6()), drop: agent.RelayForwardUntrusted},
			{name: "R9915-36 Relay-reply from a client", dst: addrD06, msg: down6(advertise6()), drop: agent.ReplyFromClient},
			{name: "R9915-36 Relay-reply from a client to all", msg: down6(advertise6()), drop: agent.ReplyFromClient},
			{name: "R9915-11 Advertise on d0", msg: advertise6(), drop: agent.ServerMessage},
			{name: "R9915-11 Reconfigure on d0", msg: msg6(dhcp6.Reconfigure, serverID), drop: agent.ServerMessage},
			{name: "R5007-1 Leasequery-reply on d0", msg: msg6(dhcp6.LeaseQueryReply, serverID), drop: agent.ServerMessage},
			{name: "R9915-11 Advertise on u0", on: "u0", msg: advertise6(), drop: agent.NotConfigured},
			{name: "R9915-29 a Reconfigure in a Relay-reply", on: "u0", msg: down6(msg6(dhcp6.Reconfigure, serverID)), down: toClient6(msg6(dhcp6.Reconfigure, serverID))},
			{name: "R8357-8 a forged port for a client", on: "u0", msg: rep6(0, addrD06, client6, advertise6(), id6("d0"), opt6(135, 0, 22)), down: toClient6(advertise6())},
		}},
		{"packets", least6, []case6{
			{name: "R8200-1 UDP checksum 0", msg: solicit6(), alter: func(p *wire.Packet) { p.UDPSum = new(uint16) }, ignored: true},
			{name: "R8200-1 wrong UDP checksum", msg: solicit6(), alter: func(p *wire.Packet) { p.UDPSum = val(uint16(0x1234)) }, ignored: true},
			{name: "R8200-2 SONiC-103 hop-by-hop options of length 1", msg: solicit6(), alter: func(p *wire.Packet) { p.Ext = hop }, up: up6(solicit6())},
			{name: "R8200-2 hop-by-hop options of length 127", msg: solicit6(), alter: func(p *wire.Packet) { p.Ext = far }, up: up6(solicit6())},
			{name: "SONiC-103 hop-by-hop options longer than the packet", msg: solicit6(), alter: func(p *wire.Packet) { p.Ext = []byte{17, 255, 1, 4, 0, 0, 0, 0} }, ignored: true},
			{name: "hop limit 1", msg: solicit6(), alter: func(p *wire.Packet) { p.TTL = val(uint8(1)) }, up: up6(solicit6())},
			{name: "SONiC-9851 UDP length 7", msg: solicit6(), alter: func(p *wire.Packet) { p.UDPLen = val(uint16(7)) }, ignored: true},
			{name: "SONiC-9851 UDP length beyond the packet", msg: solicit6(), alter: func(p *wire.Packet) { p.UDPLen = val(uint16(400)) }, ignored: true},
			{name: "SONiC-9851 empty datagram", msg: nil, drop: agent.Short},
		}},
	}
}

// options6 are options that need other settings.
func options6() []group6 {
	const port = "[[interface]]\nname = \"d0\"\nservers = [\"" + server6 + "\"]\ntrusted = true\n[interface.dhcpv6]\nsource_port = 1000\n"
	relay := "[" + client6 + "]:547"
	inner := fwd6(0, "2001:db8:8::1", "fe80::8", solicit6())
	back := rep6(0, "2001:db8:8::1", "fe80::8", advertise6())
	global := "[" + global6 + "]:547"
	big := msg6(dhcp6.Solicit, opt6(65000, bytes.Repeat([]byte{0xee}, 400)...))
	return []group6{
		{"R8357 source port", port, []case6{
			{
				name: "R8357-5 R9915-4 R9915-34 own port", msg: solicit6(), upFrom: "[" + addrU6 + "]:1000",
				up: fwd6(0, addrD06, client6, solicit6(), id6("d0"), opt6(135, 0, 0), mac6()),
			},
			{name: "R8357-7 reply to the own port", on: "u0", dst: "[" + addrU6 + "]:1000", msg: rep6(0, addrD06, client6, advertise6(), id6("d0"), opt6(135, 0, 0)), down: toClient6(advertise6())},
			{name: "reply to the usual port", on: "u0", msg: down6(advertise6()), down: toClient6(advertise6())},
		}},
		{"chains", trusted6, []case6{
			{
				name: "R8357-5 a relay's port", src: "[" + client6 + "]:1000", msg: inner,
				up: fwd6(1, addrD06, client6, inner, id6("d0"), opt6(135, 0x03, 0xe8)),
			},
			{
				name: "R8357-6 its reply", on: "u0", msg: rep6(1, addrD06, client6, back, id6("d0"), opt6(135, 0x03, 0xe8)),
				down: &delivery6{"d0", "[" + client6 + "]:1000", back},
			},
			{name: "R9915-23 a relay with a global address", src: global, msg: inner, up: fwd6(1, "::", global6, inner, id6("d0"))},
			{name: "R9915-23 R9915-3 its reply", on: "u0", msg: rep6(1, "::", global6, back, id6("d0")), down: &delivery6{"d0", global, back}},
			{name: "R9915-38 the same address on a link that is not trusted", on: "u0", msg: rep6(1, addrD16, client6, back, id6("d1")), drop: agent.RelayReplyRefused},
			{name: "R9915-5 a relay by unicast", src: global, dst: addrD06, msg: inner, up: fwd6(1, "::", global6, inner, id6("d0"))},
			{name: "R6422-2 an RSOO of another relay", src: relay, msg: fwd6(0, "::", client6, solicit6(), opt6(66)), up: fwd6(1, addrD06, client6, fwd6(0, "::", client6, solicit6(), opt6(66)), id6("d0"))},
			{name: "larger than usual", msg: big, up: up6(big)},
		}},
		{"every option", every6, []case6{{
			name: "R4649-1 R4580-1 R5460-1 R4994-1 R6422-1 R6607-v6-1 every option at once", msg: solicit6(),
			up: fwd6(0, addrD06, client6, solicit6(),
				opt6(68, 0, 'r', 'e', 'd'), id6("port d0"), opt6(37, 0, 0, 0, 9, 'r'), opt6(38, 's', 'u', 'b'),
				opt6(53, 0, 3, 0, 1, 2, 0, 0, 0, 0, 1), opt6(43, 0, 37), opt6(66, opt6(65, 3, 'e', 'r', 'p', 0)...), mac6()),
		}}},
	}
}

// every6 sets every option.
const every6 = "duid = \"00:03:00:01:02:00:00:00:00:01\"\n[[interface]]\nname = \"d0\"\nservers = [\"" + server6 + "\"]\n" + `[interface.dhcpv6]
interface_id = "port {interface}"
remote_id = { enterprise = 9, id = "r" }
subscriber_id = "sub"
relay_id = true
echo_request = [37]
vss = "red"
rsoo = [{ code = 65, data = "hex:0365727000" }]
`
