package hostfile

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/BurntSushi/toml"

	"dhcp-relay/giaddr"
)

// A file is this project's own format.
type file struct {
	Hostname  string  `toml:"hostname"`
	Interface []entry `toml:"interface"`
}

// An entry describes one interface. What is nil or empty has a default.
type entry struct {
	Name      string   `toml:"name"`
	Index     int      `toml:"index"`
	Addresses []string `toml:"addresses"`
	MAC       *string  `toml:"mac"` // "": it has no link-layer address
	VLAN      uint16   `toml:"vlan"`
	MTU       int      `toml:"mtu"`
	Up        *bool    `toml:"up"`
	VRF       string   `toml:"vrf"`    // name of its VRF device
	IsVRF     bool     `toml:"is_vrf"` // it is itself a VRF device
	Alias     string   `toml:"alias"`
	AltNames  []string `toml:"alt_names"`
	Master    string   `toml:"master"` // the bridge, bond or team that it is a port of
	Lower     string   `toml:"lower"`  // the link that it is on as a macvlan or ipvlan
}

// known are the keys, for errors.
const known = "name, index, addresses, mac, vlan, mtu, up, vrf, is_vrf, alias, alt_names, master and lower"

func parseTOML(data []byte) (Host, error) {
	var f file
	meta, err := toml.Decode(string(data), &f)
	var syntax toml.ParseError
	switch {
	case errors.As(err, &syntax):
		return Host{}, fmt.Errorf("line %d: %s", syntax.Position.Line, syntax.Message)
	case err != nil:
		return Host{}, err
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return Host{}, fmt.Errorf("there is no key %s; an [[interface]] has %s", unknown[0], known)
	}
	return f.host()
}

func (f *file) host() (Host, error) {
	h := Host{Hostname: f.Hostname}
	vrfs, indexes := make(map[string]int), make(map[string]int)
	for i := range f.Interface {
		e := &f.Interface[i]
		if e.Index == 0 {
			e.Index = i + 1
		}
		indexes[e.Name] = e.Index
		if e.IsVRF {
			vrfs[e.Name] = e.Index
		}
	}
	for i := range f.Interface {
		l, err := f.Interface[i].link(vrfs)
		if err == nil {
			err = f.Interface[i].place(&l, indexes)
		}
		if err != nil {
			return Host{}, fmt.Errorf("interface[%d] %q: %w", i, f.Interface[i].Name, err)
		}
		h.Links = append(h.Links, l)
	}
	bridges(h.Links, indexes)
	return h, nil
}

// bridges makes bridges of the links of which others are ports, and says what is on them.
func bridges(links []giaddr.Link, indexes map[string]int) {
	is := make(map[int]bool)
	for i := range links {
		if m := links[i].Master; m != "" {
			is[indexes[m]] = true
		}
	}
	for i := range links {
		for _, index := range []int{links[i].Lower, links[i].Index} {
			if is[index] {
				links[i].FDB.Bridge = int32(index)
			}
		}
	}
}

// link fills in what an entry leaves out: it is an Ethernet interface that is up.
func (e *entry) link(vrfs map[string]int) (giaddr.Link, error) {
	l := giaddr.Link{
		Index: e.Index, Name: e.Name, Alias: e.Alias, Type: typeEthernet, MTU: 1500,
		Up: e.Up == nil || *e.Up, Broadcast: true, VLAN: e.VLAN, IsVRF: e.IsVRF,
	}
	switch {
	case !giaddr.ValidName(e.Name):
		return l, errors.New("it has no name that an interface can have; write one such as name = \"vlan10\"")
	case e.Index < 0:
		return l, fmt.Errorf("index %d is no index of an interface; write one from 1 on, or none", e.Index)
	case e.VLAN > 4094:
		return l, fmt.Errorf("vlan %d is no VLAN identifier; write one from 1 to 4094", e.VLAN)
	case e.MTU < 0:
		return l, fmt.Errorf("mtu %d is negative; write a number of octets", e.MTU)
	case e.MTU > 0:
		l.MTU = e.MTU
	}
	if e.VRF != "" {
		var ok bool
		if l.VRF, ok = vrfs[e.VRF]; !ok {
			return l, fmt.Errorf("there is no VRF device %q; write an [[interface]] with that name and is_vrf = true", e.VRF)
		}
	}
	for _, a := range e.Addresses {
		p, err := parsePrefix(a)
		if err != nil {
			return l, err
		}
		l.Addrs = append(l.Addrs, giaddr.Addr{Prefix: p})
	}
	if err := e.hardware(&l); err != nil {
		return l, err
	}
	addLinkLocal(&l)
	return l, nil
}

// addLinkLocal gives a link with IPv6 addresses the link-local one that the kernel
// makes, if the file gives none: of its MAC (RFC 4291, appendix A), else of its
// index.
func addLinkLocal(l *giaddr.Link) {
	v6 := func(a giaddr.Addr) bool { return a.Prefix.Addr().Is6() }
	local := func(a giaddr.Addr) bool { return v6(a) && a.Prefix.Addr().IsLinkLocalUnicast() }
	if l.Loopback || !slices.ContainsFunc(l.Addrs, v6) || slices.ContainsFunc(l.Addrs, local) {
		return
	}
	a := [16]byte{0: 0xfe, 1: 0x80, 14: byte(l.Index >> 8), 15: byte(l.Index)}
	if m := l.MAC; len(m) == 6 {
		copy(a[8:], []byte{m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]})
	}
	l.Addrs = append(l.Addrs, giaddr.Addr{Prefix: netip.PrefixFrom(netip.AddrFrom16(a), 64)})
}

// place says how the link stands to others, whose indexes these are.
func (e *entry) place(l *giaddr.Link, indexes map[string]int) error {
	for _, name := range []string{e.Master, e.Lower} {
		if _, ok := indexes[name]; !ok && name != "" {
			return fmt.Errorf("there is no interface %q; write an [[interface]] with that name", name)
		}
	}
	l.AltNames, l.Master, l.Lower = e.AltNames, e.Master, indexes[e.Lower]
	return nil
}

// hardware says what link-layer address an interface has. Without one in the
// file an Ethernet interface gets one that is made up of its index.
func (e *entry) hardware(l *giaddr.Link) (err error) {
	switch {
	case e.MAC == nil && e.Name == "lo":
		l.Type, l.Loopback, l.Broadcast = typeLoopback, true, false
	case e.MAC == nil:
		l.MAC = []byte{2, 0, 0, 0, byte(e.Index >> 8), byte(e.Index)}
	case *e.MAC == "":
		l.Type, l.Broadcast = typeNone, false
	default:
		l.MAC, err = parseMAC(*e.MAC)
	}
	return err
}
