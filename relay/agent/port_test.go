package agent

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/class"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp6"
)

// portHost is testHost with d0 a bridge, of which swp1s2 and swp7 are ports, and another
// bridge with a port of its own.
func portHost() []giaddr.Link {
	host := testHost()
	host[0].Kind, host[0].FDB.Bridge = "bridge", 2
	host[0].VLAN, host[0].OuterVLAN = 30, 200
	port := func(index int, name, alias, master string) giaddr.Link {
		return giaddr.Link{Index: index, Name: name, Alias: alias, Master: master, Type: 1, MTU: 1500, Up: true}
	}
	return append(host,
		port(20, "swp1s2", "second floor", "d0"),
		port(21, "swp7", "", "d0"),
		port(22, "swp8", "", "other"),
		giaddr.Link{Index: 23, Name: "other", Kind: "bridge", FDB: giaddr.FDB{Bridge: 23}, Type: 1, MTU: 1500, Up: true})
}

// portRelay returns what relays d0 with these identifiers.
func portRelay(t testing.TB, circuit, remote, subscriber string) *Snapshot {
	t.Helper()
	p := testPolicy(t)
	o := &p.Interfaces[0].V4.Option82
	o.CircuitID, o.RemoteID, o.SubscriberID = mustTemplate(circuit), mustTemplate(remote), mustTemplate(subscriber)
	s, problems := Compile(p, portHost())
	for _, p := range problems {
		if p.Interface == "d0" {
			t.Error(p)
		}
	}
	return s
}

// relayed4 returns option 82 of a Discover as it is relayed, and the verdict.
func relayed4(t testing.TB, s *Snapshot, in Ingress) (bootp.RelayInfo, Verdict) {
	t.Helper()
	b := Buf{Store: make([]byte, 2048)}
	b.Len = copy(b.Store, testMessage(1, bootp.Discover, netip.Addr{}))
	v := s.Relay4(&b, in)
	if v.Reason != Relayed {
		t.Fatal(v.Reason)
	}
	p := bootp.Packet(b.Bytes())
	opts, ok := p.Scan()
	if !ok || opts.NumRelay != 1 {
		t.Fatalf("%d options 82 in %x", opts.NumRelay, p)
	}
	info := bootp.RelayInfo(p.RelayValue(&opts, nil))
	if !info.Valid() {
		t.Fatalf("option 82 is broken: %x", info)
	}
	return info, v
}

