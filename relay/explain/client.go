package explain

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp6"
)

// A Client describes a message in the words of an operator. What is empty has
// the value that a usual client sends.
type Client struct {
	V6        bool
	Interface string
	Port      string // of the bridge, by which the message comes; empty: not known
	Type      string // name or number; "discover" or "solicit" if empty
	MAC       string
	Xid       string // decimal, or hexadecimal with 0x
	Hops      int
	Secs      int
	Ciaddr    string
	Giaddr    string // DHCPv6: link-address of a Relay-forward
	Broadcast bool
	DUID      string // octets in hexadecimal; made of the MAC if empty
	Options   []string
	From, To  string // addresses, with or without a port
}

// An inputError says what of a description cannot be used, and what to write.
type inputError struct {
	Name string // of the field, as the flag is called
	Text string
}

// Error returns the error as one line.
func (e *inputError) Error() string { return "--" + e.Name + ": " + e.Text }

func bad(name, format string, args ...any) error {
	return &inputError{name, fmt.Sprintf(format, args...)}
}

// Message returns the message that a client of the description sends.
func (c *Client) Message() (Message, error) {
	mac, err := parseMAC(c.MAC)
	if err != nil {
		return Message{}, &inputError{"mac", err.Error()}
	}
	m := Message{Link: c.Interface, Port: c.Port, MAC: mac}
	xid, err := c.xid()
	if err != nil {
		return m, err
	}
	if c.V6 {
		m.Data, err = c.message6(mac, xid)
	} else {
		m.Data, err = c.message4(mac, xid)
	}
	if err != nil {
		return m, err
	}
	m.Src, m.Dst, err = c.addresses(mac)
	return m, err
}

func (c *Client) xid() (uint32, error) {
	if c.Xid == "" {
		return 1, nil
	}
	bits := 32
	if c.V6 {
		bits = 24
	}
	n, err := strconv.ParseUint(c.Xid, 0, bits)
	if err != nil {
		return 0, bad("xid", "%q is no number of %d bits; write one such as 0x12ab", c.Xid, bits)
	}
	return uint32(n), nil
}

// addresses returns source and destination of the message.
func (c *Client) addresses(mac []byte) (src, dst netip.AddrPort, err error) {
	src = netip.AddrPortFrom(netip.IPv4Unspecified(), 68)
	dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), 67)
	if c.V6 {
		src = netip.AddrPortFrom(linkLocal(mac), 546)
		dst = netip.AddrPortFrom(agent.AllRelays(), 547)
	}
	if c.Ciaddr != "" {
		// message4 has read it.
		src = netip.AddrPortFrom(netip.MustParseAddr(c.Ciaddr), 68)
	}
	relayed := !c.V6 && c.Giaddr != "" || c.V6 && normal(c.Type) == dhcp6.RelayForward.String()
	if relayed {
		src = netip.AddrPortFrom(src.Addr(), dst.Port())
		if !c.V6 {
			src = netip.AddrPortFrom(netip.MustParseAddr(c.Giaddr), dst.Port())
		}
	}
	if src, err = c.address("from", c.From, src); err != nil {
		return src, dst, err
	}
	dst, err = c.address("to", c.To, dst)
	return src, dst, err
}

// address reads an address with or without port in place of the usual one.
func (c *Client) address(name, s string, usual netip.AddrPort) (netip.AddrPort, error) {
	if s == "" {
		return usual, nil
	}
	if a, err := netip.ParseAddr(s); err == nil {
		usual = netip.AddrPortFrom(a, usual.Port())
	} else if usual, err = netip.ParseAddrPort(s); err != nil {
		return usual, bad(name, "%q is no address; write one such as %s", s, c.example())
	}
	if a := usual.Addr(); a.Is4() == c.V6 || a.Is4In6() || a.Zone() != "" {
		return usual, bad(name, "%q is of the wrong family or has a zone; write one such as %s", s, c.example())
	}
	return usual, nil
}

func (c *Client) example() string {
	if c.V6 {
		return "fe80::1 or [fe80::1]:546"
	}
	return "192.0.2.50 or 192.0.2.50:68"
}

// normal returns a message type's name as the metrics write it.
func normal(s string) string {
	return strings.ReplaceAll(strings.ToLower(s), "-", "_")
}

// kind returns the number of the message type.
func (c *Client) kind(version int) (int, error) {
	names, usual := names4(), "discover"
	if version == 6 {
		names, usual = names6(), "solicit"
	}
	s := normal(c.Type)
	if s == "" {
		s = usual
	}
	if i := slices.Index(names, s); i >= 0 {
		return i, nil
	}
	if n, err := strconv.ParseUint(s, 10, 8); err == nil {
		return int(n), nil
	}
	list := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "" })
	return 0, bad("type", "there is no DHCPv%d message type %q; write a number, or one of %s", version, c.Type, strings.Join(list, ", "))
}
