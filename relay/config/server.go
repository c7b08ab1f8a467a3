package config

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"dhcp-relay/giaddr"
)

// The ports on which servers listen: DHCP (RFC 2131, section 4.1) and DHCPv6
// (RFC 9915, section 7.2).
const (
	port4 = 67
	port6 = 547
)

// A server is what a [[server]] says.
type server struct {
	name    string
	addr    netip.AddrPort
	link    string
	vrf     string
	vss     bool
	linkSel bool
	delay   time.Duration
	listens bool
	source  netip.Addr // not valid: the interface's
	path    string

	answersFrom []netip.Prefix

	host hostOf // in place of addr
}

// A hostOf is a DNS name with the port on which its servers listen.
type hostOf struct {
	name string // "" if there is none
	port uint16 // 0: the usual one
}

func (h hostOf) String() string {
	if h.port == 0 {
		return h.name
	}
	return h.name + ":" + strconv.Itoa(int(h.port))
}

func serverKeys() []key[server] {
	return []key[server]{
		{
			"address", "", `the address as interfaces list it, such as "10.9.0.2" or "10.9.0.2:1067", or a DNS name such as "kea.example.net"`,
			"Which server this is about. A DNS name stands for each of its addresses, up to 4 of a family; it is looked up in /etc/hosts, then by DNS, again when its TTL is over. While that fails, the last answer holds.",
			readServerAddress,
		},
		{
			"name", `""`, `a name such as "kea1", or "" for none`,
			"What interfaces and groups may list the server by.",
			func(r *reader, v value, to *server) {
				if v.any != "" {
					to.name = r.name(v)
				}
			},
		},
		{
			"interface", `""`, `the name of an interface, or "" where the route decides`,
			"The interface that leads to the server: needed for a link-local address, unless that is written as \"fe80::2%uplink\", and for the multicast group ff05::1:3 of all servers (RFC 9915, section 19).",
			device(func(s *server) *string { return &s.link }),
		},
		{
			"vrf", `""`, `the name of a VRF device, or "" for the default VRF`,
			"The VRF that leads to the server.",
			device(func(s *server) *string { return &s.vrf }),
		},
		{
			"vss", "true", "true or false",
			"The server understands virtual subnet selection, so send it (RFC 6607, section 5).",
			flag(func(s *server) *bool { return &s.vss }),
		},
		{
			"link_selection", "true", "true or false",
			"The server gets suboption 5 where an interface sends it (RFC 3527). With false it goes by giaddr, as one does that cannot parse it; that is for DHCPv4.",
			flag(func(s *server) *bool { return &s.linkSel }),
		},
		{
			"delay", "0", "a number of seconds from 0 to 255",
			"How long a client has to have tried before this server is asked too, by secs or Elapsed Time; at once where no other one answers.",
			seconds(func(s *server) *time.Duration { return &s.delay }),
		},
		{
			"role", `"answer"`, `"answer" or "listen"`,
			"Whether the server answers, or only gets copies: a profiler, or a log. No answer of it is waited for, and none is missed.",
			either(func(s *server) *bool { return &s.listens }, "answer", "listen"),
		},
		{
			"source", `""`, `an address of this host, of the server's family, or "" for the source of the interface`,
			"The source address of requests to this server, whichever source an interface has: where another network leads to it, or where it or a firewall knows relays by their address. Of a DNS name it holds for the addresses of its family.",
			readServerSource,
		},
		{
			"answers_from", "[]", `a list of addresses and prefixes, such as ["10.9.0.77"]`,
			"Where the server replies from, beside its address: the nodes behind a virtual or anycast address, or the servers behind a relay. They may reply, and what they say counts for it.",
			readAnswersFrom,
		},
	}
}

// plain writes a server without zone, and without the usual port.
func plain(s netip.AddrPort) string {
	a := s.Addr().WithZone("")
	if s.Port() == port6 {
		return a.String()
	}
	return netip.AddrPortFrom(a, s.Port()).String()
}

