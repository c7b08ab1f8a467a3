package explain

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"

	"dhcp-relay/relay/text"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// changes6 returns in what a DHCPv6 message as sent differs from the same as
// received: a request gets a header and options in front, a reply loses what is
// around the message inside.
func changes6(in, out []byte, d dhcp.Direction) []Change {
	if d == dhcp.Requests {
		return shell(out, len(out)-len(in), func(c *Change, b []byte, at int, key string) {
			c.To, c.New, c.NewText, c.Setting = at, b, c.OldText, key
			c.OldText = ""
		})
	}
	opts, ok := dhcp6.Message(in).Scan()
	if !ok {
		return nil
	}
	return shell(in, opts.RelayMsg.Off, func(c *Change, b []byte, at int, _ string) {
		c.Offset, c.Old = at, b
		if at >= opts.RelayMsg.Off {
			c.To = len(out)
		}
	})
}

// shell takes apart what is around the message inside a relay message, which
// begins at inner. Each part goes to put with its octets, its offset, and the
// key that makes this relay send it.
func shell(m []byte, inner int, put func(c *Change, b []byte, at int, key string)) []Change {
	var cs []Change
	part := func(name, text string, at, n int, key string) {
		c := Change{Field: name, OldText: text}
		put(&c, m[at:at+n], at, key)
		cs = append(cs, c)
	}
	p := dhcp6.Message(m)
	part("msg-type", p.Type().String(), 0, 1, "")
	part("hop-count", strconv.Itoa(int(p.HopCount())), 1, 1, "")
	part("link-address", p.LinkAddress().String(), 2, 16, "dhcpv6.link_address")
	part("peer-address", p.PeerAddress().String(), 18, 16, "")
	for at := dhcp6.RelayHeaderLen; at+dhcp6.OptionHeaderLen <= len(m); {
		code := binary.BigEndian.Uint16(m[at:])
		n := dhcp6.OptionHeaderLen + int(binary.BigEndian.Uint16(m[at+2:]))
		if at+dhcp6.OptionHeaderLen == inner {
			part("option 9 (Relay Message)", fmt.Sprintf("around the message of %d octets", n-dhcp6.OptionHeaderLen), at, dhcp6.OptionHeaderLen, "")
		} else {
			value := m[at+dhcp6.OptionHeaderLen : at+n]
			part(nameOf6(code), textOf6(code, value), at, n, settingOf6(code))
		}
		at += n
	}
	return cs
}

func nameOf6(code uint16) string {
	names := map[uint16]string{
		dhcp6.OptionInterfaceID: "Interface-Id", dhcp6.OptionRemoteID: "Remote-Id", dhcp6.OptionSubscriberID: "Subscriber-Id",
		dhcp6.OptionEchoRequest: "Echo Request", dhcp6.OptionRelayID: "Relay-Id", dhcp6.OptionRSOO: "Relay-Supplied Options",
		dhcp6.OptionVSS: "Virtual Subnet Selection", dhcp6.OptionClientLinkLayer: "Client Link-Layer Address",
		dhcp6.OptionRelayPort: "Relay Source Port", dhcp6.OptionRelayMsg: "Relay Message",
	}
	s := "option " + strconv.Itoa(int(code))
	if n, ok := names[code]; ok {
		s += " (" + n + ")"
	}
	return s
}

// textOf6 returns the value of an option as people read it, "" if hexadecimal
// says as much.
func textOf6(code uint16, v []byte) string {
	switch {
	case code == dhcp6.OptionClientLinkLayer && len(v) > 2:
		return text.Octets(v[2:])
	case code == dhcp6.OptionRemoteID && len(v) > 4:
		return fmt.Sprintf("enterprise %d: %s", binary.BigEndian.Uint32(v), either(printable(v[4:]), hex.EncodeToString(v[4:])))
	case code == dhcp6.OptionRelayPort && len(v) == 2:
		return strconv.Itoa(int(binary.BigEndian.Uint16(v)))
	case code == dhcp6.OptionVSS && len(v) > 0:
		return vpn(v[0], v[1:])
	case code == dhcp6.OptionLinkAddress && len(v) == 16:
		return netip.AddrFrom16([16]byte(v)).String()
	}
	return printable(v)
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// settingOf6 returns the key that makes this relay send an option.
func settingOf6(code uint16) string {
	switch code {
	case dhcp6.OptionInterfaceID:
		return "dhcpv6.interface_id"
	case dhcp6.OptionRemoteID:
		return "dhcpv6.remote_id"
	case dhcp6.OptionSubscriberID:
		return "dhcpv6.subscriber_id"
	case dhcp6.OptionEchoRequest:
		return "dhcpv6.echo_request"
	case dhcp6.OptionRelayID:
		return "dhcpv6.relay_id"
	case dhcp6.OptionRSOO:
		return "dhcpv6.rsoo"
	case dhcp6.OptionVSS:
		return "dhcpv6.vss"
	case dhcp6.OptionClientLinkLayer:
		return "dhcpv6.client_mac"
	case dhcp6.OptionRelayPort:
		return "dhcpv6.source_port"
	}
	return ""
}
