package explain

import (
	"encoding/binary"
	"net/netip"

	"dhcp-relay/relay/wire/bootp"
)

// message4 writes a BOOTP message (RFC 2131, section 2).
func (c *Client) message4(mac []byte, xid uint32) ([]byte, error) {
	t, err := c.kind(4)
	if err != nil {
		return nil, err
	}
	if err := c.limits(0xff); err != nil {
		return nil, err
	}
	b := make([]byte, bootp.HeaderLen, 512)
	b[0], b[1], b[2], b[3] = bootp.Request, 1, byte(len(mac)), byte(c.Hops)
	binary.BigEndian.PutUint32(b[4:], xid)
	binary.BigEndian.PutUint16(b[8:], uint16(c.Secs))
	if c.Broadcast {
		b[10] = 0x80
	}
	for _, f := range []struct {
		name, value string
		off         int
	}{{"ciaddr", c.Ciaddr, 12}, {"giaddr", c.Giaddr, 24}} {
		if f.value == "" {
			continue
		}
		a, err := netip.ParseAddr(f.value)
		if err != nil || !a.Is4() {
			return nil, bad(f.name, "%q is no IPv4 address; write one such as 192.0.2.50", f.value)
		}
		copy(b[f.off:], a.AsSlice())
	}
	copy(b[28:], mac)
	if t > 0 {
		b = append(b, 99, 130, 83, 99, bootp.OptionMessageType, 1, byte(t))
	}
	for _, s := range c.Options {
		code, value, err := parseOption(s, false)
		if err != nil {
			return nil, &inputError{"option", err.Error()}
		}
		if t == 0 {
			return nil, bad("option", "plain BOOTP has no options; write another --type")
		}
		b = append(b, byte(code), byte(len(value)))
		b = append(b, value...)
	}
	if t > 0 {
		b = append(b, bootp.OptionEnd)
	}
	if len(b) < bootp.MinLen {
		b = append(b, make([]byte, bootp.MinLen-len(b))...)
	}
	return b, nil
}

// limits checks the numbers of the header.
func (c *Client) limits(hops int) error {
	switch {
	case c.Hops < 0 || c.Hops > hops:
		return bad("hops", "%d is out of range; write a number from 0 to %d", c.Hops, hops)
	case c.Secs < 0 || c.Secs > 0xffff:
		return bad("secs", "%d is out of range; write a number from 0 to 65535", c.Secs)
	}
	return nil
}

// names4 returns the names of the types that a client may send, by number.
func names4() []string {
	var names []string
	for t := bootp.Type(0); t.String() != "unknown"; t++ {
		names = append(names, t.String())
	}
	return names
}
