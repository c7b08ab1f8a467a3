package capture_test

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/wire/dhcp"
)

// Interfaces of the tests.
const (
	vlan10 = 2
	uplink = 9
	gone   = 77 // one whose name nobody knows
)

func names(index int) string { return map[int]string{vlan10: "vlan10", uplink: "eth0"}[index] }

var start = time.Unix(1_772_618_400, 123_456_789)

func after(d time.Duration) time.Time { return start.Add(d) }

var (
	mac    = []byte{2, 0xaa, 0xbb, 0xcc, 0xdd, 0xee}
	leased = netip.MustParseAddr("10.1.0.100")
)

// client4 is a DHCPv4 message of type kind that says all that it can about a
// client with the name "secret" and the address 10.1.0.100.
func client4(op, kind byte, giaddr string) []byte {
	p := make([]byte, 236)
	p[0], p[1], p[2], p[7] = op, 1, 6, 9 // op, htype, hlen, xid
	copy(p[12:], leased.AsSlice())       // ciaddr
	copy(p[16:], leased.AsSlice())       // yiaddr
	if giaddr != "" {
		copy(p[24:], netip.MustParseAddr(giaddr).AsSlice())
	}
	copy(p[28:], mac) // chaddr
	for _, o := range [][]byte{
		{99, 130, 83, 99}, // cookie
		{53, 1, kind},     // type
		{1, 4, 255, 255, 255, 0},
		append([]byte{61, 7, 1}, mac...),                        // client identifier
		append([]byte{12, 6}, "secret"...),                      // host name
		append([]byte{81, 9, 0, 0, 0}, "secret"...),             // FQDN
		append([]byte{50, 4}, leased.AsSlice()...),              // requested address
		append([]byte{82, 10, 1, 8}, "secret/1"...),             // option 82: circuit-id
		append([]byte{97, 17, 0}, "secretsecretsecr"...),        // UUID
		append(append([]byte{60, 5}, "class"...), 255),          // vendor class, END
		append(append([]byte{12, 6}, "secret"...), mac[0:4]...), // what is left after END
	} {
		p = append(p, o...)
	}
	return p
}

func option6(code uint16, value ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, code)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(value))), value...)
}

// client6 is a DHCPv6 message of type kind with all that names a client.
func client6(kind byte) []byte {
	address, prefix := netip.MustParseAddr("2001:db8:1::5ec"), netip.MustParseAddr("2001:db8:5ec::")
	iaid := []byte{0xbb, 0xcc, 0xdd, 0xee, 0, 0, 0, 0, 0, 0, 0, 0} // IAID, T1, T2
	lifetimes := []byte{0, 0, 14, 16, 0, 0, 28, 32}
	return slices.Concat(
		[]byte{kind, 0xab, 0xcd, 0xef},
		option6(1, append([]byte{0, 3, 0, 1}, mac...)...), // client's DUID
		option6(2, 0, 3, 0, 1, 2, 0, 0, 0, 0, 0x99),       // server's DUID
		option6(39, append([]byte{0, 6}, "secret"...)...), // FQDN
		option6(3, append(iaid, option6(5, append(address.AsSlice(), lifetimes...)...)...)...),
		option6(25, append(iaid, option6(26, slices.Concat(lifetimes, []byte{56}, prefix.AsSlice())...)...)...),
		option6(8, 0, 0), // elapsed time
	)
}

// relay6 is a relay header of type kind around a message.
func relay6(kind byte, peer string, inner []byte) []byte {
	return slices.Concat(
		[]byte{kind, 0}, netip.MustParseAddr("2001:db8:1::1").AsSlice(), netip.MustParseAddr(peer).AsSlice(),
		option6(18, []byte("secret")...),             // Interface-Id
		option6(79, append([]byte{0, 1}, mac...)...), // client's MAC
		option6(9, inner...),
	)
}

func ports(s ...string) (out []netip.AddrPort) {
	for _, a := range s {
		out = append(out, netip.MustParseAddrPort(a))
	}
	return out
}

// recorded is what the recorder may have kept: two copies of a request, a reply
// in a frame, a dropped request, both legs of DHCPv6, and a message that was too
// large to be kept whole.
func recorded() []recorder.Message {
	discover, sent, offer := client4(1, 1, ""), client4(1, 1, "10.1.0.1"), client4(2, 2, "10.1.0.1")
	solicit, advertise := client6(1), client6(2)
	ms := []recorder.Message{
		{
			At: after(0), Done: after(12 * time.Microsecond), Type: 1, Heard: vlan10, Link: vlan10,
			Src: ports("10.1.0.100:68")[0], Dst: ports("255.255.255.255:67")[0], Received: discover,
			From: netip.MustParseAddr("10.9.0.1"), Servers: ports("10.9.0.2:67", "10.9.0.3:67"), Sent: sent,
			Own: []netip.Addr{{}, netip.MustParseAddr("10.7.0.1")},
		},
		{
			At: after(time.Millisecond), Done: after(time.Millisecond + 20), Direction: dhcp.Replies, Type: 2, Heard: uplink, Link: vlan10,
			Src: ports("10.9.0.2:67")[0], Dst: ports("10.1.0.1:67")[0], Received: offer,
			To: agent.ToFrame, From: netip.MustParseAddr("10.1.0.1"), Client: ports("10.1.0.100:68")[0], HW: [6]byte(mac), Sent: offer,
		},
		{
			At: after(2 * time.Millisecond), Done: after(2 * time.Millisecond), Type: 1, Outcome: agent.UntrustedOption82, Heard: gone,
			Src: ports("0.0.0.0:68")[0], Dst: ports("255.255.255.255:67")[0], Received: discover,
		},
		{
			At: after(3 * time.Millisecond), Done: after(3 * time.Millisecond), Family: dhcp.V6, Type: 1, Heard: vlan10, Link: vlan10,
			Src: ports("[fe80::5ec]:546")[0], Dst: ports("[ff02::1:2]:547")[0], Received: solicit,
			Servers: ports("[2001:db8:9::2]:547"), Sent: relay6(12, "fe80::5ec", solicit),
		},
		{
			At: after(4 * time.Millisecond), Done: after(4 * time.Millisecond), Family: dhcp.V6, Direction: dhcp.Replies, Type: 13, Heard: uplink, Link: vlan10,
			Src: ports("[2001:db8:9::2]:547")[0], Dst: ports("[2001:db8:1::1]:547")[0], Received: relay6(13, "fe80::5ec", advertise),
			To: agent.ToHost, From: netip.MustParseAddr("fe80::1"), Client: ports("[fe80::5ec]:546")[0], Sent: advertise,
		},
		{
			At: after(5 * time.Millisecond), Done: after(5 * time.Millisecond), Type: 1, Outcome: agent.Oversize, Heard: vlan10,
			Src: ports("0.0.0.0:68")[0], Dst: ports("255.255.255.255:67")[0],
			Received: append(client4(1, 1, ""), make([]byte, recorder.MaxOctets)...)[:recorder.MaxOctets], Size: 6000,
		},
		{
			At: after(6 * time.Millisecond), Done: after(6 * time.Millisecond), Family: dhcp.V6, Type: 1, Outcome: agent.Oversize, Heard: vlan10,
			Src: ports("[fe80::5ec]:546")[0], Dst: ports("[ff02::1:2]:547")[0],
			Received: append(client6(1), make([]byte, recorder.MaxOctets)...)[:recorder.MaxOctets], Size: 6000,
		},
	}
	for i := range ms {
		m := &ms[i]
		m.Size, m.SentLen = max(m.Size, len(m.Received)), len(m.Sent)
	}
	return ms
}
