package conformance

import (
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp6"
)

// forge6 are the dialogues of Kea's test suite forge, tests/dhcp/protocol/
// test_v6_relay.py, with R in the middle: what its relay sends comes from R, and
// what its server sends is what R gets.
func forge6() []group6 {
	var dialogues []case6
	for _, d := range []struct {
		name      string
		ask, told dhcp6.Type
		options   [][]byte
	}{
		{"solicit_advertise", dhcp6.Solicit, dhcp6.Advertise, [][]byte{clientID, iaNA, elapsed}},
		{"solicit_reply", dhcp6.Solicit, dhcp6.Reply, [][]byte{clientID, iaNA, opt6(14)}},
		{"request_reply", dhcp6.Request, dhcp6.Reply, [][]byte{clientID, serverID, iaNA}},
		{"confirm_reply", dhcp6.Confirm, dhcp6.Reply, [][]byte{clientID, iaNA}},
		{"renew_reply", dhcp6.Renew, dhcp6.Reply, [][]byte{clientID, serverID, iaNA, iaPD}},
		{"rebind_reply", dhcp6.Rebind, dhcp6.Reply, [][]byte{clientID, iaNA}},
		{"release_reply", dhcp6.Release, dhcp6.Reply, [][]byte{clientID, serverID, iaNA}},
		{"decline_reply", dhcp6.Decline, dhcp6.Reply, [][]byte{clientID, serverID, iaNA}},
		{"information_request_reply", dhcp6.InformationRequest, dhcp6.Reply, [][]byte{elapsed}},
	} {
		ask, told := msg6(d.ask, d.options...), msg6(d.told, append(d.options, serverID)...)
		dialogues = append(
			dialogues,
			case6{name: "forge relay_message_" + d.name + " up", msg: ask, up: up6(ask)},
			case6{name: "forge relay_message_" + d.name + " down", on: "u0", msg: down6(told), down: toClient6(told)},
		)
	}
	return []group6{
		{"forge messages", least6, append(dialogues, []case6{
			{name: "forge relay_message_unicast_global R9915-5", dst: addrD06, msg: solicit6(), drop: agent.UnicastClient},
			{name: "forge relay_message_unicast_local R9915-5", dst: routerLL, msg: solicit6(), drop: agent.UnicastClient},
			{name: "forge relay_message_interfaceid R9915-19", on: "u0", msg: down6(msg6(dhcp6.Reply, clientID)), down: toClient6(msg6(dhcp6.Reply, clientID))},
		}...)},
		{"forge interface", least6, ways6()},
		{"forge relay_interface_two_subnets_same_interface_id", sameID6, []case6{
			{name: "forge relay_interface_two_subnets_same_interface_id R9915-28", on: "u0", msg: rep6(0, addrD06, client6, advertise6(), id6("same")), drop: agent.AmbiguousReply},
			{
				name: "forge relay_relayaddress_interface_id_two_subnets", on: "u0", msg: rep6(0, addrD16, client6, advertise6()),
				down: &delivery6{"d1", "[" + client6 + "]:546", advertise6()},
			},
		}},
		{"forge invalid", trusted6, invalid6()},
		{"forge encapsulate", trusted6, nested6()},
		{"Pkt6Test", trusted6, garbage6()},
	}
}

// sameID6 gives two links the same Interface-Id.
const sameID6 = "[[interface]]\nname = \"d*\"\nservers = [\"" + server6 + "\"]\n[interface.dhcpv6]\ninterface_id = \"same\"\n"

// ways6 are the ways of a reply: by Interface-Id, then by link-address.
func ways6() []case6 {
	d1 := &delivery6{"d1", "[" + client6 + "]:546", advertise6()}
	rep := func(link string, opts ...[]byte) []byte { return rep6(0, link, client6, advertise6(), opts...) }
	return []case6{
		{name: "forge relay_interface_local_and_relay_interface_in_the_same_subnet", on: "u0", msg: rep(addrD06, id6("d0")), down: toClient6(advertise6())},
		{name: "forge relay_interface_two_subnets R9915-27", on: "u0", msg: rep(addrD16, id6("d1")), down: d1},
		{name: "forge relay_interface_one_subnet_not_matching_id R9915-27", on: "u0", msg: rep(addrD06, id6("d7")), down: toClient6(advertise6())},
		{name: "R9915-28 Interface-Id and link-address of no link", on: "u0", msg: rep("2001:db8:7::1", id6("d7")), drop: agent.UnknownLink},
		{name: "forge relay_relayaddress_two_subnets d0", on: "u0", msg: rep(addrD06), down: toClient6(advertise6())},
		{name: "forge relay_relayaddress_two_subnets d1", on: "u0", msg: rep(addrD16), down: d1},
		{name: "forge relay_relayaddress_interface_id_just_one_matching R9915-27", on: "u0", msg: rep(addrD06, id6("d1")), down: d1},
		{name: "forge relay_relayaddress_interface_id_just_one_matching_2", on: "u0", msg: rep("2001:db8:7::1", id6("d1")), down: d1},
		{name: "forge relay_relayaddress_interface_id_just_one_matching_3", on: "u0", msg: rep("::", id6("d1")), down: d1},
		{name: "forge relay_relayaddress_interface_id_two_subnets_2", on: "u0", msg: rep(addrD16, id6("d1"), unknown6), down: d1},
		{name: "forge relay_relayaddress_not_matching R9915-28", on: "u0", msg: rep("2001:db8:7::1"), drop: agent.UnknownLink},
		{name: "forge relay_relayaddress_within_subnet R9915-28", on: "u0", msg: rep("2001:db8:1::77"), drop: agent.UnknownLink},
		{name: "R9915-30 options around option 9", on: "u0", msg: relay6(dhcp6.RelayReply, 0, addrD06, client6, unknown6, id6("d1"), opt6(9, advertise6()...), mac6()), down: d1},
	}
}

