package config

import (
	"slices"
	"strconv"
	"strings"

	"dhcp-relay/relay/agent"
)

// A preset is the form in which a vendor's relays name the clients' interface, as far as
// it is published. Identifiers that are empty are not sent, or have no form in DHCPv6.
type preset struct {
	name        string
	circuitID   string
	remoteID    string
	interfaceID string // of DHCPv6
	unknown     string // what of it a relay on a router does not know, and what stands there
	port        string // circuit-id, and Interface-Id, that say it of an interface on a bridge
}

// presets returns the presets in the order in which they are told of.
func presets() []preset {
	return []preset{
		{name: "none", circuitID: defaultCircuitID, interfaceID: defaultCircuitID},
		{
			// Broadband Forum, TR-101, section 3.9.3 (R-124): "Access-Node-Identifier eth
			// slot/port[:vlan-id]"; TR-177 has the same in the Interface-Id.
			name:        "tr101",
			circuitID:   "{hostname} eth {interface}{:vlan}",
			interfaceID: "{hostname} eth {interface}{:vlan}",
			unknown:     "slot and port are not known here: the interface's name stands for them",
			port:        "{hostname} eth {port_slot}/{port_number}{:vlan}",
		},
		{
			// Cisco, "Catalyst 3560 Switch Software Configuration Guide: Configuring DHCP
			// Features", figure "Suboption Packet Formats": type 0, length 4, VLAN, module,
			// port; type 0, length 6, MAC. Ports are counted from 1.
			name:      "cisco",
			circuitID: "{hex:0004}{vlan:raw}{hex:0000}",
			remoteID:  "{hex:00}{length}{mac:raw}",
			unknown:   "module and port are not known here: both are 0",
			port:      "{hex:0004}{vlan:raw}{port_slot:raw}{port_number:raw}",
		},
		{
			// H3C, "Layer 3 - IP Services Configuration Guide: Introduction to Option 82",
			// normal padding format: type 0, length 4, VLAN, interface number; type 0, length
			// 6, MAC of the interface. Interface numbers begin at 0.
			name:      "comware",
			circuitID: "{hex:0004}{vlan:raw}{hex:ffff}",
			remoteID:  "{hex:00}{length}{mac:raw}",
			unknown:   "the number of the port is not known here: it is 65535",
			port:      "{hex:0004}{vlan:raw}{hex:00}{port_number:raw}",
		},
		{
			// Huawei, "Command Reference: dhcp option82 format", default: interface
			// name:svlan.cvlan host name/0/0/0/0/0 in ASCII, and the MAC; "dhcpv6 interface-id
			// format", default: %04svlan.%04cvlan.%mac:%portname.
			name:        "huawei",
			circuitID:   "{interface}:{vlan1}.{vlan2} {hostname}/0/0/0/0/0",
			remoteID:    "{mac:raw}",
			interfaceID: "{vlan1:4}.{vlan2:4}.{mac:plain}:{interface}",
		},
		{
			// Juniper, "CLI Reference: circuit-id (DHCP Relay Agent)": the interface, :vlan-id
			// or :svlan-id-vlan-id; "relay-agent-interface-id" the same in DHCPv6.
			name:        "junos",
			circuitID:   "{interface}{:vlans}",
			interfaceID: "{interface}{:vlans}",
		},
		{
			// Arista, "EOS User Manual: ip dhcp relay information option circuit-id": the
			// name of the interface unless another text is given.
			name:      "arista",
			circuitID: "{interface}",
		},
		{
			// SONiC, "DHCPv4 Relay Agent High Level Design": hostname:port alias:interface,
			// and the MAC of the host as text.
			name:      "sonic",
			circuitID: "{hostname}::{interface}",
			remoteID:  "{mac}",
			unknown:   "the alias of the port is not known here: it is empty",
			port:      "{hostname}:{port_alias}:{interface}",
		},
	}
}

// presetNames returns the names of all presets, or of those that DHCPv6 has.
func presetNames(of func(*preset) string) (names []string) {
	for _, p := range presets() {
		if of(&p) != "" {
			names = append(names, p.name)
		}
	}
	return names
}

