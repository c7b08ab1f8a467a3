package agent

import (
	"errors"
	"net/netip"
	"strconv"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/dhcp"
)

var errDown = errors.New("the interface is down or has no carrier")

// A Problem is something in a policy that does not fit the links of the moment.
// The relay works without what it concerns.
type Problem struct {
	Interface string // the link or pattern concerned
	Entry     int    // which of Policy.Interfaces holds for nothing, counted from 1; 0 for other problems
	Text      string // what is wrong
	Hint      string // what to do
	Fatal     bool   // no change of the host can make it right
}

// String returns the problem as one line.
func (p Problem) String() string { return p.Interface + ": " + p.Text + "; " + p.Hint }

type problems []Problem

func (p *problems) add(link, text, hint string) {
	*p = append(*p, Problem{Interface: link, Text: text, Hint: hint})
}

// check tells of what is unlikely to be meant, or cannot work now.
func (s *Snapshot) check(host []giaddr.Link, ps *problems) {
	everyone := s.broadcasts(host)
	for _, l := range s.Links {
		if l.Host.Master != "" {
			continue
		}
		s.checkAddresses(l, ps)
		for _, i := range l.Interface.Servers {
			s.checkServer(l, i, everyone[i], ps)
		}
	}
}

// checkAddresses tells of addresses that the relay is to use and has not.
func (s *Snapshot) checkAddresses(l *Link, ps *problems) {
	in := l.Interface
	tell := func(what string, a netip.Addr) {
		ps.add(l.Host.Name, "the "+what+" "+a.String()+" is no address of this host", "write one that it has, or add it to an interface")
	}
	for f := range dhcp.Family(dhcp.Families) {
		if c := in.Of(f); c.Source == SourceGiven && len(l.Side[f].Servers) > 0 && !s.ownsNear(l, c.SourceAddr) {
			tell("source", c.SourceAddr)
		}
	}
	// RFC 5107, section 4: clients send there, so it must be where they are.
	if o := &in.V4.Option82; o.Override && o.OverrideAddr.IsValid() && !s.Owns(l.Host.VRF, o.OverrideAddr) {
		tell("server identifier override", o.OverrideAddr)
	}
}

// broadcasts finds the servers, by index, that are broadcast addresses of this host's
// networks, and says of which. The first address of a network is one too (RFC 1122,
// section 3.3.6).
func (s *Snapshot) broadcasts(host []giaddr.Link) map[int]string {
	of := make(map[int]string)
	at := make(map[ownAddr][]int, len(s.Policy.Servers))
	for i := range s.Policy.Servers {
		v := &s.Policy.Servers[i]
		if vrf, ok := s.vrf(v.VRF); ok && v.Addr.Addr().Is4() {
			h := ownAddrOf(vrf, v.Addr.Addr())
			at[h] = append(at[h], i)
		}
	}
	for i := range host {
		for _, a := range host[i].Addrs {
			last := giaddr.Broadcast(a.Prefix)
			if !last.IsValid() {
				continue
			}
			for _, b := range []netip.Addr{last, a.Prefix.Masked().Addr()} {
				for _, n := range at[ownAddrOf(host[i].VRF, b)] {
					of[n] = a.Prefix.Masked().String() + " on " + host[i].Name
				}
			}
		}
	}
	return of
}

// checkServer tells of a server that is unlikely to be meant, or out of reach;
// everyone is the network of which it is a broadcast address, "" for none.
func (s *Snapshot) checkServer(l *Link, i int, everyone string, ps *problems) {
	v := &s.Policy.Servers[i]
	a := v.Addr.Addr()
	tell := func(text, hint string) { ps.add(l.Host.Name, "the server "+a.String()+" "+text, hint) }
	vrf, exists := s.vrf(v.VRF)
	if !exists {
		tell("is in the VRF "+v.VRF+", which does not exist now", "nothing to do if it is to appear later")
		return
	}
	out, exists := s.Out(i)
	switch {
	case !exists:
		tell("is to be reached on "+v.Link+", which does not exist now", "nothing to do if it is to appear later")
	case out != 0 && s.vrfOf[out] != v.VRF:
		where := "the default VRF"
		if name := s.vrfOf[out]; name != "" {
			where = "the VRF " + name
		}
		tell("is to be reached on "+v.Link+", which is in "+where, "write vrf = "+strconv.Quote(s.vrfOf[out])+" in its [[server]]")
	}
	if v.Source.IsValid() && !s.Owns(vrf, v.Source) {
		where := ""
		if v.VRF != "" {
			where = " in the VRF " + v.VRF
		}
		tell("gets its requests from "+v.Source.String()+", which is no address of this host"+where, "write in its [[server]] a source that it has, or add it to an interface")
	}
	if everyone != "" {
		tell("is a broadcast address of "+everyone+", so that each request goes to all that is there", "name the server's own address")
		return
	}
	if f := dhcp.FamilyOf(a); s.Owns(vrf, a) && v.Addr.Port() == f.Port() {
		tell("is an address of this host", "name the server's own address")
	}
	for _, own := range l.Host.Addrs {
		if own.Prefix.Contains(a) && vrf == l.Host.VRF {
			tell("is on the clients' own subnet "+own.Prefix.Masked().String(), "clients there reach it without a relay; remove it unless broadcasts are filtered")
			return
		}
	}
}
