package transaction

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// A Filter lets transactions pass that have all that it asks for. The zero
// Filter lets all pass.
type Filter struct {
	link    string // name or pattern
	mac     string
	octets  []byte // of mac, nil if it is none or a pseudonym
	duid    string
	address string
	server  netip.Addr
	outcome string
	family  string
}

// FilterKeys returns the names of what a filter may ask for, as ParseFilter looks
// them up, in the order in which they are told to people.
func FilterKeys() []string {
	return []string{"interface", "mac", "duid", "address", "server", "outcome", "family"}
}

// ParseFilter returns the filter that get describes: for each of FilterKeys what
// to ask for, or "". The error tells all that is wrong and what would be right.
//
// An interface may be a pattern such as "vlan*". MACs, DUIDs and addresses of
// clients may be pseudonyms, as a redacted ladder shows them. An outcome is a
// State, "relayed" or "dropped" for what was so in any of its steps, or the name
// of a drop reason.
func ParseFilter(get func(key string) string) (Filter, error) {
	var errs []error
	check := func(key, want string, ok func(string) (string, bool)) string {
		s := strings.TrimSpace(get(key))
		if s == "" {
			return ""
		}
		v, good := ok(s)
		if !good {
			errs = append(errs, fmt.Errorf("%s %q: want %s", key, s, want))
		}
		return v
	}
	f := Filter{
		link:    check("interface", `a name or a pattern such as "vlan*"`, pattern),
		mac:     check("mac", `an address such as 02:00:00:00:00:01, or a pseudonym such as mac-1a2b3c4d`, octetsOr(kindMAC)),
		duid:    check("duid", `octets such as 00:03:00:01:02:00:00:00:00:01, or a pseudonym such as duid-1a2b3c4d`, octetsOr(kindDUID)),
		address: check("address", `an address such as 10.1.0.100, or a pseudonym such as addr-1a2b3c4d`, addressOr),
		outcome: check("outcome", "one of "+strings.Join(Outcomes(), ", "), outcome),
		family:  check("family", "ipv4 or ipv6", family),
	}
	f.octets = octets(f.mac)
	if s := check("server", "an address such as 10.9.0.2", address); s != "" {
		f.server, _ = netip.ParseAddr(s) // check has told what is wrong
	}
	return f, errors.Join(errs...)
}

// Outcomes returns what a filter may ask for as outcome: states, then drop
// reasons.
func Outcomes() []string {
	names := []string{
		string(api.Answered), string(api.Waiting), string(api.Unanswered), string(api.Refused), string(api.Dropped), string(api.Sent),
	}
	for r := agent.Relayed + 1; int(r) < agent.NumReasons; r++ {
		names = append(names, r.String())
	}
	return names
}

func pattern(s string) (string, bool) {
	_, err := path.Match(s, "")
	return s, err == nil
}

func address(s string) (string, bool) {
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone("").String(), err == nil
}

func outcome(s string) (string, bool) {
	s = strings.ToLower(s)
	return s, slices.Contains(Outcomes(), s)
}

func family(s string) (string, bool) {
	switch strings.ToLower(s) {
	case "ipv4", "4":
		return dhcp.V4.String(), true
	case "ipv6", "6":
		return dhcp.V6.String(), true
	}
	return s, false
}

func addressOr(s string) (string, bool) {
	if v, ok := address(s); ok {
		return v, true
	}
	return pseudonym(kindAddress, s)
}

// octetsOr accepts octets in hexadecimal, with colons, dashes or dots between
// them or nothing, or a pseudonym of a kind.
func octetsOr(kind string) func(string) (string, bool) {
	return func(s string) (string, bool) {
		if v, ok := pseudonym(kind, s); ok {
			return v, true
		}
		plain := strings.ToLower(strings.NewReplacer(":", "", "-", "", ".", "").Replace(s))
		if plain == "" || len(plain)%2 != 0 || strings.Trim(plain, "0123456789abcdef") != "" {
			return s, false
		}
		var b strings.Builder
		for i := 0; i < len(plain); i += 2 {
			if i > 0 {
				b.WriteByte(':')
			}
			b.WriteString(plain[i : i+2])
		}
		return b.String(), true
	}
}

