package explain

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp6"
)

// message6 writes a DHCPv6 message (RFC 9915, section 8), or a Relay-forward
// around a Solicit (section 9).
func (c *Client) message6(mac []byte, xid uint32) ([]byte, error) {
	t, err := c.kind(6)
	if err != nil {
		return nil, err
	}
	if err := c.limits(0xff); err != nil {
		return nil, err
	}
	if c.Ciaddr != "" {
		return nil, bad("ciaddr", "DHCPv6 has no such field; leave it out")
	}
	inner := t
	if dhcp6.Type(t) == dhcp6.RelayForward {
		inner = int(dhcp6.Solicit)
	}
	id := append([]byte{0, 3, 0, 1}, mac...) // DUID-LL on Ethernet (RFC 9915, section 11.4)
	if c.DUID != "" {
		if id, err = hexOctets(c.DUID); err != nil || len(id) < 3 || len(id) > 130 {
			return nil, bad("duid", "%q is no DUID; write 3 to 130 octets in hexadecimal, such as 00:03:00:01:02:00:00:00:00:01", c.DUID)
		}
	}
	b := binary.BigEndian.AppendUint32(nil, uint32(inner)<<24|xid)
	b = dhcp6.AppendOption(b, dhcp6.OptionClientID, id)
	for _, s := range c.Options {
		code, value, err := parseOption(s, true)
		if err != nil {
			return nil, &inputError{"option", err.Error()}
		}
		b = dhcp6.AppendOption(b, uint16(code), value)
	}
	if inner == t {
		if c.Giaddr != "" || c.Hops != 0 {
			return nil, bad("type", "--hops and --giaddr are fields of a Relay-forward; write --type relay_forward, or leave them out")
		}
		return b, nil
	}
	h := dhcp6.Header{Hop: byte(c.Hops), Peer: linkLocal(mac)}
	if c.Giaddr != "" {
		if h.Link, err = netip.ParseAddr(c.Giaddr); err != nil || !h.Link.Is6() || h.Link.Zone() != "" {
			return nil, bad("giaddr", "%q is no IPv6 address to be the link-address; write one such as 2001:db8:1::1", c.Giaddr)
		}
	}
	store := append(make([]byte, agent.Headroom), b...)
	at, ok := dhcp6.Encapsulate(store, agent.Headroom, len(b), h, nil)
	if !ok {
		return nil, errors.New("the message is too large for a Relay-forward; leave options out")
	}
	return store[at:], nil
}

// linkLocal returns the address that an interface makes of its link-layer one
// (RFC 4291, appendix A).
func linkLocal(mac []byte) netip.Addr {
	return netip.AddrFrom16([16]byte{
		0xfe, 0x80, 0, 0, 0, 0, 0, 0,
		mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5],
	})
}

func names6() []string {
	names := []string{""}
	for t := dhcp6.Solicit; t.String() != "unknown"; t++ {
		names = append(names, t.String())
	}
	return names
}
