package transaction_test

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"syscall"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/observe/transaction"
	"dhcp-relay/relay/wire/dhcp"
)

// Interfaces of the tests.
const (
	vlan10 = 2
	uplink = 9
)

func names(index int) string { return map[int]string{vlan10: "vlan10", uplink: "eth0"}[index] }

var (
	start   = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	servers = []netip.AddrPort{netip.MustParseAddrPort("10.9.0.2:67"), netip.MustParseAddrPort("10.9.0.3:67")}
	mac1    = []byte{2, 0, 0, 0, 0, 1}
)

func at(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

// A dhcp4 is what the tests say of a DHCPv4 message.
type dhcp4 struct {
	xid                    uint32
	kind                   byte
	mac                    []byte
	ciaddr, yiaddr, giaddr string
	options                []byte // without type and END
}

func (d dhcp4) bytes(op byte) []byte {
	p := make([]byte, 236)
	p[0], p[1], p[2] = op, 1, byte(len(d.mac)) // op, htype, hlen
	binary.BigEndian.PutUint32(p[4:], d.xid)
	for off, a := range map[int]string{12: d.ciaddr, 16: d.yiaddr, 24: d.giaddr} {
		if a != "" {
			copy(p[off:], netip.MustParseAddr(a).AsSlice())
		}
	}
	copy(p[28:], d.mac)
	p = append(p, 99, 130, 83, 99) // cookie
	if d.kind != 0 {
		p = append(p, 53, 1, d.kind)
	}
	return append(append(p, d.options...), 255)
}

// asked is a request that a client on vlan10 broadcasts and both servers get.
func asked(ms int, d dhcp4) recorder.Message {
	received := d.bytes(1)
	d.giaddr = "10.1.0.1"
	sent := d.bytes(1)
	return recorder.Message{
		At: at(ms), Done: at(ms).Add(12 * time.Microsecond), Type: d.kind,
		Heard: vlan10, Link: vlan10, Received: received, Size: len(received), Sent: sent, SentLen: len(sent),
		Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddrPort("255.255.255.255:67"), Servers: servers,
	}
}

// answered is a reply of the server at 10.9.0.2 that vlan10 gets in a frame.
func answered(ms int, d dhcp4) recorder.Message {
	d.giaddr = "10.1.0.1"
	b := d.bytes(2)
	return recorder.Message{
		At: at(ms), Done: at(ms).Add(20 * time.Microsecond), Direction: dhcp.Replies, Type: d.kind,
		Heard: uplink, Link: vlan10, Received: b, Size: len(b), Sent: b, SentLen: len(b),
		Src: netip.MustParseAddrPort("10.9.0.2:67"), Dst: netip.MustParseAddrPort("10.1.0.1:67"),
		To: agent.ToFrame, From: netip.MustParseAddr("10.1.0.1"), Client: netip.MustParseAddrPort("10.1.0.100:68"), HW: [6]byte(mac1),
	}
}

// flagged is a message with the broadcast flag; a reply goes by broadcast.
func flagged(m recorder.Message) recorder.Message {
	m.Received[10], m.Sent[10] = 0x80, 0x80
	if m.Direction == dhcp.Replies {
		m.Client = netip.MustParseAddrPort("255.255.255.255:68")
	}
	return m
}

// lost is a message that was dropped.
func lost(r agent.Reason, m recorder.Message) recorder.Message {
	m.Outcome, m.Sent, m.SentLen, m.Servers = r, nil, 0, nil
	m.Client, m.HW, m.From, m.To = netip.AddrPort{}, [6]byte{}, netip.Addr{}, 0
	return m
}

// unsent is a request that the kernel refused to send to any server.
func unsent(e syscall.Errno, m recorder.Message) recorder.Message {
	refused := m.Servers
	m = lost(agent.SendFailed, m)
	m.To, m.Refused, m.Errno = agent.ToServers, refused, e
	return m
}

// exchange is how a client gets 10.1.0.100.
func exchange() []recorder.Message {
	d := func(kind byte) dhcp4 { return dhcp4{xid: 0x1a2b3c4d, kind: kind, mac: mac1} }
	discover, offer, request, ack := d(1), d(2), d(3), d(5)
	offer.yiaddr, ack.yiaddr = "10.1.0.100", "10.1.0.100"
	request.options = []byte{
		50, 4, 10, 1, 0, 100, // requested address
		54, 4, 10, 9, 0, 2, // server identifier
		61, 7, 1, 2, 0, 0, 0, 0, 1, // client identifier
	}
	return []recorder.Message{asked(0, discover), answered(2, offer), asked(50, request), answered(53, ack)}
}

// option6 is a DHCPv6 option.
func option6(code uint16, value ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, code)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(value))), value...)
}

