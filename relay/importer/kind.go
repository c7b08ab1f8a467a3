package importer

import (
	"fmt"
	"regexp"
	"strings"
)

// A Kind is a product whose configuration can be read.
type Kind uint8

// The kinds.
const (
	Unknown    Kind = iota
	ISC             // /etc/default/isc-dhcp-relay
	Dhcrelay        // command lines of dhcrelay
	Dnsmasq         // dhcp-relay= of dnsmasq
	DHCPHelper      // /etc/default/dhcp-helper
	Networkd        // .network files of systemd-networkd
	IOS             // Cisco IOS and IOS XE
	NXOS            // Cisco NX-OS
	EOS             // Arista EOS
	Junos           // Juniper Junos, with braces or as set commands
	VyOS            // VyOS, with braces or as set commands
	OPNsense        // config.xml of OPNsense
	SONiC           // config_db.json of SONiC
	numKinds
)

// A reading says how a kind is called and read.
type reading struct {
	name string
	read func(*reader, string) error
	mark *regexp.Regexp // what no other kind contains
}

// readings returns what there is about each kind, in the order of the kinds. The
// first whose mark is found is meant, so the more particular ones come first in by.
func readings() [numKinds]reading {
	mark := regexp.MustCompile
	return [numKinds]reading{
		ISC:        {"isc-dhcp-relay", readISC, mark(`(?m)^\s*(?:export\s+)?(?:SERVERS|INTERFACES|OPTIONS|DHCPSERVERS|DHCRELAYARGS)=`)},
		Dhcrelay:   {"dhcrelay", readDhcrelay, mark(`(?m)^(?:[^#\n]*[\s/="\[])?dhcrelay["\s]`)},
		Dnsmasq:    {"dnsmasq", readDnsmasq, mark(`(?m)(?:^\s*|--)dhcp-(?:split-)?relay\s*[= ]\s*[0-9a-fA-F]|^config relay\b`)},
		DHCPHelper: {"dhcp-helper", readDHCPHelper, mark(`(?m)^\s*DHCPHELPER_OPTS=|(?:^|[\s/])dhcp-helper\s+-`)},
		Networkd:   {"networkd", readNetworkd, mark(`(?m)^\s*\[(?:Match|DHCPServer|DHCPRelay)\]`)},
		IOS:        {"ios", readIOS, mark(`(?m)^\s*(?:ip helper-address|ipv6 dhcp relay destination|ip dhcp relay information) `)},
		NXOS:       {"nxos", readNXOS, mark(`(?m)^\s*(?:ip dhcp relay address|ipv6 dhcp relay address) |^feature (?:dhcp|interface-vlan)`)},
		EOS:        {"eos", readEOS, mark(`(?m)^! device: .*EOS|boot system flash:/?EOS|^\s*(?:ip dhcp relay (?:all-subnets|always-on)|ipv6 dhcp relay always-on|dhcp relay$|ip helper-address .* source-interface )|^\s+ip address (?:virtual )?\d+\.\d+\.\d+\.\d+/\d+`)},
		Junos:      {"junos", readJunos, mark(`(?m)(?:forwarding-options|^\s*dhcp-relay)\s*\{|set .*forwarding-options (?:dhcp-relay|helpers)`)},
		VyOS:       {"vyos", readVyOS, mark(`(?m)set service dhcp(?:v6)?-relay |^\s*(?:service|dhcpv6-relay)\s*\{|^\s*listen-interface `)},
		OPNsense:   {"opnsense", readOPNsense, mark(`<opnsense>|<DHCRelay[ >]|<dhcrelay6?>|<pfsense>`)},
		SONiC:      {"sonic", readSONiC, mark(`"(?:dhcp_servers|dhcpv4_servers|dhcpv6_servers|DHCP_RELAY|DHCPV4_RELAY)"`)},
	}
}

// particular is the order in which kinds are looked for: what contains the words of
// another one comes before that.
func particular() []Kind {
	return []Kind{OPNsense, SONiC, DHCPHelper, ISC, Networkd, VyOS, Junos, NXOS, EOS, IOS, Dhcrelay, Dnsmasq}
}

// Detect tells the kind of a configuration by its content.
func Detect(data []byte) Kind {
	all := readings()
	for _, k := range particular() {
		if all[k].mark.Match(data) {
			return k
		}
	}
	return Unknown
}

// KindNames returns what the kinds are called.
func KindNames() []string {
	all := readings()
	names := make([]string, 0, numKinds)
	for _, r := range all[1:] {
		names = append(names, r.name)
	}
	return names
}

// ParseKind returns the kind of a name.
func ParseKind(s string) (Kind, error) {
	for k, r := range readings() {
		if k > 0 && r.name == s {
			return Kind(k), nil
		}
	}
	return Unknown, fmt.Errorf("%q is no kind of configuration; write one of %s", s, strings.Join(KindNames(), ", "))
}

func (k Kind) String() string { return readings()[k].name }

func (k Kind) read(r *reader, text string) error { return readings()[k].read(r, text) }

// linux reports whether interfaces of a kind are called as they are on Linux.
func (k Kind) linux() bool {
	switch k {
	case ISC, Dhcrelay, Dnsmasq, DHCPHelper, Networkd, VyOS, SONiC:
		return true
	default:
		return false
	}
}
