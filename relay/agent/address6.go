package agent

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/dhcp"
)

var errNoLinkLocal = errors.New("it has no IPv6 link-local address, without which IPv6 does not work on it (RFC 4291, section 2.8)")

// hint6 says what to do about a link without link-address.
func hint6(err error) string {
	if errors.Is(err, giaddr.ErrDuplicate) {
		return "find the host that has the same address, or set dhcpv6.link_address to an address of the clients' prefix"
	}
	return "give the interface a global IPv6 address, or set dhcpv6.link_address to an address of the clients' prefix"
}

// sends6 reports whether this host can send from an address to servers now. While duplicate address detection goes on the kernel
// refuses it.
func sends6(a netip.Addr, l *giaddr.Link, near []giaddr.Link) bool {
	can := func(h *giaddr.Link) bool {
		return slices.ContainsFunc(h.Addrs, func(b giaddr.Addr) bool {
			return b.Prefix.Addr() == a && b.Source()
		})
	}
	switch {
	case a.IsLinkLocalUnicast():
		return false // it would not leave the link
	case can(l):
		return true
	}
	for i := range near {
		if can(&near[i]) {
			return true
		}
	}
	return false
}

// checkLinkLocal finds a link on which IPv6 cannot work. An address that is still
// tentative is one.
func (l *Link) checkLinkLocal(ps *problems) {
	why := errNoLinkLocal
	for i := range l.Host.Addrs {
		a := &l.Host.Addrs[i]
		switch ip := a.Prefix.Addr(); {
		case !linkLocal6(ip):
		case a.Duplicate:
			why = fmt.Errorf("%s is %w, and %w", ip, giaddr.ErrDuplicate, errNoLinkLocal)
		default:
			return
		}
	}
	l.Side[dhcp.V6].fail(NoLinkLocal, why)
	ps.add(l.Host.Name, why.Error(), "give it one: ip address add fe80::1/64 dev "+l.Host.Name+", or let the kernel make one (sysctl addr_gen_mode, disable_ipv6)")
}

// checkLinkAddress tells of a link-address that servers may make nothing of.
func (l *Link) checkLinkAddress(ps *problems) {
	c, choice := &l.Interface.V6, &l.Side[dhcp.V6].Choices[0]
	a := choice.Addr
	switch c.Address.Kind {
	case giaddr.LinkLocal:
		ps.add(l.Host.Name, `link_address = "link-local": servers that go by the link-address take its clients for strangers and declare their leases void `+
			"at each renewal (ISC dhcpd by lifetimes of 0, Kea by NoBinding; RFC 9915, section 18.3.4)",
			"have the servers choose by the Interface-Id, or give the interface a global IPv6 address and remove link_address")
	case giaddr.Given:
		if !choice.Local.IsValid() && l.numbered(a) {
			ps.add(l.Host.Name, "link_address = \""+a.String()+"\" is in none of its prefixes, so servers may take its clients for strangers and declare their leases void",
				"write an address of the clients' prefix, unless that is not on the interface")
		}
	case giaddr.Primary, giaddr.InPrefix, giaddr.Borrowed:
		return // what is tentative now can be sent from soon
	}
	if c.Source == SourceGiaddr && !choice.Local.IsValid() {
		ps.add(l.Host.Name, "source = \"link_address\" has no effect, for this host cannot send to servers from "+a.String(),
			`write source = "route", or an address that it has`)
	}
}

// numbered reports whether the link has IPv6 prefixes, of which none holds the
// address.
func (l *Link) numbered(a netip.Addr) bool {
	some := false
	for i := range l.Host.Addrs {
		p := l.Host.Addrs[i].Prefix
		if !p.Addr().Is6() || p.Addr().IsLinkLocalUnicast() {
			continue
		}
		if p.Contains(a) {
			return false
		}
		some = true
	}
	return some
}