func ofOption82(p *preset) string { return p.circuitID }
func ofDHCPv6(p *preset) string   { return p.interfaceID }

// wantPreset lists names fit to follow "write".
func wantPreset(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = strconv.Quote(n)
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}

// preset reads the name of one of those that have what of returns.
func (r *reader) preset(v value, of func(*preset) string) (p preset, ok bool) {
	names := presetNames(of)
	i, ok := r.choice(v, names...)
	if !ok {
		return p, false
	}
	return presetOf(names[i])
}

func presetOf(name string) (p preset, ok bool) {
	all := presets()
	i := slices.IndexFunc(all, func(p preset) bool { return p.name == name })
	if i < 0 {
		return p, false
	}
	return all[i], true
}

// readPreset sets the identifiers of option 82; those that stand beside it are read later.
func readPreset(r *reader, v value, to *agent.Option82) {
	if p, ok := r.preset(v, ofOption82); ok {
		to.CircuitID, _ = r.template(v, p.circuitID)
		to.RemoteID, _ = r.template(v, p.remoteID)
	}
}

func readPreset6(r *reader, v value, to *agent.Interface6) {
	if p, ok := r.preset(v, ofDHCPv6); ok {
		to.InterfaceID, _ = r.template6(v, p.interfaceID)
		to.RemoteID = agent.RemoteID{}
	}
}

// value returns what a preset sets a key to, as it would be written.
func (p *preset) value(key string) string {
	template := ""
	switch key {
	case "dhcpv4.option82.circuit_id":
		template = p.circuitID
	case "dhcpv4.option82.remote_id":
		template = p.remoteID
	case "dhcpv6.interface_id":
		template = p.interfaceID
	}
	if template == "" {
		return "false"
	}
	return strconv.Quote(template)
}

// presetKey returns the key of the preset that sets a key, "" for a key that none sets.
func presetKey(key string) string {
	switch key {
	case "dhcpv4.option82.circuit_id", "dhcpv4.option82.remote_id":
		return "dhcpv4.option82.preset"
	case "dhcpv6.interface_id", "dhcpv6.remote_id":
		return "dhcpv6.preset"
	}
	return ""
}

// presetAt returns the preset at a path that given returned for another key.
func (s *source) presetAt(path, key string) (p preset, ok bool) {
	if own := presetKey(key); own == "" || !strings.HasSuffix(path, "."+own) {
		return p, false
	}
	name, _ := lookUp(s.tree, path)
	text, _ := name.(string)
	return presetOf(text)
}

// PresetOf returns the key of the preset that sets a key of Policy.Interfaces[i], "" if
// none does.
func (c *Config) PresetOf(i int, key string) string {
	if p, ok := c.src.presetAt(c.src.given(element("interface", i), key), key); ok && p.name != "none" {
		return presetKey(key)
	}
	return ""
}

// An Unknown is what this relay does not know of the form of a preset.
type Unknown struct {
	Preset     string
	Text       string   // what it is, and what stands there
	Key, Port  string   // what to write beside it where the interface is on a bridge
	Interfaces []string // names and patterns that have the preset
}

// Unknowns returns what is not known of the presets that interfaces have.
func (c *Config) Unknowns() (all []Unknown) {
	for _, key := range []string{"circuit_id", "interface_id"} {
		for _, p := range presets() {
			if p.unknown == "" {
				continue
			}
			if on := c.having(p.name, key); on != nil {
				all = append(all, Unknown{p.name, p.unknown, key, p.port, on})
			}
		}
	}
	return all
}

// having returns the interfaces of which a preset sets circuit_id or interface_id.
func (c *Config) having(preset, key string) (names []string) {
	path := "dhcpv4.option82." + key
	if key == "interface_id" {
		path = "dhcpv6." + key
	}
	for i := range c.Policy.Interfaces {
		in := &c.Policy.Interfaces[i]
		if in.Off || key == "circuit_id" && !in.V4.Option82.On {
			continue
		}
		if p, ok := c.src.presetAt(c.src.given(element("interface", i), path), path); ok && p.name == preset {
			names = append(names, in.Name)
		}
	}
	return names
}
