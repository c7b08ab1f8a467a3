package importer

import (
	"fmt"
	"regexp"
	"strings"

	"dhcp-relay/giaddr"
)

// Names say what interfaces and servers of the old configuration are called here:
// a name, or a pattern with one star, for a name with a star, or without.
type Names []Name

// A Name says what one name, or each that matches a pattern, is called here.
type Name struct{ Old, New string }

// ParseName reads a Name such as "Vlan*=br*".
func ParseName(s string) (Name, error) {
	old, name, ok := strings.Cut(s, "=")
	switch {
	case !ok || old == "" || name == "":
		return Name{}, fmt.Errorf("%q names nothing; write old=new, such as 'Vlan10=br10' or 'Vlan*=br*'", s)
	case strings.Count(old, "*") > 1 || strings.Count(name, "*") > strings.Count(old, "*"):
		return Name{}, fmt.Errorf("%q has too many stars; write one on each side, such as 'Vlan*=br*'", s)
	}
	return Name{old, name}, nil
}

// find returns what a name is called here, ok if it was said.
func (n Names) find(old string) (name string, ok bool) {
	for _, m := range n {
		before, after, star := strings.Cut(m.Old, "*")
		switch {
		case !star && strings.EqualFold(m.Old, old):
			return m.New, true
		case star && len(old) >= len(before)+len(after) && strings.EqualFold(old[:len(before)], before) && strings.EqualFold(old[len(old)-len(after):], after):
			return strings.Replace(m.New, "*", old[len(before):len(old)-len(after)], 1), true
		}
	}
	return "", false
}

// name returns what a name is called here, itself if nothing was said.
func (n Names) name(old string) string {
	if name, ok := n.find(old); ok {
		return name
	}
	return old
}

// address returns the address of a server that was called by a name.
func (n Names) address(old string) string { return n.name(old) }

// A rule maps the names of vendors to those that are usual on Linux.
type rule struct {
	old *regexp.Regexp
	new string
}

func rules() []rule {
	return []rule{
		{regexp.MustCompile(`(?i)^vlan-?\s*([0-9]+)$`), "vlan$1"},
		{regexp.MustCompile(`^(?:irb|vlan)\.([0-9]+)$`), "vlan$1"}, // Junos: the unit is the VLAN as a rule
		{regexp.MustCompile(`(?i)^(?:bdi|bvi|bridge-domain)([0-9]+)$`), "br$1"},
		{regexp.MustCompile(`(?i)^(?:loopback[0-9]+|lo[0-9]*(?:\.[0-9]+)?)$`), "lo"},
		{regexp.MustCompile(`(?i)^(?:ma|management|mgmt)[0-9/]*$`), "mgmt"},
		{regexp.MustCompile(`(?i)^(?:port-?channel|po|bundle-ether|ae)([0-9]+)(?:\.0)?$`), "bond$1"},
		{regexp.MustCompile(`(?i)^(?:port-?channel|po|bundle-ether|ae)([0-9]+)(\.[0-9]+)$`), "bond$1$2"},
	}
}

// rename returns what an interface of the old configuration is called here, or why
// that cannot be told.
func (r *reader) rename(old string) (name, why, do string) {
	name, ok := r.options.Names.find(old)
	if !ok {
		name, ok = old, r.kind.linux()
	}
	if !ok {
		name, ok = usual(old)
	}
	say := fmt.Sprintf("say what it is called here with --name '%s=eth1'", old)
	switch {
	case !ok:
		return "", "nobody knows what " + old + " is called on this host", say
	case !giaddr.ValidAltName(name) || strings.ContainsAny(name, `*?[]\{}`):
		return "", fmt.Sprintf("%q is no name that an interface can have", name), say
	}
	return name, "", ""
}

// usual returns the usual name on Linux.
func usual(old string) (string, bool) {
	for _, u := range rules() {
		if u.old.MatchString(old) {
			return u.old.ReplaceAllString(old, u.new), true
		}
	}
	return "", false
}
