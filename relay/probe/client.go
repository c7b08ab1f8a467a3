// Package probe asks DHCP servers as a client would that is only a test: it writes the
// client's messages, reads the answers, and says what each server offers or what stands
// in the way. It has no sockets and no clock; package relay sends.
package probe

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// Name is what a probe calls itself, for those who run servers: in option 60 (RFC 2132,
// section 9.13), in DHCPv6 in the User Class (RFC 9915, section 21.15).
const Name = "dhcp-relay-probe"

// A Client is one that a relay makes up to ask from an interface.
type Client struct {
	Family dhcp.Family
	MAC    [6]byte // locally administered, always the same for an interface of a host
	Xid    uint32  // 24 bits in DHCPv6
}

// NewClient returns the client of an interface of a host; xid is to be random. Being
// always the same, it takes up no more than one address of a server that keeps what it
// offers.
func NewClient(f dhcp.Family, host, link string, xid uint32) *Client {
	sum := sha256.Sum256([]byte(host + "\x00" + link))
	c := &Client{Family: f, MAC: [6]byte{0x02, 'P', 'R', sum[0], sum[1], sum[2]}, Xid: xid}
	if f == dhcp.V6 {
		c.Xid &= 0xffffff
	}
	return c
}

// duid returns the client's DUID-LL (RFC 9915, section 11.4).
func (c *Client) duid() []byte { return append([]byte{0, 3, 0, 1}, c.MAC[:]...) }

// Ingress is how the client's messages would reach the interface with an index.
func (c *Client) Ingress(link int) agent.Ingress {
	in := agent.Ingress{Link: link, MAC: c.MAC[:], Unasked: true}
	if c.Family == dhcp.V4 {
		in.Src = netip.AddrPortFrom(netip.IPv4Unspecified(), 68)
		in.Dst = netip.AddrFrom4([4]byte{255, 255, 255, 255})
		return in
	}
	m := c.MAC
	in.Src = netip.AddrPortFrom(netip.AddrFrom16([16]byte{ // RFC 4291, appendix A
		0xfe, 0x80, 0, 0, 0, 0, 0, 0, m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5],
	}), 546)
	in.Dst = agent.AllRelays()
	return in
}

// Options of DHCPv4 that no relay needs.
const optLease, optServer, optWants, optClass, optEnd = 51, 54, 55, 60, 255

// Discover returns a DHCPDISCOVER or a Solicit, by which no lease is taken.
func (c *Client) Discover() []byte {
	if c.Family == dhcp.V6 {
		m := c.head6(dhcp6.Solicit)
		m = dhcp6.AppendOption(m, dhcp6.OptionElapsedTime, []byte{0, 0})
		return dhcp6.AppendOption(m, dhcp6.OptionIANA, c.iana(nil))
	}
	m := c.head4(bootp.Discover)
	m = append(m, optWants, 4, 1, 3, 6, optLease)
	return c.end4(m)
}

// iana returns the value of an IA_NA with options: the IAID is made of the MAC.
func (c *Client) iana(options []byte) []byte {
	b := append(bytes.Clone(c.MAC[2:]), make([]byte, 8)...)
	return append(b, options...)
}

func (c *Client) head6(t dhcp6.Type) []byte {
	m := binary.BigEndian.AppendUint32(nil, uint32(t)<<24|c.Xid)
	m = dhcp6.AppendOption(m, dhcp6.OptionClientID, c.duid())
	class := append(binary.BigEndian.AppendUint16(nil, uint16(len(Name))), Name...)
	return dhcp6.AppendOption(m, dhcp6.OptionUserClass, class)
}

func (c *Client) head4(t bootp.Type) []byte {
	m := make([]byte, bootp.HeaderLen, 512)
	m[0], m[1], m[2] = bootp.Request, 1, 6
	binary.BigEndian.PutUint32(m[4:], c.Xid)
	copy(m[28:], c.MAC[:])
	m = append(m, 99, 130, 83, 99, bootp.OptionMessageType, 1, byte(t), optClass, byte(len(Name)))
	return append(m, Name...)
}

// end4 ends the options, and pads what is shorter than BOOTP allows.
func (c *Client) end4(m []byte) []byte {
	m = append(m, optEnd)
	return append(m, make([]byte, max(0, bootp.MinLen-len(m)))...)
}

// Answers reports whether a message of a server, as it reaches the relay, answers one of
// the client's.
func (c *Client) Answers(m []byte) bool {
	if c.Family == dhcp.V6 {
		inner, ok := inner6(m)
		return ok && inner.Xid() == c.Xid && bytes.Equal(inner.ClientID(), c.duid())
	}
	p := bootp.Packet(m)
	return p.Valid() && p.Op() == bootp.Reply && p.Xid() == c.Xid && bytes.Equal(p.Chaddr(), c.MAC[:])
}

// Xid returns the transaction ID of a message of a server, as it reaches the relay; false
// if it has none.
func Xid(f dhcp.Family, m []byte) (uint32, bool) {
	if f == dhcp.V6 {
		inner, ok := inner6(m)
		if !ok {
			return 0, false
		}
		return inner.Xid(), true
	}
	p := bootp.Packet(m)
	if !p.Valid() {
		return 0, false
	}
	return p.Xid(), true
}

