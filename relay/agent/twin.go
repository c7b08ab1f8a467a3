package agent

import (
	"errors"
	"strings"

	"dhcp-relay/giaddr"
)

// addMember adds what is said of a link that hears nothing itself. It has no choice,
// so that nothing is taken to be for its clients.
func (s *Snapshot) addMember(l *Link, ps *problems) {
	text, hint := memberOf(&l.Host)
	l.fail(Member, errors.New(text))
	ps.add(l.Host.Name, text, hint)
}

// memberOf says why a link hears nothing, and what to do.
func memberOf(h *giaddr.Link) (text, hint string) {
	return "is a port of " + h.Master + ", where its packets are heard", "name " + h.Master + " instead"
}

// pair finds the links that hear what a client-facing one hears: a macvlan or
// ipvlan, such as VRRP has for its virtual address, the link below it, and others
// on that. A broadcast comes in once by each of them.
func (s *Snapshot) pair(host []giaddr.Link, ps *problems) {
	base := bases(host)
	if base == nil {
		return
	}
	served := make(map[int]*Link)
	for _, l := range s.Links {
		b, ok := base[l.Host.Index]
		if !ok || l.Host.Master != "" {
			continue
		}
		if first := served[b]; first == nil {
			served[b] = l
		} else {
			tellTwins(first, l, ps)
		}
	}
	for index, b := range base {
		if l := served[b]; l != nil && s.byIndex[index] == nil {
			if s.twins == nil {
				s.twins = make(map[int]*Link)
			}
			s.twins[index] = l
		}
	}
}

// maxLowers bounds the walk down to the link that all others are on.
const maxLowers = 8

// bases returns the link at the bottom by the index of each link that is on
// another one or has others on it, nil if there are none.
func bases(host []giaddr.Link) map[int]int {
	var lower map[int]int
	for i := range host {
		if host[i].Lower != 0 {
			if lower == nil {
				lower = make(map[int]int)
			}
			lower[host[i].Index] = host[i].Lower
		}
	}
	if lower == nil {
		return nil
	}
	base := make(map[int]int, 2*len(lower))
	for index := range lower {
		b := index
		for range maxLowers {
			if lower[b] == 0 {
				break
			}
			b = lower[b]
		}
		base[index], base[b] = b, b
	}
	return base
}

// tellTwins tells of two links that hear the same and are both served.
func tellTwins(x, y *Link, ps *problems) {
	if y.Host.Lower == 0 {
		x, y = y, x
	}
	where := "on the same interface as " + x.Host.Name
	if y.Host.Lower == x.Host.Index {
		where = "on " + x.Host.Name
	}
	ps.add(y.Host.Name, "is "+article(y.Host.Kind)+" "+where+", which is the same network and served too, so each request goes out twice",
		"leave one of them out of the configuration")
}

// article puts one before the kind of a link: a macvlan, an ipvlan.
func article(kind string) string {
	if strings.HasPrefix(kind, "i") {
		return "an " + kind
	}
	return "a " + kind
}

// ingress returns the client-facing link that a message is taken to be heard on,
// nil if there is none. What comes by unicast to the address of a macvlan or ipvlan
// came by the network of the link that it is a twin of, and by no other way.
func (s *Snapshot) ingress(in *Ingress) *Link {
	l := s.byIndex[in.Link]
	if l != nil || s.twins == nil {
		return l
	}
	if in.Dst.Is4() {
		if t := s.twins[in.Link]; t != nil && s.Owns(t.Host.VRF, in.Dst) {
			return t
		}
		return nil
	}
	if in.Dst.IsMulticast() {
		return nil
	}
	return s.twins[in.Link]
}

// Twin returns the client-facing link on whose network the link with the interface
// index is as a macvlan or ipvlan, or below it; nil if there is none.
func (s *Snapshot) Twin(index int) *Link { return s.twins[index] }

// stray says why a request is not relayed that none of the configured links heard.
func (s *Snapshot) stray(in *Ingress) Reason {
	if s.twins[in.Link] != nil {
		return SameNetwork
	}
	return NotConfigured
}
