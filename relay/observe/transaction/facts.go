package transaction

import (
	"fmt"
	"net/netip"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// Facts are what the octets of one message tell. Slices are copies.
type facts struct {
	key      Key // 0: the message was too broken
	exchange Key // 0: as key
	early    Key // of the other exchange that a reply may answer, 0 if there is none
	xid      string
	kind     string // type of the client's or server's message
	outer    string // DHCPv6: type of the relay message around it
	mac      []byte
	duid     []byte
	clientID []byte
	has      netip.Addr     // address that the client has, or is given
	relay    netip.Addr     // giaddr or link-address
	named    netip.Addr     // server that the client has chosen, if the message names one by address
	given    []netip.Prefix // a whole-length prefix stands for an address
	asked    []netip.Prefix
	status   string // a refusal
	words    string // the server's words for it
	final    bool   // an answer after which the client asks no more
	expects  Expectation
	chained  bool // it came from another relay, or goes to one
	flagged  bool // DHCPv4: the broadcast flag is set as it was received
}

// read returns the facts of a message.
func read(m *recorder.Message) facts {
	if m.Family == dhcp.V6 {
		return read6(m)
	}
	return read4(m)
}

// within notes to which transaction and exchange a message of a type belongs.
func (f *facts) within(k Key, m *recorder.Message, typ uint8) {
	f.key, f.exchange = k, k.Exchange(m.Family, typ)
	if m.Direction == dhcp.Requests {
		f.expects = Expects(m.Family, typ, f.chained)
		return
	}
	f.early = k.Early(m.Family, typ)
}

// read4 reads a BOOTP or DHCPv4 message.
func read4(m *recorder.Message) facts {
	f := facts{kind: typeName4(m.Type)}
	p := bootp.Packet(m.Received)
	if !p.Valid() {
		return f
	}
	l, _ := p.Scan()
	f.xid = fmt.Sprintf("0x%08x", p.Xid())
	f.clientID = append(f.clientID, l.ClientID...)
	if a := p.Chaddr(); !zero(a) {
		f.mac = append(f.mac, a...)
	}
	f.has, f.relay, f.flagged = p.Ciaddr(), p.Giaddr(), p.Broadcast()
	f.chained = m.Direction == dhcp.Requests && isSet(f.relay)
	f.within(Key4(p), m, m.Type)
	if sent := bootp.Packet(m.Sent); sent.Valid() && m.Direction == dhcp.Requests {
		f.relay = sent.Giaddr()
	}
	if m.Direction == dhcp.Requests {
		f.request4(p, &l)
	} else {
		f.reply4(p, &l)
		f.chained = m.Outcome == agent.Relayed && m.Client.Port() == 67
	}
	return f
}

func (f *facts) request4(p bootp.Packet, l *bootp.Layout) {
	f.named = l.ServerID
	for _, a := range []netip.Addr{l.Requested, p.Ciaddr()} {
		if isSet(a) {
			f.asked = append(f.asked, whole(a))
		}
	}
}

func (f *facts) reply4(p bootp.Packet, l *bootp.Layout) {
	if a := p.Yiaddr(); isSet(a) {
		f.given = append(f.given, whole(a))
		f.has = a
	}
	f.final = l.Type == bootp.Ack || l.Type == bootp.Nak || l.Type == 0
	if l.Type != bootp.Nak {
		return
	}
	f.status = "NAK"
	f.has = netip.Addr{}
	for code, value := range p.Options() {
		if code == optionMessage {
			f.words = string(value)
		}
	}
}

// optionMessage is the server's words for a refusal (RFC 2132, section 9.9).
const optionMessage = 56

// read6 reads a DHCPv6 message through all relay headers around it.
func read6(m *recorder.Message) facts {
	f := facts{kind: typeName6(m.Type)}
	p := dhcp6.Message(m.Received)
	if len(p) == 0 || !p.Valid() {
		return f
	}
	if p.IsRelay() {
		f.outer = p.Type().String()
	}
	if m.Direction == dhcp.Requests {
		f.chained = p.IsRelay()
		f.around(m.Sent)
	} else {
		f.chained = m.Outcome == agent.Relayed && m.Client.Port() == 547
	}
	f.around(m.Received)
	k, inner := Key6(p, m.Src.Addr())
	if inner.IsRelay() {
		return f
	}
	f.kind = inner.Type().String()
	f.xid = fmt.Sprintf("0x%06x", inner.Xid())
	f.duid = append(f.duid, inner.ClientID()...)
	f.within(k, m, uint8(inner.Type()))
	f.options6(inner, m.Direction)
	return f
}

// around notes what the relay headers around a message tell. The outermost
// link-address is the one that the servers see first.
func (f *facts) around(octets []byte) {
	p := dhcp6.Message(octets)
	for n := 0; n < dhcp6.MaxNesting && p.Valid() && p.IsRelay(); n++ {
		l, ok := p.Scan()
		if !ok {
			return
		}
		if n == 0 && !f.relay.IsValid() {
			f.relay = p.LinkAddress()
		}
		if hw := p.Value(l.ClientLinkLayer); len(hw) > 2 {
			f.mac = append(f.mac[:0:0], hw[2:]...)
		}
		if p, ok = p.Decapsulate(&l); !ok {
			return
		}
	}
}

// typeName4 returns the name of the type that a Verdict has.
func typeName4(t uint8) string { return bootp.Type(t).String() }

// typeName6 returns the name of the type that a Verdict has.
func typeName6(t uint8) string { return dhcp6.Type(t).String() }

func isSet(a netip.Addr) bool { return a.IsValid() && !a.IsUnspecified() }

func whole(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

func zero(b []byte) bool {
	for _, o := range b {
		if o != 0 {
			return false
		}
	}
	return true
}