// message6 is a client's or server's DHCPv6 message.
func message6(kind byte, xid uint32, options ...[]byte) []byte {
	b := []byte{kind, byte(xid >> 16), byte(xid >> 8), byte(xid)}
	for _, o := range options {
		b = append(b, o...)
	}
	return b
}

// relay6 is a relay header (kind 12 or 13) around a message.
func relay6(kind byte, link, peer string, inner []byte, options ...[]byte) []byte {
	b := append([]byte{kind, 0}, netip.MustParseAddr(link).AsSlice()...)
	b = append(b, netip.MustParseAddr(peer).AsSlice()...)
	for _, o := range options {
		b = append(b, o...)
	}
	return append(b, option6(9, inner...)...)
}

var (
	duid1 = []byte{0, 3, 0, 1, 2, 0, 0, 0, 0, 1}
	// iana is an IA_NA with 2001:db8:1::100, iapd an IA_PD with 2001:db8:8000::/56.
	iana = option6(3, append(make([]byte, 12), option6(5, append(netip.MustParseAddr("2001:db8:1::100").AsSlice(), make([]byte, 8)...)...)...)...)
	iapd = option6(25, append(make([]byte, 12), option6(26, append(append(make([]byte, 8), 56), netip.MustParseAddr("2001:db8:8000::").AsSlice()...)...)...)...)
)

// exchange6 is a Solicit through a chain of two relays, of which this is the
// one next to the client, and what the server advertises.
func exchange6(status ...byte) []recorder.Message {
	solicit := message6(1, 0xabcdef, option6(1, duid1...), option6(3, make([]byte, 12)...))
	forward := relay6(12, "2001:db8:1::1", "fe80::c1", solicit, option6(79, append([]byte{0, 1}, mac1...)...))
	advertise := message6(2, 0xabcdef, option6(1, duid1...), iana, iapd)
	if status != nil {
		advertise = message6(2, 0xabcdef, option6(1, duid1...), option6(13, status...))
	}
	reply := relay6(13, "2001:db8:1::1", "fe80::c1", advertise)
	return []recorder.Message{
		{
			At: at(0), Done: at(0), Family: dhcp.V6, Type: 1, Heard: vlan10, Link: vlan10, Received: solicit, Size: len(solicit), Sent: forward, SentLen: len(forward),
			Src: netip.MustParseAddrPort("[fe80::c1]:546"), Dst: netip.MustParseAddrPort("[ff02::1:2]:547"), Servers: []netip.AddrPort{netip.MustParseAddrPort("[2001:db8:9::2]:547")},
		},
		{
			At: at(3), Done: at(3), Family: dhcp.V6, Direction: dhcp.Replies, Type: 13, Heard: uplink, Link: vlan10, Received: reply, Size: len(reply), Sent: advertise, SentLen: len(advertise),
			Src: netip.MustParseAddrPort("[2001:db8:9::2]:547"), Dst: netip.MustParseAddrPort("[2001:db8:1::1]:547"), To: agent.ToHost, Client: netip.MustParseAddrPort("[fe80::c1]:546"),
		},
	}
}

// join joins messages, which must be sorted by time, and returns the last transactions
// that the filter lets pass, at most Options.Keep, oldest first.
func join(ms []recorder.Message, now time.Time, o transaction.Options, f transaction.Filter) []api.Transaction {
	j := transaction.NewJoiner(transaction.Options{Names: o.Names, Redact: o.Redact, Keep: max(len(ms), 1)})
	for i := range ms {
		j.Add(&ms[i])
	}
	return j.Last(now, f, cmp.Or(o.Keep, 1000))
}
