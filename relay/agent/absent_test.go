package agent

import (
	"slices"
	"strings"
	"testing"

	"dhcp-relay/giaddr"
)

// hostLinks are links that patterns and names are held against.
func hostLinks() []giaddr.Link {
	return []giaddr.Link{
		{Index: 1, Name: "lo", Loopback: true, Up: true},
		{Index: 2, Name: "vlan10", AltNames: []string{"customers-ten"}, Up: true},
		{Index: 3, Name: "port0", Master: "br0", Up: true},
		{Index: 4, Name: "br0", Up: true},
		{Index: 5, Name: "red", IsVRF: true, Up: true},
		{Index: 6, Name: "odd@name", Up: true},
		{Index: 7, Name: "a,b", Up: true},
	}
}

// What is written as other programs write names is told, with what to write.
func TestWhyAnInterfaceIsAbsent(t *testing.T) {
	host := hostLinks()
	const later = "; nothing to do if it is to appear later"
	for _, tc := range []struct {
		name  string
		fatal bool
		want  string // what is told; empty: it holds for an interface
	}{
		{"vlan10", false, ""},
		{"odd@name", false, ""},
		{"a,b", false, ""},
		{"vlan99", false, "no interface has this name now" + later},
		{"eth-uplink", false, "no interface has this name now" + later},
		{"wlan*", false, "no interface has this name now" + later},
		{"vlan10@eth0", true, `ip shows vlan10 with the interface that it is on behind the @; write "vlan10"`},
		{"vlan10,vlan20", true, `a name is no list; write an [[interface]] for each: "vlan10", "vlan20"`},
		{"eth0.10,20", true, `a name is no list; write an [[interface]] for each: "eth0.10", "eth0.20"`},
		{"(vlan10|vlan20)", true, `which know no alternatives; write an [[interface]] for each: "vlan10", "vlan20"`},
		{"vlan9+", false, `patterns are those of a shell; write "vlan9*", unless`},
		{"192.0.2.1", false, "it is an address; write the name of the interface that has it, unless"},
		{"vlan{10,20}", true, `patterns know no braces; write an [[interface]] for each: "vlan10", "vlan20"`},
		{"vlan{10..20}", true, `patterns know no braces; write an [[interface]] for each, or a pattern such as "vlan*"`},
		{"^vlan.*$", true, `no regular expressions; write "vlan*"`},
		{`^eth[0-9]+$`, true, `no regular expressions; write "eth[0-9]*"`},
		{"vlan9.*", false, `no regular expressions; write "vlan9*", unless`},
		{"!vlan99", true, `a pattern excludes nothing; write the names or patterns of the interfaces that are to be served, and not "vlan99"`},
		{"VLAN10", false, `there is vlan10; write "vlan10", unless it is to appear later`},
		{"Customers-Ten", false, `there is customers-ten; write "customers-ten"`},
		{"vlan20-30", false, `a name is no range of numbers; write an [[interface]] for each, or a pattern such as "vlan*", unless it is to appear later`},
		{"any", false, `write "*" if every interface is meant`},
		{"a-name-of-more-than-fifteen-octets", true, "34 octets are too long for a name, and no interface has this as an alternative name; write the name that ip link shows"},
		{"port*", false, "port0 is a port of br0, where its packets are heard; name br0 instead"},
		{"l*", false, "it matches lo alone, which no pattern is taken to mean; write the name of an interface with clients"},
		{"red", false, "red is a VRF, which has no clients of its own; name the interfaces that are in it"},
	} {
		p := testPolicy(t)
		p.Interfaces[0].Name = tc.name
		s, ps := Compile(p, host)
		if tc.want == "" {
			if len(s.Absent) > 0 {
				t.Errorf("%s: %v", tc.name, s.Why)
			}
			continue
		}
		if len(s.Absent) != 1 || len(s.Why) != 1 || len(ps) != 1 || ps[0] != s.Why[0] {
			t.Errorf("%s: absent %v, why %v, problems %v", tc.name, s.Absent, s.Why, ps)
			continue
		}
		if got := ps[0].String(); !strings.Contains(got, tc.want) || ps[0].Fatal != tc.fatal || ps[0].Entry != 1 {
			t.Errorf("%+v, want %q, fatal %v", ps[0], tc.want, tc.fatal)
		}
	}
	p := testPolicy(t)
	p.Interfaces = append(p.Interfaces, p.Interfaces[0])
	p.Interfaces[0].Name, p.Interfaces[1].Name = "vlan10", "customers-ten"
	_, ps := Compile(p, host)
	if got, want := problemsOf(ps), `vlan10 belongs to "vlan10"; put this [[interface]] before that one, or remove it`; !strings.Contains(got, want) {
		t.Errorf("second: %q, want %q", got, want)
	}
}

// A pattern for links that this host lacks, or that have an [[interface]] of their own,
// is no trouble, as long as there is another interface to serve.
func TestPatternsWithoutALinkAreOrdinary(t *testing.T) {
	host := hostLinks()
	for _, tt := range []struct {
		names []string
		idle  int
	}{
		{[]string{"vlan10", "voice*", "vlan1?"}, 2},
		{[]string{"voice*", "fax*"}, 0},
		{[]string{"vlan10", "absent"}, 0},
	} {
		p := testPolicy(t)
		in := p.Interfaces[0]
		p.Interfaces = nil
		for _, name := range tt.names {
			in.Name = name
			p.Interfaces = append(p.Interfaces, in)
		}
		s, ps := Compile(p, host)
		if len(s.Idle) != tt.idle || len(s.Links)+len(s.Idle)+len(s.Absent) != len(tt.names) || len(s.Absent) != len(s.Why) {
			t.Errorf("%v: links %d, idle %d, absent %d", tt.names, len(s.Links), len(s.Idle), len(s.Absent))
		}
		for _, q := range ps {
			if q.Entry > 0 && len(s.Absent) == 0 {
				t.Errorf("%v: %v", tt.names, q)
			}
		}
	}
}

// An interface that is left alone has neither link nor problem, whether it is there or not.
func TestInterfaceThatIsOff(t *testing.T) {
	for _, name := range []string{"vlan10", "vlan99", "vlan1*"} {
		p := testPolicy(t)
		p.Interfaces = append(p.Interfaces, p.Interfaces[0])
		p.Interfaces[0].Name, p.Interfaces[1].Name, p.Interfaces[1].Off = "vlan*", name, true
		if name == "vlan1*" { // of patterns the first holds
			p.Interfaces[0], p.Interfaces[1] = p.Interfaces[1], p.Interfaces[0]
		}
		s, ps := Compile(p, hostLinks())
		served := slices.ContainsFunc(s.Links, func(l *Link) bool { return l.Host.Name == "vlan10" })
		if want := name == "vlan99"; served != want {
			t.Errorf("%s: vlan10 is served: %v, problems %v", name, served, ps)
		}
		for _, q := range ps {
			if q.Interface == name && name != "vlan1*" {
				t.Errorf("%s: %v", name, q)
			}
		}
	}
}
