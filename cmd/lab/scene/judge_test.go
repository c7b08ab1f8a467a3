package scene

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"dhcp-relay/cmd/lab/ladder"
	"dhcp-relay/cmd/lab/wire"
)

// event makes one message of the relay, which alter may spoil.
func event(t *testing.T, to string, alter func(*wire.Packet, *dhcpv4.DHCPv4)) ladder.Event {
	t.Helper()
	m, err := dhcpv4.New(dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover), dhcpv4.WithGatewayIP(net.IPv4(10, 1, 0, 1)),
		dhcpv4.WithOption(dhcpv4.OptGeneric(dhcpv4.OptionRelayAgentInformation, []byte{1, 1, 'x'})))
	if err != nil {
		t.Fatal(err)
	}
	m.HopCount, m.TransactionID = 1, dhcpv4.TransactionID{1, 2, 3, 4}
	m.YourIPAddr = net.IPv4(10, 1, 0, 100)
	p := wire.Packet{Src: netip.MustParseAddrPort("10.9.0.1:67"), Dst: netip.MustParseAddrPort("10.9.0.2:67")}
	if to[0] != 's' {
		m.OpCode = dhcpv4.OpcodeBootReply
		m.DeleteOption(dhcpv4.OptionRelayAgentInformation)
		p.Src, p.Dst = netip.MustParseAddrPort("10.1.0.1:67"), netip.MustParseAddrPort("10.1.0.100:68")
	}
	alter(&p, m)
	if p.Payload == nil {
		p.Payload = m.ToBytes()
	}
	f, err := wire.Decode(p.Frame())
	if err != nil {
		t.Fatal(err)
	}
	return ladder.Event{From: relayNode, To: to, On: []string{clientsA}, Type: "DISCOVER", Frame: f, Arrived: f, Message: m}
}

// received makes the message that the relay was sent before event.
func received(t *testing.T, to string) ladder.Event {
	t.Helper()
	g := event(t, to, func(_ *wire.Packet, m *dhcpv4.DHCPv4) {
		if to[0] == 's' {
			m.HopCount, m.GatewayIPAddr = 0, net.IPv4zero
			m.DeleteOption(dhcpv4.OptionRelayAgentInformation)
		} else {
			m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionRelayAgentInformation, []byte{1, 1, 'x'}))
		}
	})
	g.From, g.To = "", relayNode
	return g
}

// longer returns a message with zero octets up to a length.
func longer(m *dhcpv4.DHCPv4, n int) []byte { return append(m.ToBytes(), make([]byte, n-300)...) }

