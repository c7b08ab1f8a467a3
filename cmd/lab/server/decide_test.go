package server

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

var (
	id1   = netip.MustParseAddr("10.9.0.2")
	id2   = netip.MustParseAddr("10.9.0.3")
	relay = net.IPv4(10, 1, 0, 1)
	start = time.Unix(1_000_000, 0)
)

func testServer(id netip.Addr, first, last string) *Server {
	return newServer(Config{ID: id, Subnets: []Subnet{
		{Prefix: netip.MustParsePrefix("10.1.0.0/24"), First: netip.MustParseAddr("10.1.0." + first), Last: netip.MustParseAddr("10.1.0." + last), Router: netip.MustParseAddr("10.1.0.1")},
		{Prefix: netip.MustParsePrefix("10.2.0.0/24"), First: netip.MustParseAddr("10.2.0." + first), Last: netip.MustParseAddr("10.2.0." + last)},
	}, Bootp: map[string]netip.Addr{"02:00:00:00:00:07": netip.MustParseAddr("10.1.0.77")}})
}

// message is a relayed message of the client with the last octet mac.
func message(t *testing.T, mac byte, mt dhcpv4.MessageType, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	t.Helper()
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{
		dhcpv4.WithHwAddr(net.HardwareAddr{2, 0, 0, 0, 0, mac}), dhcpv4.WithMessageType(mt), dhcpv4.WithGatewayIP(relay),
	}, mods...)...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func wish(a string) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(net.ParseIP(a)))
}

func selected(a netip.Addr) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptServerIdentifier(a.AsSlice()))
}

func ciaddr(a string) dhcpv4.Modifier { return dhcpv4.WithClientIP(net.ParseIP(a)) }

func sub(code uint8, a ...byte) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptRelayAgentInfo(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(code), a)))
}