// inner6 returns what a Relay-reply brings to a client.
func inner6(m dhcp6.Message) (dhcp6.Message, bool) {
	if !m.Valid() || m.Type() != dhcp6.RelayReply {
		return nil, false
	}
	inner, _ := m.Innermost()
	return inner, inner.Valid() && !inner.IsRelay()
}

// An Offer is what a server answers.
type Offer struct {
	Type     string       // of the message, as the metrics name it
	Address  netip.Prefix // that it offers; not valid if none
	Lease    time.Duration
	ServerID netip.Addr // option 54; not valid if there is none
	Refusal  string     // why it offers nothing, in its own words if it has any; "" if it offers an address
	Taken    bool       // it has given the address away, without being asked to
}

// Read reads a message that Answers.
func (c *Client) Read(m []byte) (o Offer) {
	if c.Family == dhcp.V6 {
		inner, _ := inner6(m)
		return read6(inner)
	}
	p := bootp.Packet(m)
	for code, v := range p.Options() {
		switch {
		case code == bootp.OptionMessageType && len(v) == 1:
			o.Type = bootp.Type(v[0]).String()
			o.Taken = bootp.Type(v[0]) == bootp.Ack
			if bootp.Type(v[0]) == bootp.Nak {
				o.Refusal = "it refuses (DHCPNAK)"
			}
		case code == optLease && len(v) == 4:
			o.Lease = time.Duration(binary.BigEndian.Uint32(v)) * time.Second
		case code == optServer && len(v) == 4:
			o.ServerID = netip.AddrFrom4([4]byte(v))
		}
	}
	if a := p.Yiaddr(); !a.IsUnspecified() && o.Refusal == "" {
		o.Address = netip.PrefixFrom(a, 32)
	} else if o.Refusal == "" {
		o.Refusal = "it offers no address"
	}
	o.Taken = o.Taken && o.Address.IsValid()
	return o
}

func read6(m dhcp6.Message) (o Offer) {
	o.Type = m.Type().String()
	status := ""
	for code, v := range dhcp6.Options(m[dhcp6.HeaderLen:]) {
		switch {
		case code == dhcp6.OptionStatusCode:
			status = status6(v, status)
		case code == dhcp6.OptionIANA && len(v) >= 12:
			for code, v := range dhcp6.Options(v[12:]) {
				switch {
				case code == dhcp6.OptionIAAddr && len(v) >= 24 && !o.Address.IsValid():
					o.Address = netip.PrefixFrom(netip.AddrFrom16([16]byte(v)), 128)
					o.Lease = time.Duration(binary.BigEndian.Uint32(v[20:])) * time.Second
				case code == dhcp6.OptionStatusCode:
					status = status6(v, status)
				}
			}
		}
	}
	o.Taken = m.Type() == dhcp6.Reply && o.Address.IsValid()
	if !o.Address.IsValid() {
		o.Refusal = status
		if status == "" {
			o.Refusal = "it offers no address"
		}
	}
	return o
}

// status6 says what a Status Code says (RFC 9915, section 21.13), was if it is Success.
func status6(v []byte, was string) string {
	if len(v) < 2 {
		return was
	}
	code := binary.BigEndian.Uint16(v)
	if code == dhcp6.StatusSuccess {
		return was
	}
	names := map[uint16]string{
		dhcp6.StatusUnspecFail: "UnspecFail", dhcp6.StatusNoAddrsAvail: "NoAddrsAvail", dhcp6.StatusNoBinding: "NoBinding",
		dhcp6.StatusNotOnLink: "NotOnLink", dhcp6.StatusUseMulticast: "UseMulticast", dhcp6.StatusNoPrefixAvail: "NoPrefixAvail",
	}
	name := names[code]
	if name == "" {
		name = "a status that is not known"
	}
	if words := string(bytes.ToValidUTF8(v[2:], []byte("?"))); words != "" {
		name += ": " + words
	}
	return "it refuses (" + name + ")"
}

// Release returns what gives back an address that a server has given away, nil if an
// answer gives none.
func (c *Client) Release(m []byte) []byte {
	o := c.Read(m)
	switch {
	case !o.Taken:
		return nil
	case c.Family == dhcp.V6:
		inner, _ := inner6(m)
		r := c.head6(dhcp6.Release)
		r = dhcp6.AppendOption(r, dhcp6.OptionServerID, inner.ServerID())
		r = dhcp6.AppendOption(r, dhcp6.OptionElapsedTime, []byte{0, 0})
		a := o.Address.Addr().As16()
		return dhcp6.AppendOption(r, dhcp6.OptionIANA, c.iana(dhcp6.AppendOption(nil, dhcp6.OptionIAAddr, append(a[:], make([]byte, 8)...))))
	}
	r := c.head4(bootp.Release)
	copy(r[12:16], o.Address.Addr().AsSlice()) // ciaddr
	if id := o.ServerID; id.IsValid() {
		r = append(append(r, optServer, 4), id.AsSlice()...)
	}
	return c.end4(r)
}
