package agent

import (
	"errors"
	"net/netip"
	"slices"
	"strings"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/dhcp"
)

// An Active says while what an interface is served, where several routers could serve
// it. The zero value says always.
type Active struct {
	// Addrs are addresses of which this host must have one, such as the virtual address
	// of VRRP (RFC 9568): a link-local one on the link, or on a macvlan of it, others
	// anywhere, but for a macvlan without carrier. For a family of which there is one, those of the other do not count.
	Addrs []netip.Addr
	File  string // path of a file that must say so, "" for none; see Policy.Held
}

// Always reports whether nothing is asked for.
func (a *Active) Always() bool { return len(a.Addrs) == 0 && a.File == "" }

// Files lists the files of every Active, each once.
func (p *Policy) Files() (files []string) {
	for i := range p.Interfaces {
		if f := p.Interfaces[i].Active.File; f != "" && !slices.Contains(files, f) {
			files = append(files, f)
		}
	}
	return files
}

// A holder knows which addresses this host has, as far as an Active asks.
type holder struct {
	base    map[int]int // see bases
	anyLink map[netip.Addr]struct{}
	local   map[place]struct{}    // link-local ones, by the link at the bottom
	idle    map[netip.Addr]string // those that only a macvlan without carrier has, and its name
}

// newHolder looks the host through, if an interface of the policy asks.
func newHolder(p *Policy, host []giaddr.Link) (h holder) {
	if !slices.ContainsFunc(p.Interfaces, func(i Interface) bool { return len(i.Active.Addrs) > 0 }) {
		return h
	}
	h = holder{bases(host), make(map[netip.Addr]struct{}), make(map[place]struct{}), make(map[netip.Addr]string)}
	for i := range host {
		for _, a := range host[i].Addrs {
			switch addr := a.Prefix.Addr(); {
			case a.Duplicate:
			case host[i].Lower != 0 && !host[i].Up:
				// In the state backup FRR's VRRP leaves the macvlan its addresses and takes the carrier
				// from it.
				h.idle[addr] = host[i].Name
			case linkLocal6(addr):
				h.local[place{addr, h.bottom(host[i].Index)}] = struct{}{}
			default:
				h.anyLink[addr] = struct{}{}
			}
		}
	}
	return h
}

// bottom returns the link that a macvlan or ipvlan is on, the link itself for others.
func (h *holder) bottom(link int) int {
	if b, ok := h.base[link]; ok {
		return b
	}
	return link
}

// has reports whether this host has an address where it is to be.
func (h *holder) has(a netip.Addr, link int) bool {
	if linkLocal6(a) {
		_, ok := h.local[place{a, h.bottom(link)}]
		return ok
	}
	_, ok := h.anyLink[a]
	return ok
}

// waits says why a link is not served in a family now, nil if it is.
func (h *holder) waits(p *Policy, l *Link, f dhcp.Family) error {
	a := &l.Interface.Active
	if a.File != "" && !p.Held[a.File] {
		return errors.New("the file " + a.File + " does not say that this router is active")
	}
	want := a.of(f)
	if len(want) == 0 || slices.ContainsFunc(want, func(a netip.Addr) bool { return h.has(a, l.Host.Index) }) {
		return nil
	}
	names := make([]string, len(want))
	for i := range want {
		names[i] = want[i].String()
		if on, ok := h.idle[want[i]]; ok {
			names[i] += " (but on " + on + ", which has no carrier)"
		}
	}
	return errors.New("this host does not have " + strings.Join(names, " or "))
}

// of returns the addresses that count for a family.
func (a *Active) of(f dhcp.Family) (of []netip.Addr) {
	for _, addr := range a.Addrs {
		if dhcp.FamilyOf(addr) == f {
			of = append(of, addr)
		}
	}
	if len(of) == 0 {
		return a.Addrs
	}
	return of
}