func TestAnswer(t *testing.T) {
	discover, request := dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeRequest
	bound := func(t *testing.T, s *Server, mac byte) { // 10.1.0.10
		s.answer(message(t, mac, discover, wish("10.1.0.10")), start)
		if m := s.answer(message(t, mac, request, selected(id1), wish("10.1.0.10")), start); m == nil {
			t.Fatal("setting up the lease: no answer")
		}
	}
	tests := []struct {
		name  string
		leave bool // client 1 holds no lease at first
		mac   byte
		mt    dhcpv4.MessageType
		mods  []dhcpv4.Modifier
		want  string // type, yiaddr
	}{
		{"first address", true, 1, discover, nil, "OFFER 10.1.0.10"},
		{"own address again", false, 1, discover, nil, "OFFER 10.1.0.10"},
		{"next address", false, 2, discover, nil, "OFFER 10.1.0.11"},
		{"wish of a taken address", false, 2, discover, []dhcpv4.Modifier{wish("10.1.0.10")}, "OFFER 10.1.0.11"},
		{"link selection before giaddr", true, 1, discover, []dhcpv4.Modifier{sub(5, 10, 2, 0, 0)}, "OFFER 10.2.0.10"},
		{"unknown network", true, 1, discover, []dhcpv4.Modifier{sub(5, 10, 77, 0, 0)}, "none"},
		{"init-reboot", false, 1, request, []dhcpv4.Modifier{wish("10.1.0.10")}, "ACK 10.1.0.10"},
		{"init-reboot, unknown client", false, 2, request, []dhcpv4.Modifier{wish("10.1.0.12")}, "none"},
		{"init-reboot, another's address", false, 2, request, []dhcpv4.Modifier{wish("10.1.0.10")}, "NAK 0.0.0.0"},
		{"init-reboot, not the own address", false, 1, request, []dhcpv4.Modifier{wish("10.1.0.12")}, "NAK 0.0.0.0"},
		{"init-reboot, wrong network", false, 1, request, []dhcpv4.Modifier{wish("10.2.0.10")}, "NAK 0.0.0.0"},
		{"renewing or rebinding", false, 1, request, []dhcpv4.Modifier{ciaddr("10.1.0.10")}, "ACK 10.1.0.10"},
		{"selecting without an offer", true, 1, request, []dhcpv4.Modifier{selected(id1), wish("10.1.0.10")}, "none"},
		{"selecting another server", false, 1, request, []dhcpv4.Modifier{selected(id2), wish("10.1.0.10")}, "none"},
		{"selecting by the override", false, 1, request, []dhcpv4.Modifier{selected(netip.MustParseAddr("10.1.0.1")), wish("10.1.0.10"), sub(11, 10, 1, 0, 1)}, "ACK 10.1.0.10"},
		{"override, another server's offer", false, 1, request, []dhcpv4.Modifier{selected(netip.MustParseAddr("10.1.0.1")), wish("10.1.0.60"), sub(11, 10, 1, 0, 1)}, "none"},
		{"inform", true, 1, dhcpv4.MessageTypeInform, []dhcpv4.Modifier{ciaddr("10.1.0.99")}, "ACK 0.0.0.0"},
		{"bootp", true, 7, dhcpv4.MessageTypeNone, []dhcpv4.Modifier{dhcpv4.WithoutOption(dhcpv4.OptionDHCPMessageType)}, "unknown (0) 10.1.0.77"},
		{"bootp, unknown client", true, 8, dhcpv4.MessageTypeNone, []dhcpv4.Modifier{dhcpv4.WithoutOption(dhcpv4.OptionDHCPMessageType)}, "none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := testServer(id1, "10", "12")
			if !tt.leave {
				bound(t, s, 1)
			}
			got := "none"
			if m := s.answer(message(t, tt.mac, tt.mt, tt.mods...), start); m != nil {
				got = m.MessageType().String() + " " + m.YourIPAddr.String()
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestReplyFields(t *testing.T) {
	s := testServer(id1, "10", "12")
	info := sub(11, 10, 1, 0, 1)
	m := s.answer(message(t, 1, dhcpv4.MessageTypeDiscover, info, dhcpv4.WithOption(dhcpv4.OptClientIdentifier([]byte{1, 2}))), start)
	if diff := cmp.Diff("10.1.0.1", m.ServerIdentifier().String()); diff != "" {
		t.Errorf("server identifier (-want +got):\n%s", diff)
	}
	want := []byte{11, 4, 10, 1, 0, 1} // server identifier override
	if diff := cmp.Diff(want, m.Options.Get(dhcpv4.OptionRelayAgentInformation)); diff != "" {
		t.Errorf("option 82 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]byte{1, 2}, m.Options.Get(dhcpv4.OptionClientIdentifier)); diff != "" {
		t.Errorf("client identifier (-want +got):\n%s", diff)
	}
	s.conf.NoEcho = true
	if m := s.answer(message(t, 1, dhcpv4.MessageTypeDiscover, info), start); m.RelayAgentInfo() != nil {
		t.Error("option 82 is echoed with NoEcho")
	}
	nak := s.answer(message(t, 1, dhcpv4.MessageTypeRequest, wish("10.2.0.9")), start)
	if nak.MessageType() != dhcpv4.MessageTypeNak || !nak.IsBroadcast() {
		t.Errorf("behind a relay, want a NAK with the broadcast flag, got %v", nak.Summary())
	}
}

func TestOffersAreReservedAndFreed(t *testing.T) {
	s := testServer(id1, "10", "10")
	discover := func(mac byte) bool { return s.answer(message(t, mac, dhcpv4.MessageTypeDiscover), start) != nil }
	if !discover(1) {
		t.Fatal("client 1 gets no offer")
	}
	if discover(2) {
		t.Error("the address offered to client 1 is offered to client 2 as well")
	}
	s.answer(message(t, 1, dhcpv4.MessageTypeRequest, selected(id2), wish("10.1.0.60")), start)
	if !discover(2) {
		t.Error("client 1 took another server's offer, but client 2 does not get the address")
	}
}

func TestReleaseAndDecline(t *testing.T) {
	a := netip.MustParseAddr("10.1.0.10")
	for _, tt := range []struct {
		mt   dhcpv4.MessageType
		mod  dhcpv4.Modifier
		want State
	}{
		{dhcpv4.MessageTypeRelease, ciaddr("10.1.0.10"), 0},
		{dhcpv4.MessageTypeDecline, wish("10.1.0.10"), Declined},
	} {
		t.Run(tt.mt.String(), func(t *testing.T) {
			s := testServer(id1, "10", "12")
			s.answer(message(t, 1, dhcpv4.MessageTypeDiscover), time.Now())
			s.answer(message(t, 2, tt.mt, tt.mod), time.Now())
			if got := s.Lease(a).State; got != Offered {
				t.Errorf("after another client's message: got %v, want %v", got, Offered)
			}
			s.answer(message(t, 1, tt.mt, tt.mod), time.Now())
			if got := s.Lease(a).State; got != tt.want {
				t.Errorf("after the client's message: got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestDestination(t *testing.T) {
	from := netip.MustParseAddrPort("10.1.0.1:1067")
	for _, tt := range []struct {
		name string
		mods []dhcpv4.Modifier
		want string
	}{
		{"relay", nil, "10.1.0.1:67"},
		{"RFC 8357 relay source port", []dhcpv4.Modifier{sub(19)}, "10.1.0.1:1067"},
		{"client with an address", []dhcpv4.Modifier{dhcpv4.WithGatewayIP(net.IPv4zero), ciaddr("10.1.0.9")}, "10.1.0.9:68"},
		{"client without", []dhcpv4.Modifier{dhcpv4.WithGatewayIP(net.IPv4zero)}, "255.255.255.255:68"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := destination(message(t, 1, dhcpv4.MessageTypeDiscover, tt.mods...), from).String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}
