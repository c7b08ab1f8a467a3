package explain

import (
	"bytes"
	"fmt"
	"net/netip"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/text"
	"dhcp-relay/relay/wire/dhcp"
)

// copies returns what is sent, each form of the message once.
func (r *Relay) copies(m *Message, b agent.Buf, v agent.Verdict) []Copy {
	if v.To != agent.ToServers {
		return []Copy{r.form(m, &b, &v, []Send{r.toClient(&v)})}
	}
	var sends [agent.NumForms][]Send
	for c := range r.plan.Copies(&v) {
		sends[c.Form] = append(sends[c.Form], r.toServer(&c, &v))
	}
	var all []Copy
	for f := range sends {
		if len(sends[f]) > 0 {
			other, w := clone(&b), v
			w.Shape(&other, agent.Form(f))
			all = append(all, r.form(m, &other, &w, sends[f]))
		}
	}
	return all
}

// form tells how a message has changed for those who get it.
func (r *Relay) form(m *Message, b *agent.Buf, v *agent.Verdict, sends []Send) Copy {
	out := bytes.Clone(b.Bytes())
	c := Copy{Sends: sends, Octets: len(out), Data: out}
	if v.Family == dhcp.V6 {
		c.Changes = changes6(m.Data, out, v.Direction)
	} else {
		c.Changes = changes4(m.Data, out, v.Direction)
	}
	if c.Changes == nil {
		c.Changes = []Change{}
	}
	return c
}

func (r *Relay) toServer(c *agent.Copy, v *agent.Verdict) Send {
	to := &r.snap.Policy.Servers[c.Server]
	s := Send{
		Towards: "server", Cast: "unicast", Destination: to.Addr, DNSName: to.Host, VRF: to.VRF,
		SourcePort: c.From.Port, Interface: to.Link,
	}
	if src := v.SourceTo(to); src.IsValid() {
		s.Source = &src
	}
	if to.Addr.Addr().IsMulticast() {
		s.Cast = "multicast"
	}
	switch c.Lacks {
	case agent.Nothing:
	case agent.NoVRF:
		s.Problem = "the VRF " + to.VRF + " does not exist now"
	case agent.NoLink:
		s.Problem = "the interface " + to.Link + " does not exist now"
	}
	return s
}

func (r *Relay) toClient(v *agent.Verdict) Send {
	s := Send{
		Towards: "client", Cast: "unicast", Destination: netip.AddrPortFrom(v.Dst, v.Port),
		SourcePort: v.Family.Port(), Interface: v.Link.Host.Name, VRF: r.plan.VRFName(r.plan.VRF(v.Link.Host.Index)),
	}
	if v.Src.IsValid() {
		s.Source = &v.Src
	}
	if v.Chained {
		s.Towards = "relay"
	}
	if v.Dst == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		s.Cast = "broadcast"
	}
	if v.To == agent.ToFrame {
		s.FrameFrom, s.FrameTo = text.Octets(v.Link.Host.MAC), "ff:ff:ff:ff:ff:ff"
		if v.HW != nil {
			s.FrameTo = text.Octets(v.HW)
		}
	}
	return s
}

// headers4 is what IP and UDP put before a message, in octets.
const headers4 = 28

// notes returns what else there is to know about a message that is relayed.
func (r *Relay) notes(b agent.Buf, v agent.Verdict) []string {
	var notes []string
	if v.Omitted {
		notes = append(notes, "Option 82 is left out, for with it the message would be too large.")
	}
	if v.Chained {
		notes = append(notes, "It is sent only if that relay has asked from there within the last hour.")
	}
	if v.NoMAC {
		notes = append(notes, "Option 79 is left out, for the client's link-layer address is not known.")
	}
	if v.Frameable() {
		notes = append(notes, "It goes in a frame to where the client's request came from; by the kernel's neighbour table where that is not known, or CAP_NET_RAW is missing.")
	}
	if v.To == agent.ToServers && v.SrcPort != v.Link.Interface.Of(v.Family).SourcePort {
		notes = append(notes, fmt.Sprintf("It bears no suboption 19 of this relay, so it leaves from port %d (RFC 8357, section 5.1).", v.SrcPort))
	}
	if v.Family == dhcp.V4 && v.To == agent.ToServers && !v.Omitted {
		notes = append(notes, r.large(&b, v)...)
	}
	return notes
}

// large tells what becomes of a request where a route has too small an MTU for it.
func (r *Relay) large(b *agent.Buf, v agent.Verdict) []string {
	n, least := b.Len+headers4, r.leastMTU(v.Link.Host.Index)
	if least == 0 || n <= least {
		return nil
	}
	less := clone(b)
	note := fmt.Sprintf("These are %d octets of IP packet; where the MTU towards a server is less, ", n)
	switch v.TooLarge(&less) {
	case agent.Smaller:
		note += "option 82 is left out."
		if n = less.Len + headers4; n > least {
			note += fmt.Sprintf(" The %d octets that are left go out in fragments where that is still too large.", n)
		}
	case agent.Fragments:
		note += "they go out in fragments."
	case agent.Refused:
		note += "they are not sent."
	}
	return []string{note}
}

// leastMTU returns the smallest MTU of the interfaces by which servers may be
// reached, 0 if there are none.
func (r *Relay) leastMTU(clients int) int {
	least := 0
	for i := range r.host {
		l := &r.host[i]
		if l.Up && !l.Loopback && !l.IsVRF && l.Index != clients && l.MTU > 0 && (least == 0 || l.MTU < least) {
			least = l.MTU
		}
	}
	return least
}