func TestRules(t *testing.T) {
	type packet = *wire.Packet
	type message = *dhcpv4.DHCPv4
	info := dhcpv4.OptGeneric(dhcpv4.OptionRelayAgentInformation, []byte{1, 1, 'x'})
	quiet := net.HardwareAddr{2, 0, 0, 0, 0, 0x44}
	tests := []struct {
		name  string
		to    string
		alter func(packet, message)
		want  string // part of the error; "" for none
	}{
		{"up, all right", "s1", func(packet, message) {}, ""},
		{"up, checksum", "s1", func(p packet, _ message) { p.UDPSum = new(uint16(9)) }, "checksums"},
		{"up, no checksum", "s1", func(p packet, _ message) { p.UDPSum = new(uint16(0)) }, "checksums"},
		{"up, port", "s1", func(p packet, _ message) { p.Src = netip.MustParseAddrPort("10.9.0.1:68") }, "ports"},
		{"up, giaddr", "s1", func(_ packet, m message) { m.GatewayIPAddr = net.IPv4zero }, "giaddr"},
		{"up, hops", "s1", func(_ packet, m message) { m.HopCount = 0 }, "hops"},
		{"up, length", "s1", func(p packet, m message) { p.Payload = m.ToBytes()[:299] }, "300 octets"},
		{"up, option 82", "s1", func(_ packet, m message) { m.DeleteOption(dhcpv4.OptionRelayAgentInformation) }, "option 82"},
		{"up, silenced client", "s1", func(_ packet, m message) { m.ClientHWAddr = quiet }, "nothing of a4"},
		{"down, all right", "a1", func(packet, message) {}, ""},
		{"down, option 82 kept for a switch", "a2", func(_ packet, m message) { m.UpdateOption(info) }, ""},
		{"down, option 82", "a1", func(_ packet, m message) { m.UpdateOption(info) }, "option 82"},
		{"down, flag", "a1", func(_ packet, m message) { m.SetBroadcast() }, "broadcast flag"},
		{"down, needless broadcast", "a1", func(p packet, _ message) { p.Dst = netip.MustParseAddrPort("255.255.255.255:68") }, "broadcast flag"},
		{"down, unicast without address", "a1", func(_ packet, m message) { m.YourIPAddr = net.IPv4zero }, "broadcast flag"},
		{"down, port", "a1", func(p packet, _ message) { p.Dst = netip.MustParseAddrPort("10.1.0.100:67") }, "ports"},
		{"down, another network", "b1", func(packet, message) {}, "on clients-b alone"},
		{"up, padded to 560", "s1", func(p packet, m message) { p.Payload = longer(m, 560) }, "560 octets, want 300"},
		{"down, padded to 560", "a1", func(p packet, m message) { p.Payload = longer(m, 560) }, "560 octets, want 300"},
		{"down, one octet more", "a1", func(p packet, m message) { p.Payload = longer(m, 301) }, "301 octets, want 300"},
		{"up, secs", "s1", func(_ packet, m message) { m.NumSeconds = 7 }, "octets differ"},
		{"down, file", "a1", func(_ packet, m message) { m.BootFileName = "x" }, "octets differ"},
		{"down, nothing came", "a1", func(_ packet, m message) { m.TransactionID[0]++ }, "that the relay was sent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lab := &Lab{relays: map[string]*Relay{relayNode: nil}, nodes: []ladder.Node{{Name: "a4", MACs: []net.HardwareAddr{quiet}}}}
			st := &stage{Lab: lab, keeps82: []string{"a2"}, silenced: []string{"a4"}}
			e := event(t, tt.to, tt.alter)
			st.events = []ladder.Event{received(t, tt.to), e}
			err := st.rules(&e)
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestJudgeWire(t *testing.T) {
	seen := []ladder.Event{{From: "a1", Type: "DISCOVER", To: "relay"}, {From: "relay", Type: "DISCOVER", To: "s1"}}
	tests := []struct {
		name string
		st   stage
		want string
	}{
		{"all there", stage{wants: hops("a1 DISCOVER relay s1"), only: true}, ""},
		{"one missing", stage{wants: hops("a1 DISCOVER relay s1+s2")}, `expected 1 of "relay DISCOVER s2", seen 0`},
		{"one more", stage{wants: hops("a1 DISCOVER relay"), only: true}, `expected no "relay DISCOVER s1", seen 1`},
		{"more than wanted is fine", stage{wants: hops("a1 DISCOVER relay")}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.st.events = seen
			err := tt.st.judgeWire()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestJudgeCounters(t *testing.T) {
	e := event(t, "s1", func(*wire.Packet, *dhcpv4.DHCPv4) {})
	e.From, e.To = "a1", relayNode
	sample := func(outcome string) Counters {
		return Counters{{messagesTotal, map[string]string{"direction": "request", "type": "discover", "outcome": outcome}, 1}}
	}
	st := stage{events: []ladder.Event{e}}
	if err := st.judgeCounters(relayNode, sample("relayed")); err != nil {
		t.Errorf("relayed: %v", err)
	}
	if err := st.judgeCounters(relayNode, sample("hop_limit")); err == nil {
		t.Error("dropped unannounced: got no error")
	}
	st.drops = map[string]int{"request discover hop_limit": 1}
	if err := st.judgeCounters(relayNode, sample("hop_limit")); err != nil {
		t.Errorf("dropped as announced: %v", err)
	}
	if err := st.judgeCounters(relayNode, sample("relayed")); err == nil {
		t.Error("relayed although it was to be dropped: got no error")
	}
}
