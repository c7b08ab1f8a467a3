package agent

import (
	"slices"
	"strconv"
	"strings"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/class"
	"dhcp-relay/relay/wire/dhcp"
)

// A port is what can be told of a port of a bridge, by slotKind.
type port struct {
	bridge int32 // index of the bridge
	name   string
	values [numSlots][]byte
}

// A linkPort is a port of a bridge as the requests of a link come by it.
type linkPort struct {
	link, port int // Link.ID, and the index of the port
}

// learnPorts notes what links ask of where their requests come from, and the ports of the
// bridges on which there are such that ask for the port.
func (s *Snapshot) learnPorts(host []giaddr.Link, ps *problems) {
	bridges := make(map[int]bool)
	ignoring := make(map[int32][]*Link)
	for _, l := range s.Links {
		for f := range l.Side {
			l.Side[f].ask(l.Interface, dhcp.Family(f))
		}
		at := l.Host.FDB.Bridge
		if at == 0 && l.Host.Master == "" && l.Interface.asksPort() {
			ps.add(l.Host.Name, "is no bridge, and no VLAN or macvlan on one, so it is not known by which port requests come: identifiers say \"unknown\", and ignore_ports ignores none",
				"name the bridge, or take {port} and ignore_ports out")
		}
		if at == 0 || !l.Side[dhcp.V4].Port && !l.Side[dhcp.V6].Port {
			continue
		}
		bridges[int(at)] = true
		if len(l.Interface.IgnorePorts) > 0 {
			ignoring[at] = append(ignoring[at], l)
		}
	}
	if len(bridges) == 0 {
		return
	}
	names := make(map[string]int32, len(bridges))
	for i := range host {
		if bridges[host[i].Index] {
			names[host[i].Name] = int32(host[i].Index)
		}
	}
	s.ports = make(map[int]*port)
	for i := range host {
		h := &host[i]
		bridge := names[h.Master]
		if bridge == 0 {
			continue
		}
		s.ports[h.Index] = newPort(bridge, h.Name, h.Alias)
		for _, l := range ignoring[bridge] {
			if l.Interface.IgnoresPort(h.Name, h.AltNames...) {
				if s.ignored == nil {
					s.ignored = make(map[linkPort]struct{})
				}
				s.ignored[linkPort{l.ID, h.Index}] = struct{}{}
			}
		}
	}
}

// ask notes what a side asks of where requests come from.
func (s *Side) ask(in *Interface, f dhcp.Family) {
	if len(s.Servers) == 0 {
		return
	}
	all := in.templates(f)
	if r := s.choosing.rules; r != nil {
		all = append(all, r.ids...)
		s.Port = r.match.Asks(class.Port)
	}
	s.Port = s.Port || len(in.IgnorePorts) > 0 || slices.ContainsFunc(all, Template.TellsPort)
	s.Frame = s.Port || slices.ContainsFunc(all, Template.TellsClient)
}

// IgnoresPort reports whether requests that come by a port of a bridge are not relayed.
func (i *Interface) IgnoresPort(name string, others ...string) bool {
	return slices.ContainsFunc(i.IgnorePorts, func(pattern string) bool {
		return giaddr.Match(pattern, name) || slices.ContainsFunc(others, func(name string) bool { return giaddr.Match(pattern, name) })
	})
}

// AsksFrame reports whether it matters in a family from which link-layer address requests
// come, on any of the interfaces.
func (p *Policy) AsksFrame(f dhcp.Family) bool {
	asks := slices.ContainsFunc(p.Interfaces, func(in Interface) bool {
		return !in.Off && (len(in.IgnorePorts) > 0 || slices.ContainsFunc(in.templates(f), Template.TellsClient))
	})
	return asks || slices.ContainsFunc(p.Classes, func(c Class) bool { return !c.Not[f] && (c.SubscriberID.TellsClient() || len(c.Rule[class.Port]) > 0) })
}

func newPort(bridge int32, name, alias string) *port {
	p := &port{bridge: bridge, name: name}
	if alias == "" {
		alias = name
	}
	slot, number := numbersOf(name)
	p.values[slotPort] = appendPrintable(nil, name, maxInterface)
	p.values[slotPortAlias] = appendPrintable(nil, alias, maxText)
	p.values[slotPortSlot] = strconv.AppendUint(nil, slot, 10)
	p.values[slotPortNumber] = strconv.AppendUint(nil, number, 10)
	p.values[slotPortSlotRaw] = []byte{byte(min(slot, 255))}
	p.values[slotPortNumberRaw] = []byte{byte(min(number, 255))}
	return p
}

// numbersOf returns the last two numbers in a name: swp3s1 is port 1 of slot 3.
func numbersOf(name string) (slot, number uint64) {
	for _, digits := range strings.FieldsFunc(name, func(r rune) bool { return r < '0' || r > '9' }) {
		n, err := strconv.ParseUint(digits, 10, 32)
		if err == nil {
			slot, number = number, n
		}
	}
	return slot, number
}

// unknowns are what is told where nothing is known.
func unknowns() *port {
	p := new(port)
	for k := range p.values {
		p.values[k] = []byte(unknownText)
	}
	p.values[slotPortSlotRaw], p.values[slotPortNumberRaw] = []byte{255}, []byte{255}
	p.values[slotClientMACRaw] = make([]byte, macLen)
	return p
}

// portOf returns the port that a request came by, nil if it is not known.
func (s *Snapshot) portOf(l *Link, in *Ingress) *port {
	if p := s.ports[in.Port]; p != nil && p.bridge == l.Host.FDB.Bridge {
		return p
	}
	return nil
}

// Port returns the name of the port that a request of a link came by, "" if it is not
// known.
func (s *Snapshot) Port(l *Link, in *Ingress) string {
	if p := s.portOf(l, in); p != nil {
		return p.name
	}
	return ""
}

// text returns the name of a port, nothing if it is not known.
func (p *port) text() []byte {
	if p == nil {
		return nil
	}
	return p.values[slotPort]
}

// asksPort reports whether the interface's own settings ask by which port requests come.
func (i *Interface) asksPort() bool {
	return len(i.IgnorePorts) > 0 || slices.ContainsFunc(slices.Concat(i.templates(dhcp.V4), i.templates(dhcp.V6)), Template.TellsPort)
}

// ignores reports whether requests that come by the port of this one are not relayed. Of
// a port that is not known they are.
func (s *Snapshot) ignores(l *Link, in *Ingress, v *Verdict) bool {
	v.Unidentified = len(l.Interface.IgnorePorts) > 0 && s.portOf(l, in) == nil
	_, ok := s.ignored[linkPort{l.ID, in.Port}]
	return ok
}

// templates returns the identifiers that are sent in a family.
func (i *Interface) templates(f dhcp.Family) []Template {
	if f == dhcp.V6 {
		return []Template{i.V6.InterfaceID, i.V6.RemoteID.ID, i.V6.SubscriberID}
	}
	o := &i.V4.Option82
	if !o.On {
		return nil
	}
	return []Template{o.CircuitID, o.RemoteID, o.SubscriberID}
}