// local reports whether an address says nothing without the interface that leads
// to it.
func local(a netip.Addr) bool { return a.Is6() && a.IsLinkLocalUnicast() }

// on returns the address of a server on an interface: a link-local one bears its
// name as the zone, so that the same one on another is another server.
func on(s netip.AddrPort, link string) netip.AddrPort {
	if !local(s.Addr()) || link == "" {
		return s
	}
	return netip.AddrPortFrom(s.Addr().WithZone(link), s.Port())
}

// device reads the name of a device, which may be empty.
func device(field func(*server) *string) func(*reader, value, *server) {
	return func(r *reader, v value, to *server) {
		s, ok := r.text(v)
		if ok && s != "" && !giaddr.ValidAltName(s) {
			r.fail(v, "", "%q is no name that a device can have", s)
			return
		}
		*field(to) = s
	}
}

func readAnswersFrom(r *reader, v value, to *server) {
	to.answersFrom = r.prefixes(v)
	for _, p := range to.answersFrom {
		if to.addr.IsValid() && p.Addr().Is4() != to.addr.Addr().Is4() {
			r.fail(v, "write addresses of the server's own family", "%s is not of the family of %s", p, to.addr.Addr())
		}
	}
}

func readServerSource(r *reader, v value, to *server) {
	s, ok := r.text(v)
	if !ok || s == "" {
		return
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		r.fail(v, "", "%q is no address that a host can have", s)
		return
	}
	of := r.unicast6
	if a.Is4() {
		of = r.unicast4
	}
	a, ok = of(v, s)
	switch {
	case !ok:
	case to.addr.IsValid() && a.Is4() != to.addr.Addr().Is4():
		r.fail(v, "write an address of the server's own family", "%s is not of the family of %s", a, to.addr.Addr())
	default:
		to.source = a
	}
}

const wantServer = `an address such as "10.9.0.2" or "2001:db8:9::2", or one with a port such as "10.9.0.2:1067" or "[2001:db8:9::2]:1547"`

func readServerList(r *reader, v value, to *settings) {
	list, ok := r.list(v, wantServer)
	if !ok {
		return
	}
	to.servers = r.entries(list)
}

// readServerAddress reads an address, or a DNS name with or without a port.
func readServerAddress(r *reader, v value, to *server) {
	if s, ok := v.any.(string); ok {
		if host, port, ok := parseHost(s); ok {
			to.host = hostOf{host, port}
			return
		}
	}
	to.addr, _ = r.server(v)
}

// maxHost and maxLabel bound a DNS name and its parts, in octets (RFC 1035, section 2.3.4).
const (
	maxHost  = 253
	maxLabel = 63
)

// parseHost reads a DNS name with or without a port, as it is looked up: in lower case,
// and without the dot at its end. What begins with a digit is taken for an address.
func parseHost(s string) (host string, port uint16, ok bool) {
	host, after, hasPort := strings.Cut(s, ":")
	if hasPort {
		n, err := strconv.ParseUint(after, 10, 16)
		if err != nil || n == 0 {
			return "", 0, false
		}
		port = uint16(n)
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || len(host) > maxHost || host[0] < 'a' || host[0] > 'z' {
		return "", 0, false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > maxLabel || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", 0, false
		}
	}
	return host, port, true
}

// IsDNSName reports whether a server that is listed so is looked up by DNS.
func IsDNSName(s string) bool {
	host, port, ok := parseHost(s)
	return ok && port == 0 && strings.Contains(host, ".")
}

