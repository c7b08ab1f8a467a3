package ladder

import (
	"encoding/hex"
	"fmt"
	"net"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// details returns what a row says beside the arrow, in parts that may stand on
// lines of their own.
func details(e *Event) []string {
	if e.Message6 != nil {
		return details6(e)
	}
	m := e.Message
	parts := []string{e.Frame.IPSrc.String() + ">" + e.Frame.IPDst.String()}
	add := func(name string, a net.IP) {
		if len(a) > 0 && !a.IsUnspecified() {
			parts = append(parts, name+" "+a.String())
		}
	}
	add("yiaddr", m.YourIPAddr)
	add("ciaddr", m.ClientIPAddr)
	add("wants", m.RequestedIPAddress())
	if e.Type == "REQUEST" {
		add("of", m.ServerIdentifier())
	}
	add("giaddr", m.GatewayIPAddr)
	if m.HopCount > 1 {
		parts = append(parts, fmt.Sprintf("hops %d", m.HopCount))
	}
	if subs := option82(m); len(subs) > 0 {
		subs[0] = "82[" + subs[0]
		subs[len(subs)-1] += "]"
		parts = append(parts, subs...)
	}
	return parts
}

// option82 returns the suboptions in the order of the wire, decoded.
func option82(m *dhcpv4.DHCPv4) []string {
	var out []string
	b := m.Options.Get(dhcpv4.OptionRelayAgentInformation)
	for len(b) >= 2 {
		end := 2 + int(b[1])
		if end > len(b) {
			return append(out, "truncated")
		}
		out = append(out, suboption(b[0], b[2:end]))
		b = b[end:]
	}
	return out
}

func suboption(code byte, v []byte) string {
	switch code {
	case 1:
		return "circuit=" + text(v)
	case 2:
		return "remote=" + text(v)
	case 5:
		return "link=" + address(v)
	case 6:
		return "subscriber=" + text(v)
	case 9:
		return "vendor=" + hex.EncodeToString(v)
	case 10:
		if len(v) == 1 && v[0]&0x80 != 0 {
			return "flags=unicast"
		}
		return "flags=broadcast"
	case 11:
		return "server-id=" + address(v)
	case 12:
		return "relay-id=" + hex.EncodeToString(v)
	case 19:
		return "source-port"
	case 151:
		return "vss=" + vss(v)
	case 152:
		return "vss-control"
	}
	return fmt.Sprintf("%d=%s", code, text(v))
}

func address(v []byte) string {
	if len(v) != net.IPv4len {
		return hex.EncodeToString(v)
	}
	return net.IP(v).String()
}

func vss(v []byte) string {
	if len(v) > 1 && v[0] == 0 {
		return text(v[1:])
	}
	return hex.EncodeToString(v)
}

// text returns printable octets as they are, and others in hexadecimal.
func text(v []byte) string {
	printable := func(r rune) bool { return r > ' ' && r < 0x7f && r != ']' }
	if len(v) > 0 && strings.IndexFunc(string(v), func(r rune) bool { return !printable(r) }) < 0 {
		return string(v)
	}
	return "0x" + hex.EncodeToString(v)
}