// invalid6 are options that have no place in a Relay-forward: the server's
// matter, and so not R's.
func invalid6() []case6 {
	var out []case6
	for _, o := range []struct {
		name   string
		option []byte
	}{
		{"with_client_id", clientID},
		{"with_server_id", serverID},
		{"options_preference", opt6(7, 255)},
		{"options_time", elapsed},
		{"options_option_request", opt6(6, 0, 23)},
		{"options_server_unicast", opt6(12, make([]byte, 16)...)},
		{"options_status_code", success},
		{"options_rapid_commit", opt6(14)},
		{"options_reconfigure", opt6(19, 5)},
		{"options_reconfigure_accept", opt6(20)},
	} {
		m := fwd6(0, "2001:db8:8::1", "fe80::8", solicit6(), o.option)
		out = append(
			out,
			case6{name: "forge relay_invalid_" + o.name + " up", src: "[" + client6 + "]:547", msg: m, up: fwd6(1, addrD06, client6, m, id6("d0"))},
			case6{name: "forge relay_invalid_" + o.name + " down", on: "u0", msg: rep6(0, addrD06, client6, advertise6(), o.option, id6("d0")), down: toClient6(advertise6())},
		)
	}
	return out
}

// levels6 is a Solicit in n Relay-forwards.
func levels6(n int) []byte {
	m := solicit6()
	for i := range n {
		m = fwd6(byte(i), "2001:db8:8::1", "fe80::8", m)
	}
	return m
}

// nested6 are chains of relays before R.
func nested6() []case6 {
	eight := levels6(8)
	forged := levels6(12)
	forged[1] = 7 // the hop-count lies
	return []case6{
		{name: "forge relay_encapsulate_8lvl R9915-21 R9915-24", src: "[" + client6 + "]:547", msg: eight, up: fwd6(8, addrD06, client6, eight, id6("d0"))},
		{name: "forge relay_encapsulate_12lvl R9915-21", src: "[" + client6 + "]:547", msg: levels6(12), drop: agent.HopLimit},
		{name: "R9915-22 only the outermost hop-count counts", src: "[" + client6 + "]:547", msg: forged, up: fwd6(8, addrD06, client6, forged, id6("d0"))},
		{name: "R9915-21 hop-count 255", src: "[" + client6 + "]:547", msg: fwd6(255, "::", client6, solicit6()), drop: agent.HopLimit},
	}
}

// garbage6 are the negative vectors of Kea's Pkt6Test, both ways.
func garbage6() []case6 {
	from := "[" + client6 + "]:547"
	return []case6{
		{name: "Pkt6Test garbageRelayForw R9915-32", src: from, msg: relay6(dhcp6.RelayForward, 0, "::", client6, []byte("garbage")), drop: agent.OptionsMalformed},
		{name: "Pkt6Test emptyMsgRelayForw R9915-31", src: from, msg: fwd6(0, "::", client6, nil), drop: agent.NoRelayMessage},
		{name: "Pkt6Test noMsgRelayForw R9915-31", src: from, msg: relay6(dhcp6.RelayForward, 0, "::", client6, id6("x")), drop: agent.NoRelayMessage},
		{name: "Pkt6Test emptyRelayForw R9915-31", src: from, msg: relay6(dhcp6.RelayForward, 0, "::", client6), drop: agent.NoRelayMessage},
		{name: "garbage Relay-reply R9915-32", on: "u0", msg: relay6(dhcp6.RelayReply, 0, addrD06, client6, []byte("garbage")), drop: agent.OptionsMalformed},
		{name: "empty message in a Relay-reply R9915-31 CVE-2024-20446", on: "u0", msg: rep6(0, addrD06, client6, nil, id6("d0")), drop: agent.NoRelayMessage},
		{name: "no message in a Relay-reply R9915-31", on: "u0", msg: relay6(dhcp6.RelayReply, 0, addrD06, client6, id6("d0")), drop: agent.NoRelayMessage},
		{name: "Relay-reply for nobody CVE-2024-20446", on: "u0", msg: rep6(0, addrD06, "::", advertise6(), id6("d0")), drop: agent.PeerInvalid},
		{name: "option longer than the message CVE-2017-14494", src: from, msg: append(fwd6(0, "::", client6, solicit6()), 0, 18, 0xff, 0xff), drop: agent.OptionsMalformed},
		{name: "option 9 longer than the message CVE-2022-0324", on: "u0", msg: relay6(dhcp6.RelayReply, 0, addrD06, client6, []byte{0, 9, 0xff, 0xff}), drop: agent.OptionsMalformed},
	}
}