// entries reads the entries of a list of servers.
func (r *reader) entries(list []value) (all []listed) {
	at := map[listed]string{}
	for _, v := range list {
		var e listed
		s, _ := v.any.(string)
		if host, port, ok := parseHost(s); ok && strings.Contains(host, ".") {
			e.host = hostOf{host, port}
		}
		if e.host.name != "" || isName(s) {
			e.name = s
		} else if a, ok := r.server(v); ok {
			e.addr = a
		} else {
			continue
		}
		if first, ok := at[e]; ok {
			r.fail(v, "remove one", "%s is already %s", cmp.Or(e.name, e.addr.String()), first)
			continue
		}
		at[e] = v.path
		e.path = v.path
		all = append(all, e)
	}
	return all
}

// server reads the address of a server, with the standard port if none is
// written.
func (r *reader) server(v value) (a netip.AddrPort, ok bool) {
	s, ok := r.text(v)
	if !ok {
		return a, false
	}
	a, err := parseServer(s)
	if err != nil {
		r.fail(v, insteadOfServer(s), "%q is no address", s)
		return a, false
	}
	if plain, ok := portWritten(s); ok {
		r.fail(v, "write "+strconv.Quote(plain)+", or "+strconv.Quote("["+s+"]:"+strconv.Itoa(port6))+" if it is one", "the last part of %s is a part of the address, not a port", s)
		return a, false
	}
	if text, hint := refuseServer(a); text != "" {
		r.fail(v, hint, "%s", text)
		return a, false
	}
	return a, true
}

// insteadOfServer says what to write for what is no address: several in one string, or one
// with the length of a prefix.
func insteadOfServer(s string) string {
	all := stringsOf(s)
	for i, one := range all {
		plain, _, _ := strings.Cut(one, "/")
		if _, err := parseServer(plain); err != nil {
			return "write " + wantServer
		}
		all[i] = strconv.Quote(plain)
	}
	if len(all) == 0 {
		return "write " + wantServer
	}
	return "write " + strings.Join(all, ", ")
}

func parseServer(s string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		if a.Is4() {
			return netip.AddrPortFrom(a, port4), nil
		}
		return netip.AddrPortFrom(a, port6), nil
	}
	return netip.ParseAddrPort(s)
}

// portWritten reports whether an IPv6 address ends as if the port of DHCPv6 was
// written behind it, and returns what is before that.
func portWritten(s string) (plain string, ok bool) {
	plain, ok = strings.CutSuffix(s, ":"+strconv.Itoa(port6))
	if !ok || strings.HasPrefix(s, "[") {
		return "", false
	}
	a, err := netip.ParseAddr(plain)
	return plain, err == nil && a.Is6()
}

// refuseServer says why an address cannot be a server's, and what to write.
func refuseServer(s netip.AddrPort) (text, hint string) {
	a := s.Addr()
	switch {
	case a.Zone() != "" && a.IsMulticast():
		return a.String() + " contains the name of an interface", "write " + strconv.Quote(a.WithZone("").String()) + " and a [[server]] with interface = " + strconv.Quote(a.Zone())
	case a.Zone() != "" && !a.IsLinkLocalUnicast():
		return a.String() + " contains the name of an interface, and the route leads to a global address", "leave out %" + a.Zone() + ": write " + strconv.Quote(plain(s))
	case a.Zone() != "" && !giaddr.ValidName(a.Zone()):
		return strconv.Quote(a.Zone()) + " is no name that an interface can have", "write one after the %"
	case a.Is4In6():
		return a.String() + " is an IPv4 address in IPv6 form", "write " + strconv.Quote(a.Unmap().String())
	case s.Port() == 0:
		return "nothing listens on port 0", "leave the port away, or write the server's"
	case a.Is6() && a.IsUnspecified(), a.Is4() && !a.IsLoopback() && !giaddr.Unicast4(a):
		return a.String() + " is no address that a server can have", ""
	case a.IsLoopback() && (s.Port() == port4 || s.Port() == port6):
		return s.String() + " is this relay itself", "write the port on which the server listens, such as " + strconv.Quote(netip.AddrPortFrom(a, 1000+s.Port()).String())
	}
	return "", ""
}