// octets returns the octets that octetsOr has accepted, nil for a pseudonym.
func octets(s string) (b []byte) {
	for part := range strings.SplitSeq(s, ":") {
		n, err := strconv.ParseUint(part, 16, 8)
		if err != nil {
			return nil
		}
		b = append(b, byte(n))
	}
	return b
}

func pseudonym(kind, s string) (string, bool) {
	s = strings.ToLower(s)
	rest, ok := strings.CutPrefix(s, kind+"-")
	return s, ok && len(rest) == 8 && strings.Trim(rest, "0123456789abcdef") == ""
}

// MayPass reports whether the filter may let a transaction pass that a message is
// of, by what the message alone shows: its family, and that of a DHCPv4 message
// its chaddr. It is much cheaper than to join messages first.
func (f *Filter) MayPass(family dhcp.Family, received []byte) bool {
	if f.family != "" && f.family != family.String() {
		return false
	}
	if f.octets == nil || family != dhcp.V4 {
		return true
	}
	p := bootp.Packet(received)
	return p.Valid() && bytes.Equal(p.Chaddr(), f.octets)
}

// passes reports whether the filter lets a transaction pass that was judged as
// v. It compares with what is shown as well as with what is true.
func (f *Filter) passes(r *record, v *verdict, o *Options) bool {
	return (f.family == "" || f.family == r.steps[0].Family.String()) &&
		(f.link == "" || f.passesLink(r, o)) &&
		(f.mac == "" || f.passesMAC(r.mac, o)) &&
		(f.duid == "" || f.is(f.duid, kindDUID, r.duid, o)) &&
		(f.address == "" || f.passesAddress(r, o)) &&
		(!f.server.IsValid() || slices.ContainsFunc(r.steps, f.passesServer)) &&
		(f.outcome == "" || f.passesOutcome(r, v))
}

func (f *Filter) passesMAC(mac []byte, o *Options) bool {
	if f.octets != nil {
		return bytes.Equal(mac, f.octets)
	}
	return f.is(f.mac, kindMAC, mac, o)
}

func (f *Filter) is(want, kind string, b []byte, o *Options) bool {
	return len(b) > 0 && (want == (*Redactor)(nil).octets(kind, b) || want == o.Redact.octets(kind, b))
}

func (f *Filter) passesLink(r *record, o *Options) bool {
	hit := func(name string) bool {
		ok, _ := path.Match(f.link, name) // ParseFilter has refused a bad pattern
		return ok || name == f.link
	}
	return hit(r.link) || slices.ContainsFunc(r.steps, func(s step) bool { return hit(nameOf(o.Names, s.Heard)) })
}

func (f *Filter) passesAddress(r *record, o *Options) bool {
	hit := func(a netip.Addr) bool {
		return isSet(a) && (a.WithZone("").String() == f.address || o.Redact.addr(a) == f.address)
	}
	if hit(r.has) {
		return true
	}
	for i := range r.steps {
		s := &r.steps[i]
		client := s.Client.Addr()
		if s.Direction == dhcp.Requests {
			client = s.Src.Addr()
		}
		if hit(client) || slices.ContainsFunc(slices.Concat(s.given, s.asked), func(p netip.Prefix) bool {
			return hit(p.Addr())
		}) {
			return true
		}
	}
	return false
}

func (f *Filter) passesServer(s step) bool {
	return s.Direction == dhcp.Replies && s.Src.Addr() == f.server || s.went(f.server)
}

func (f *Filter) passesOutcome(r *record, v *verdict) bool {
	return f.outcome == string(v.state) || slices.ContainsFunc(r.steps, func(s step) bool {
		return f.outcome == s.Outcome.String() || f.outcome == string(api.Dropped) && s.Outcome != agent.Relayed
	})
}

// went reports whether a copy of the request went to an address.
func (s *step) went(a netip.Addr) bool {
	return slices.ContainsFunc(s.Servers, func(v netip.AddrPort) bool { return v.Addr().WithZone("") == a.WithZone("") })
}
