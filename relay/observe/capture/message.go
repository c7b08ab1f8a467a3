//go:build !small

package capture

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/text"
	"dhcp-relay/relay/wire/dhcp"
)

// A packet is one that is written.
type packet struct {
	at      time.Time
	on      int // capture interface
	out     bool
	data    []byte // with IP and UDP header
	size    int    // octets before the recorder cut it
	comment string
}

// add adds the packets of one message: as received, and each copy as sent.
func (c *file) add(m *recorder.Message) error {
	received, sent := m.Received, m.Sent
	src, client := m.Src, m.Client
	if c.o.Redact {
		received, sent = redacted(m.Family, received), redacted(m.Family, sent)
		src, client = c.hide(m, src, client)
	}
	if !m.Further {
		p := packet{at: m.At, on: c.on(m.Heard), comment: c.outcome(m)}
		if err := c.put(p, src, m.Dst, received, m.Size); err != nil {
			return err
		}
	}
	if m.Outcome != agent.Relayed {
		return nil
	}
	copies, froms, on := []netip.AddrPort{client}, []netip.Addr{m.From}, c.on(m.Link)
	if m.To == agent.ToServers {
		copies, froms = lastForm(m)
		on = 0
	}
	for i, to := range copies {
		p := packet{at: m.Done, on: on, out: true, comment: c.copied(m, i, len(copies))}
		src := netip.AddrPortFrom(froms[i].WithZone(""), m.Family.Port())
		if !froms[i].IsValid() {
			src = netip.AddrPortFrom(unspecified(m.Family), src.Port())
		}
		if m.To == agent.ToServers {
			p.on, src = c.toward(to, src)
		}
		if err := c.put(p, src, to, sent, m.SentLen); err != nil {
			return err
		}
	}
	return nil
}

// toward returns the capture interface of what went to a server, and its source: the
// kernel's if the relay named none.
func (c *file) toward(server, from netip.AddrPort) (on int, src netip.AddrPort) {
	path := c.o.Paths[server]
	if from.Addr().IsUnspecified() && path.Source.IsValid() {
		from = netip.AddrPortFrom(path.Source.WithZone(""), from.Port())
	}
	return c.on(path.Link), from
}

// put adds a packet with a payload of size octets, of which there may be but the
// beginning.
func (c *file) put(p packet, src, dst netip.AddrPort, payload []byte, size int) (err error) {
	p.size = sizeCooked + headersOf(dst.Addr()) + size
	p.data, err = datagram(cooked(p.out, dst.Addr()), src, dst, payload, size)
	c.packets = append(c.packets, p)
	return err
}

// lastForm returns the servers that got a message in the form of m.Sent, and the source
// of each copy.
func lastForm(m *recorder.Message) (servers []netip.AddrPort, froms []netip.Addr) {
	for i, s := range m.Servers {
		if !slices.Contains(m.Earlier, s) {
			servers, froms = append(servers, s), append(froms, m.FromTo(i))
		}
	}
	return servers, froms
}

// outcome returns what became of a message.
func (c *file) outcome(m *recorder.Message) string {
	if m.Outcome != agent.Relayed {
		d := m.Outcome.DocOf(m.Direction)
		return fmt.Sprintf("dropped: %s: %s %s", d.Name, d.What, d.Remedy)
	}
	if m.To == agent.ToServers {
		names := make([]string, 0, len(m.Servers))
		for _, s := range m.Servers {
			names = append(names, s.Addr().String())
		}
		s := "relayed to " + strings.Join(names, ", ")
		if m.Omitted {
			s += " without option 82, for want of room"
		}
		return s
	}
	to, on := m.Client.Addr().WithZone("").String(), c.name(m.Link)
	if c.o.Redact && !m.Client.Addr().IsMulticast() && m.Client.Addr() != broadcast() {
		to = "the client"
	}
	if m.To == agent.ToFrame && !c.o.Redact {
		to += " (" + text.Octets(m.HW[:]) + ")"
	}
	return "relayed to " + to + " on " + on
}

// copied says what a packet is that was sent.
func (c *file) copied(m *recorder.Message, i, n int) string {
	after := m.Done.Sub(m.At).Round(time.Microsecond)
	if m.To == agent.ToServers {
		return fmt.Sprintf("sent: copy %d of %d of what was received on %s, %s later", i+1, n, c.name(m.Heard), after)
	}
	return fmt.Sprintf("sent on %s: the reply that was received on %s, %s later", c.name(m.Link), c.name(m.Heard), after)
}

// hide blanks the addresses of clients in the headers: the source of what a
// client sent, and the destination of what it was sent. Those of relays, which
// are known by what they send and the port that they are sent to, stay.
func (c *file) hide(m *recorder.Message, src, client netip.AddrPort) (netip.AddrPort, netip.AddrPort) {
	if m.Direction == dhcp.Requests && !chained(m) && !src.Addr().IsUnspecified() {
		src = netip.AddrPortFrom(unspecified(m.Family), src.Port())
	}
	a := client.Addr()
	if a.IsValid() && client.Port() != m.Family.Port() && !a.IsMulticast() && a != broadcast() {
		client = netip.AddrPortFrom(unspecified(m.Family), client.Port())
	}
	return src, client
}

// redacted returns a copy of a payload without what identifies a client.
func redacted(f dhcp.Family, payload []byte) []byte {
	b := bytes.Clone(payload)
	if f == dhcp.V6 {
		redact6(b)
	} else {
		redact4(b)
	}
	return b
}

func unspecified(f dhcp.Family) netip.Addr {
	if f == dhcp.V6 {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

func broadcast() netip.Addr { return netip.AddrFrom4([4]byte{255, 255, 255, 255}) }
