package ladder

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv6"
)

// read6 reads a DHCPv6 message. A multicast is for the tapped node.
func (e *Event) read6(h heard) bool {
	m, err := dhcpv6.FromBytes(h.frame.Payload)
	if err != nil {
		return false
	}
	inner := innermost(m)
	if inner == nil {
		return false
	}
	e.Message6, e.Type = m, type6(inner)
	if e.To == "" && h.frame.EtherDst[0]&1 != 0 && !h.frame.Outgoing {
		e.To = h.owner
	}
	return true
}

// innermost returns the message in all relay messages, or nil.
func innermost(d dhcpv6.DHCPv6) *dhcpv6.Message {
	for {
		switch x := d.(type) {
		case *dhcpv6.Message:
			return x
		case *dhcpv6.RelayMessage:
			d = x.Options.RelayMessage()
		default:
			return nil
		}
	}
}

func request6(d dhcpv6.DHCPv6) bool {
	switch d.Type() {
	case dhcpv6.MessageTypeAdvertise, dhcpv6.MessageTypeReply, dhcpv6.MessageTypeReconfigure, dhcpv6.MessageTypeRelayReply:
		return false
	}
	return true
}

func transaction6(d dhcpv6.DHCPv6) string {
	m := innermost(d)
	id := ""
	if c := m.Options.ClientID(); c != nil {
		id = string(c.ToBytes())
	}
	return m.TransactionID.String() + id
}

// type6 names a type so that it fits into a lane.
func type6(m *dhcpv6.Message) string {
	if m.MessageType == dhcpv6.MessageTypeInformationRequest {
		return "INFO-REQUEST"
	}
	return strings.ToUpper(m.MessageType.String())
}

// details6 returns what a row says beside the arrow: what the last relay has
// added, how many relays were before it, and what the client's message is about.
func details6(e *Event) []string {
	parts := []string{e.Frame.IPSrc.String() + ">" + e.Frame.IPDst.String()}
	inside := 0
	for d := e.Message6; ; inside++ {
		r, ok := d.(*dhcpv6.RelayMessage)
		if !ok {
			if inside > 1 {
				parts = append(parts, fmt.Sprintf("around %d more", inside-1))
			}
			return append(parts, content(d.(*dhcpv6.Message))...)
		}
		if inside == 0 {
			parts = append(parts, relayed(r)...)
		}
		d = r.Options.RelayMessage()
	}
}

// relayed describes one relay header with its options.
func relayed(r *dhcpv6.RelayMessage) []string {
	name := "forward"
	if r.MessageType == dhcpv6.MessageTypeRelayReply {
		name = "reply"
	}
	out := []string{fmt.Sprintf("%s(%d", name, r.HopCount), "link " + r.LinkAddr.String(), "peer " + r.PeerAddr.String()}
	for _, o := range r.Options.Options {
		if o.Code() != dhcpv6.OptionRelayMsg {
			out = append(out, option6(o))
		}
	}
	out[len(out)-1] += ")"
	return out
}

// option6 describes an option that a relay has added.
func option6(o dhcpv6.Option) string {
	v := o.ToBytes()
	switch o.Code() {
	case dhcpv6.OptionInterfaceID:
		return "interface=" + text(v)
	case dhcpv6.OptionRemoteID:
		if len(v) > 4 {
			return fmt.Sprintf("remote=%d:%s", binary.BigEndian.Uint32(v), text(v[4:]))
		}
	case dhcpv6.OptionRelayAgentSubscriberID:
		return "subscriber=" + text(v)
	case dhcpv6.OptionRelayID:
		return "relay-id=" + hex.EncodeToString(v)
	case dhcpv6.OptionClientLinkLayerAddr:
		if len(v) > 2 {
			return "mac=" + net.HardwareAddr(v[2:]).String()
		}
	case dhcpv6.OptionRelayPort:
		if len(v) == 2 {
			return fmt.Sprintf("port=%d", binary.BigEndian.Uint16(v))
		}
	}
	return fmt.Sprintf("%d=%s", o.Code(), text(v))
}

// content describes what a client's or server's own message is about.
func content(m *dhcpv6.Message) []string {
	var out []string
	for _, ia := range m.Options.IANA() {
		for _, a := range ia.Options.Addresses() {
			out = append(out, "address "+a.IPv6Addr.String())
		}
	}
	for _, ia := range m.Options.IAPD() {
		for _, p := range ia.Options.Prefixes() {
			out = append(out, "prefix "+p.Prefix.String())
		}
	}
	if m.GetOneOption(dhcpv6.OptionRapidCommit) != nil {
		out = append(out, "rapid commit")
	}
	if o := m.GetOneOption(dhcpv6.OptionReconfMessage); o != nil && len(o.ToBytes()) == 1 {
		out = append(out, "asks for "+dhcpv6.MessageType(o.ToBytes()[0]).String())
	}
	if s := m.Options.Status(); s != nil {
		out = append(out, s.StatusCode.String())
	}
	for _, a := range m.Options.DNS() {
		out = append(out, "dns "+a.String())
	}
	return out
}
