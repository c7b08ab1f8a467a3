package explain

import (
	"fmt"
	"slices"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/text"
)

// port notes by which port of a bridge a message comes. The error is for one that is none
// of the bridge of the interface that hears it.
func (r *Relay) port(m *Message, heard *giaddr.Link, in *agent.Ingress) error {
	if m.Port == "" {
		return nil
	}
	bridge, ports := "", []string(nil)
	for i := range r.host {
		if heard != nil && heard.FDB.Bridge != 0 && r.host[i].Index == int(heard.FDB.Bridge) {
			bridge = r.host[i].Name
		}
	}
	if bridge == "" {
		return fmt.Errorf("%s is no bridge, and is on none, so it has no ports; leave --port out", m.Link)
	}
	for i := range r.host {
		h := &r.host[i]
		if h.Master != bridge {
			continue
		}
		ports = append(ports, h.Name)
		if h.Name == m.Port || slices.Contains(h.AltNames, m.Port) {
			in.Port = h.Index
			return nil
		}
	}
	slices.Sort(ports)
	return fmt.Errorf("%s has no port %q; there are %s", bridge, m.Port, text.Some(ports, 10))
}