func TestPortInOption82(t *testing.T) {
	t.Parallel()
	mac := []byte{2, 0, 0, 0, 0xcc, 9}
	for _, c := range []struct {
		name, template, want string
		port                 int
		mac                  []byte
		unknown              bool
	}{
		{"port", "{port}", "swp7", 21, nil, false},
		{"among text", "a{port}b{port}c", "aswp7bswp7c", 21, nil, false},
		{"alias", "{interface}:{port_alias}", "d0:second floor", 20, nil, false},
		{"no alias", "{port_alias}", "swp7", 21, nil, false},
		{"numbers", "eth {port_slot}/{port_number}", "eth 1/2", 20, nil, false},
		{"one number", "eth {port_slot}/{port_number}", "eth 0/7", 21, nil, false},
		{"octets", "{hex:0004}{vlan:raw}{port_slot:raw}{port_number:raw}", "\x00\x04\x00\x1e\x01\x02", 20, nil, false},
		{"stacked VLANs", "{svlan}.{cvlan}", "200.30", 21, nil, false},
		{"a length", "{hex:00}{length}{port}/{vlan:raw}", "\x00\x07swp7/\x00\x1e", 21, nil, false},
		{"a length amid", "{port}{length}{port_alias}{length}x{port}", "swp1s2\x14second floor\x07xswp1s2", 20, nil, false},
		{"client", "{client_mac}", "02:00:00:00:cc:09", 0, mac, false},
		{"client in octets", "{hex:0006}{client_mac:raw}", "\x00\x06\x02\x00\x00\x00\xcc\x09", 0, mac, false},
		{"nobody knows", "{port}", "unknown", 0, nil, true},
		{"a port that is not there any more", "{port}", "unknown", 99, nil, true},
		{"a port of another bridge", "{port}", "unknown", 22, nil, true},
		{"an interface that is no port", "{port}", "unknown", 4, nil, true},
		{"unknown octets", "{port_number:raw}{client_mac:raw}", "\xff\x00\x00\x00\x00\x00\x00", 0, nil, true},
		{"unknown client", "{client_mac}", "unknown", 21, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := portRelay(t, c.template, "remote", c.template)
			info, v := relayed4(t, s, Ingress{Link: 2, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255"), Port: c.port, MAC: c.mac})
			circuit, _ := info.Sub(bootp.SubCircuitID)
			remote, _ := info.Sub(bootp.SubRemoteID)
			if diff := cmp.Diff([]string{c.want, "remote"}, []string{string(circuit), string(remote)}); diff != "" {
				t.Errorf("circuit-id and remote-id (-want +got):\n%s", diff)
			}
			subscriber, _ := info.Sub(bootp.SubSubscriberID)
			flags, ok := info.Sub(bootp.SubFlags)
			if string(subscriber) != c.want || !ok || !bytes.Equal(flags, []byte{0}) {
				t.Errorf("subscriber-id %q, flags %x", subscriber, flags)
			}
			if v.Unidentified != c.unknown {
				t.Errorf("unidentified: %v", v.Unidentified)
			}
		})
	}
}

// A reply finds the interface by a circuit-id that each client has in a form of its own,
// also where several share a giaddr, and loses option 82 on the way.
func TestRepliesFindPorts(t *testing.T) {
	t.Parallel()
	p := testPolicy(t)
	p.Interfaces[0].V4.Option82.CircuitID = mustTemplate("{interface}/{port}")
	p.Interfaces[0].V4.Address = giaddr.Rule{Kind: giaddr.Borrowed, Link: "d0"}
	s, _ := Compile(p, portHost())
	for _, c := range []struct {
		circuit, want string
		reason        Reason
	}{
		{"d0/swp7", "d0", Relayed},
		{"d1/unknown", "d1", Relayed},
		{"d0/unknown", "d0", Relayed},
		{"d2/swp7", "", AmbiguousReply},
		{"d0", "", AmbiguousReply},
	} {
		info := append([]byte{bootp.OptionRelay, byte(len(c.circuit) + 2), bootp.SubCircuitID, byte(len(c.circuit))}, c.circuit...)
		b := Buf{Store: make([]byte, 2048)}
		b.Len = copy(b.Store, testMessage(2, bootp.Offer, s.Links[0].Side[0].Addr(), info...))
		v := s.Relay4(&b, Ingress{Link: 4, Src: server, Dst: s.Links[0].Side[0].Addr()})
		got := ""
		if v.Link != nil {
			got = v.Link.Host.Name
		}
		if v.Reason != c.reason || got != c.want {
			t.Errorf("%s: %v to %q, want %v to %q", c.circuit, v.Reason, got, c.reason, c.want)
		}
		if v.Reason == Relayed && bytes.Contains(b.Bytes(), []byte(c.circuit)) {
			t.Errorf("%s: the client gets option 82", c.circuit)
		}
	}
}

func TestPortInRelayForward(t *testing.T) {
	t.Parallel()
	p := *testPolicy6()
	c := &p.Interfaces[0].V6
	c.InterfaceID, c.RemoteID.ID, c.SubscriberID = mustTemplate("{interface}:{port}"), mustTemplate("{client_mac:raw}"), mustTemplate("{port_alias}!")
	c.RemoteID.Enterprise = 9
	host := testHost6()
	host[0].FDB.Bridge = int32(host[0].Index)
	host = append(host, giaddr.Link{Index: 70, Name: "swp7", Alias: "seven", Master: host[0].Name})
	s, _ := Compile(p, host)
	for _, tc := range []struct {
		port    int
		mac     []byte
		ids     [3]string
		unknown bool
	}{
		{70, clientMAC, [3]string{"d0:swp7", "\x00\x00\x00\x09" + string(clientMAC), "seven!"}, false},
		{0, nil, [3]string{"d0:unknown", "\x00\x00\x00\x09" + strings.Repeat("\x00", 6), "unknown!"}, true},
	} {
		b := Buf{Store: make([]byte, Headroom+2048), Off: Headroom}
		b.Len = copy(b.Store[Headroom:], solicit6())
		v := s.Relay6(&b, Ingress{Link: host[0].Index, Src: netip.MustParseAddrPort("[fe80::c1]:546"), Dst: AllRelays(), Port: tc.port, MAC: tc.mac})
		if v.Reason != Relayed || v.Unidentified != tc.unknown {
			t.Fatal(v.Reason, v.Unidentified)
		}
		m := dhcp6.Message(b.Bytes())
		want := [][]byte{
			dhcp6.AppendOption(nil, dhcp6.OptionInterfaceID, []byte(tc.ids[0])),
			dhcp6.AppendOption(nil, 37, []byte(tc.ids[1])),
			dhcp6.AppendOption(nil, dhcp6.OptionSubscriberID, []byte(tc.ids[2])),
		}
		at := m[dhcp6.RelayHeaderLen:]
		for _, w := range want {
			if !bytes.HasPrefix(at, w) {
				t.Fatalf("%x, want %x", at, w)
			}
			at = at[len(w):]
		}
		// The reply goes back by it, whatever the port.
		reply := append([]byte{13}, m[1:dhcp6.RelayHeaderLen]...)
		reply = append(reply, want[0]...)
		reply = dhcp6.AppendOption(reply, dhcp6.OptionRelayMsg, msg6(2))
		b = Buf{Store: make([]byte, Headroom+2048), Off: Headroom}
		b.Len = copy(b.Store[Headroom:], reply)
		if v := s.Relay6(&b, Ingress{Link: 4, Src: netip.AddrPortFrom(netip.MustParseAddr(server6), 547), Dst: s.Links[0].Side[1].Addr()}); v.Reason != Relayed || v.Link != s.Links[0] {
			t.Error(v.Reason, v.Link)
		}
	}
}

// Two interfaces whose circuit-ids are one but for the port cannot be told apart.
func TestPortAloneIsToldOfSharedGiaddr(t *testing.T) {
	t.Parallel()
	p := testPolicy(t)
	p.Interfaces[0].V4.Option82.CircuitID = mustTemplate("{port}")
	p.Interfaces[0].V4.Address = giaddr.Rule{Kind: giaddr.Borrowed, Link: "d0"}
	_, problems := Compile(p, portHost())
	for _, q := range problems {
		if strings.Contains(q.Text, "the same circuit-id as") {
			return
		}
	}
	t.Errorf("not told: %v", problems)
}

func TestPortAllocatesNothing(t *testing.T) {
	s := portRelay(t, "{interface}/{port}", "{client_mac}", "")
	message := testMessage(1, bootp.Discover, netip.Addr{})
	b := Buf{Store: make([]byte, 2048)}
	in := Ingress{Link: 2, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255"), Port: 20, MAC: []byte{2, 0, 0, 0, 0xcc, 9}}
	var v Verdict
	if n := testing.AllocsPerRun(100, func() {
		b.Off, b.Len = 0, copy(b.Store, message)
		s.Decide4(&b, &in, &v)
	}); n != 0 || v.Reason != Relayed {
		t.Errorf("%v allocations, %v", n, v.Reason)
	}
}

// Requests of a class go by the port that they came by, and by no port that is not known;
// the subscriber-id of a class may tell of the port, and its echo is known.
func TestClassByPort(t *testing.T) {
	t.Parallel()
	p := testPolicy(t)
	swp1 := class.Rule{class.Port: {{Kind: class.Prefix, Text: "swp1"}}}
	p.Classes = []Class{{Name: "lab", Rule: swp1, SubscriberID: mustTemplate("lab-{port}")}}
	p.Interfaces[0].V4.Option82.SubscriberID = mustTemplate("{port_alias}")
	s, _ := Compile(p, portHost())
	for port, want := range map[int]string{20: "lab-swp1s2", 21: "swp7", 0: "unknown"} {
		info, v := relayed4(t, s, Ingress{Link: 2, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255"), Port: port})
		sub, _ := info.Sub(bootp.SubSubscriberID)
		if string(sub) != want || v.Class != map[int]uint16{20: 1}[port] {
			t.Errorf("port %d: subscriber-id %q of class %d, want %q", port, sub, v.Class, want)
		}
		if !s.ours(&s.Links[0].Side[0].Choices[0], info) {
			t.Errorf("port %d: the echo is not taken for this relay's", port)
		}
	}
}

// What comes by a port that is to be ignored is not relayed; what comes nobody knows from
// where is, and is counted.
func TestIgnoredPorts(t *testing.T) {
	t.Parallel()
	p := testPolicy(t)
	p.Interfaces[0].IgnorePorts = []string{"swp1*", "swp8"}
	s, _ := Compile(p, portHost())
	for _, c := range []struct {
		port    int
		want    Reason
		unknown bool
	}{{20, IgnoredPort, false}, {21, Relayed, false}, {22, Relayed, true}, {0, Relayed, true}} {
		b := Buf{Store: make([]byte, 2048)}
		b.Len = copy(b.Store, testMessage(1, bootp.Discover, netip.Addr{}))
		v := s.Relay4(&b, Ingress{Link: 2, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255"), Port: c.port})
		if v.Reason != c.want || v.Unidentified != c.unknown {
			t.Errorf("by %d: %v, %v, want %v, %v", c.port, v.Reason, v.Unidentified, c.want, c.unknown)
		}
	}
}

// Who asks for ports where there are none is told.
func TestPortsOfNoBridge(t *testing.T) {
	t.Parallel()
	p := testPolicy(t)
	p.Interfaces[0].IgnorePorts = []string{"swp1*"}
	_, problems := Compile(p, testHost())
	for _, q := range problems {
		if q.Interface == "d0" && strings.Contains(q.Text, "is no bridge") {
			return
		}
	}
	t.Errorf("not told: %v", problems)
}
