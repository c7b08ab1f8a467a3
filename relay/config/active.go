package config

import (
	"net/netip"
	"path/filepath"
	"strings"

	"dhcp-relay/relay/agent"
)

// wantActive says what active may be.
const wantActive = `"always", an address such as "10.1.0.1" or "fe80::1", a list of them, or the absolute path of a file`

// readActive reads while what an interface is served.
func readActive(r *reader, v value, to *settings) {
	if s, ok := v.any.(string); ok {
		switch {
		case s == "always":
			to.Active = agent.Active{}
			return
		case filepath.IsAbs(s):
			to.Active = agent.Active{File: filepath.Clean(s)}
			return
		}
		if a, ok := r.ownAddress(value{v.path, wantActive, s}); ok {
			to.Active = agent.Active{Addrs: []netip.Addr{a}}
		}
		return
	}
	list, ok := r.list(v, `an address such as "10.1.0.1"`)
	if !ok {
		return
	}
	if len(list) == 0 {
		r.fail(v, "", "the list is empty")
		return
	}
	var active agent.Active
	for _, v := range list {
		if a, ok := r.ownAddress(v); ok {
			active.Addrs = append(active.Addrs, a)
		}
	}
	to.Active = active
}

// ownAddress reads an address that this host may have.
func (r *reader) ownAddress(v value) (a netip.Addr, ok bool) {
	s, ok := r.text(v)
	if !ok {
		return a, false
	}
	hint := ""
	if plain, _, found := strings.Cut(s, "/"); found {
		hint = `write "` + plain + `", without the length of the prefix`
	}
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil:
		r.fail(v, hint, "%q is no address", s)
	case a.Zone() != "":
		r.fail(v, `write "`+a.WithZone("").String()+`": the link is the interface`, "%q has a zone", s)
	case a.IsUnspecified(), a.IsMulticast(), a.IsLoopback(), a.Is4In6(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		r.fail(v, "write an address that moves from router to router", "%q is no unicast address of a network", s)
	default:
		return a, true
	}
	return a, false
}
