package explain

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/observe/capture"
)

// A Host is the interfaces that messages may be heard on.
type Host struct {
	From   string // where they come from, for errors
	Links  []giaddr.Link
	Kernel bool // their indexes are those of the host's kernel
}

// A Mapping knows which interface of a host has heard a captured frame.
type Mapping struct {
	host  *Host
	usual string            // interface of frames that do not say; "" if there is none
	names map[string]string // interface by name in the capture
	vlans map[uint16]string // interface by VLAN
}

// NewMapping returns the mapping of a host. usual is the interface of frames that do
// not say, "" if there is none; each of maps, such as eth0=vlan10 or 20=vlan20 for a
// VLAN, says what a name or a VLAN of the capture is called on the host.
func NewMapping(h *Host, usual string, maps []string) (*Mapping, error) {
	m := &Mapping{host: h, usual: usual, names: make(map[string]string), vlans: make(map[uint16]string)}
	if usual != "" && !m.has(usual) {
		return nil, fmt.Errorf("--interface: there is no interface %q on %s", usual, h.From)
	}
	for _, one := range maps {
		from, to, ok := strings.Cut(one, "=")
		switch {
		case !ok || from == "":
			return nil, fmt.Errorf("--map: %q maps nothing; write one such as eth0=vlan10, or 20=vlan20 for a VLAN", one)
		case !m.has(to):
			return nil, fmt.Errorf("--map: there is no interface %q on %s", to, h.From)
		}
		m.names[from] = to
		if id, err := strconv.ParseUint(from, 10, 12); err == nil {
			m.vlans[uint16(id)] = to
		}
	}
	return m, nil
}

func (m *Mapping) find(ok func(*giaddr.Link) bool) (found []string) {
	for i := range m.host.Links {
		if ok(&m.host.Links[i]) {
			found = append(found, m.host.Links[i].Name)
		}
	}
	return found
}

func (m *Mapping) has(name string) bool {
	return len(m.find(func(l *giaddr.Link) bool { return l.Name == name })) > 0
}

// of returns the interface that heard a frame.
func (m *Mapping) of(k *capture.Packet) (string, error) {
	base := m.base(k)
	if id := vlanOf(k); id != 0 {
		name, err := m.tagged(base, id)
		if name != "" || err != nil && m.usual == "" {
			return name, err
		}
		base = m.usual
	}
	switch {
	case base != "" && m.has(base):
		return base, nil
	case m.usual != "":
		return m.usual, nil
	case base != "":
		return "", fmt.Errorf("its interface %q is none of %s; write --map %s=NAME, or another --host", base, m.host.From, base)
	}
	return "", errors.New("the capture does not say on which interface it was heard; write --interface NAME")
}

// base returns the interface that the file names, in the words of the host if
// they are known.
func (m *Mapping) base(k *capture.Packet) string {
	if to, ok := m.names[k.Interface]; ok && k.Interface != "" {
		return to
	}
	if k.Index != 0 && m.host.Kernel {
		if found := m.find(func(l *giaddr.Link) bool { return l.Index == k.Index }); found != nil {
			return found[0]
		}
	}
	if k.Interface == "any" {
		return ""
	}
	return k.Interface
}

// vlanOf returns the VLAN of a frame, the innermost; 0, which is for priorities
// alone, if it is in none.
func vlanOf(k *capture.Packet) uint16 {
	if n := len(k.VLANs); n > 0 {
		return k.VLANs[n-1]
	}
	return 0
}

// tagged returns the interface of a VLAN on top of another interface, which may
// not be known.
func (m *Mapping) tagged(base string, id uint16) (string, error) {
	if to, ok := m.vlans[id]; ok {
		return to, nil
	}
	number := strconv.Itoa(int(id))
	for _, is := range []func(*giaddr.Link) bool{
		func(l *giaddr.Link) bool { return base != "" && l.Name == base+"."+number },
		func(l *giaddr.Link) bool { return l.VLAN == id },
		func(l *giaddr.Link) bool {
			return l.VLAN == 0 && (l.Name == "vlan"+number || strings.HasSuffix(l.Name, "."+number))
		},
	} {
		switch found := m.find(is); len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return "", fmt.Errorf("VLAN %d may be any of %s; write --map %d=NAME", id, strings.Join(found, ", "), id)
		}
	}
	return "", fmt.Errorf("no interface of %s is VLAN %d; write --map %d=NAME", m.host.From, id, id)
}

// ExplainPacket explains one captured frame; not ok says that it is not about DHCP.
// Where it was heard matters only if the relay could hear it.
func (r *Relay) ExplainPacket(k *capture.Packet, on *Mapping) (res Result, ok bool, err error) {
	if !r.concerns(k) {
		return res, false, nil
	}
	m := Message{
		Frame: k.Number, Time: k.Time, Src: k.Src, Dst: k.Dst, MAC: k.MAC, Outgoing: k.Outgoing, Data: k.Payload,
	}
	link, err := on.of(k)
	m.Link = link
	switch {
	case k.Skip != capture.Datagram:
		return unreadable(m, k.Skip.String()), true, nil
	case err != nil && !k.Outgoing && r.listens(k.Dst):
		return res, true, err
	}
	res, err = r.Explain(m)
	return res, true, err
}

// concerns reports whether a frame is about DHCP.
func (r *Relay) concerns(k *capture.Packet) bool {
	if !k.Src.IsValid() {
		return false
	}
	ports := []uint16{67, 547}
	if k.Src.Addr().Is4() {
		ports[1] = 68
	} else {
		ports[0] = 546
	}
	return slices.Contains(ports, k.Src.Port()) || slices.Contains(ports, k.Dst.Port()) || r.listens(k.Dst)
}
