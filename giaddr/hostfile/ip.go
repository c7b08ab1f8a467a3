package hostfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"dhcp-relay/giaddr"
)

// An ipLink is what "ip -j -d address" says of an interface, as far as it matters
// here. Elements without a name stand for interfaces that a filter left out.
type ipLink struct {
	Index   int       `json:"ifindex"`
	Name    string    `json:"ifname"`
	Alias   string    `json:"ifalias"`
	Names   []string  `json:"altnames"`
	Lower   string    `json:"link"`         // that it is on, or its peer
	NetNS   *int      `json:"link_netnsid"` // Lower is in another network namespace
	Flags   []string  `json:"flags"`
	MTU     int       `json:"mtu"`
	Master  string    `json:"master"`
	Type    string    `json:"link_type"`
	Address string    `json:"address"`
	Info    ipInfo    `json:"linkinfo"`
	Addrs   *[]ipAddr `json:"addr_info"` // nil if addresses were not asked for
}

type ipInfo struct {
	Kind string `json:"info_kind"`
	Data struct {
		ID json.RawMessage `json:"id"` // a number where Kind is "vlan", else anything
	} `json:"info_data"`
}

type ipAddr struct {
	Family     string `json:"family"`
	Local      string `json:"local"`
	Peer       string `json:"address"`
	Len        int    `json:"prefixlen"`
	Secondary  bool   `json:"secondary"`
	Tentative  bool   `json:"tentative"`
	Failed     bool   `json:"dadfailed"`
	Deprecated bool   `json:"deprecated"`
	Temporary  bool   `json:"temporary"`
}

// arphrd returns the kernel's number of a type of link, and whether such links
// have link-layer addresses: a tunnel's address is its outer IP address.
func arphrd(name string) (number uint16, addressed bool) {
	switch name {
	case "ether":
		return typeEthernet, true
	case "infiniband":
		return 32, true
	case "loopback":
		return typeLoopback, false
	case "ppp":
		return 512, false
	case "ipip":
		return 768, false
	case "tunnel6":
		return 769, false
	case "sit":
		return 776, false
	case "gre":
		return 778, false
	case "gre6":
		return 823, false
	}
	return typeNone, false
}

func parseIP(data []byte) (Host, error) {
	var links []ipLink
	if err := json.Unmarshal(data, &links); err != nil {
		return Host{}, placed(data, err)
	}
	links = slices.DeleteFunc(links, func(l ipLink) bool { return l.Name == "" })
	if len(links) > 0 && !slices.ContainsFunc(links, func(l ipLink) bool { return l.Addrs != nil }) {
		return Host{}, errNoAddresses
	}
	near := neighboursOf(links)
	h := Host{Kernel: true}
	for i := range links {
		l, err := links[i].link(near)
		if err != nil {
			return Host{}, fmt.Errorf("%s: %w", links[i].Name, err)
		}
		h.Links = append(h.Links, l)
	}
	return h, nil
}

// neighbours are the links that others are on, in or under, by name.
type neighbours struct {
	byName map[string]*ipLink
}

func neighboursOf(links []ipLink) neighbours {
	n := neighbours{make(map[string]*ipLink, len(links))}
	for i := range links {
		l := &links[i]
		n.byName[l.Name] = l
	}
	return n
}

// place says how the link stands to others.
func (i *ipLink) place(l *giaddr.Link, near neighbours) {
	if m := near.byName[i.Master]; m != nil {
		switch m.Info.Kind {
		case "vrf":
			l.VRF = m.Index
		case "batadv": // it takes only frames of its own type
		default:
			l.Master = m.Name
		}
	}
	switch below := near.byName[i.Lower]; i.Info.Kind {
	case "macvlan", "macvtap", "ipvlan", "ipvtap":
		if below != nil && i.NetNS == nil {
			l.Lower = below.Index
		}
	}
}

// bridge returns the index of the bridge that the link is, or that it is on as a VLAN or
// macvlan, 0 if there is none.
func (i *ipLink) bridge(near neighbours) int32 {
	for range 8 { // a VLAN on a VLAN on a bridge, and some more
		switch {
		case i == nil:
			return 0
		case i.Info.Kind == "bridge":
			return int32(i.Index)
		case i.NetNS != nil, !slices.Contains([]string{"vlan", "macvlan", "macvtap", "ipvlan", "ipvtap"}, i.Info.Kind):
			return 0
		}
		i = near.byName[i.Lower]
	}
	return 0
}

func (i *ipLink) link(near neighbours) (giaddr.Link, error) {
	has := func(flag string) bool { return slices.Contains(i.Flags, flag) }
	l := giaddr.Link{
		Index: i.Index, Name: i.Name, Alias: i.Alias, MTU: i.MTU,
		Up: has("UP") && has("LOWER_UP"), Broadcast: has("BROADCAST"), Loopback: has("LOOPBACK"),
		IsVRF: i.Info.Kind == "vrf", Kind: i.Info.Kind, AltNames: i.Names,
	}
	i.place(&l, near)
	l.FDB.Bridge = i.bridge(near)
	if !giaddr.ValidName(i.Name) || i.Index <= 0 {
		return l, fmt.Errorf("this is no name or index %d of an interface; use the output of ip -j -d address", i.Index)
	}
	var addressed bool
	if l.Type, addressed = arphrd(i.Type); addressed && i.Address != "" {
		mac, err := parseMAC(i.Address)
		if err != nil {
			return l, err
		}
		l.MAC = mac
	}
	if i.Info.Kind == "vlan" {
		if err := json.Unmarshal(i.Info.Data.ID, &l.VLAN); err != nil || l.VLAN > 4094 {
			return l, fmt.Errorf("its VLAN identifier is %q; use the output of ip -j -d address", i.Info.Data.ID)
		}
	}
	if i.Addrs == nil {
		return l, nil
	}
	for _, a := range *i.Addrs {
		b, err := a.addr()
		if err != nil {
			return l, err
		}
		l.Addrs = append(l.Addrs, b)
	}
	return l, nil
}

func (i *ipAddr) addr() (giaddr.Addr, error) {
	a := giaddr.Addr{
		Secondary: i.Secondary, Tentative: i.Tentative && !i.Failed, Duplicate: i.Failed, Deprecated: i.Deprecated, Temporary: i.Temporary,
	}
	local, err := netip.ParseAddr(i.Local)
	if err != nil || local.Zone() != "" || local.Is4In6() || i.Len < 0 || i.Len > local.BitLen() {
		return a, fmt.Errorf("%q with prefix length %d is no address; use the output of ip -j -d address", i.Local, i.Len)
	}
	bits := i.Len
	// On a point-to-point link the length is that of the peer's subnet.
	if peer, err := netip.ParseAddr(i.Peer); err == nil && local.Is4() && !netip.PrefixFrom(peer, bits).Contains(local) {
		bits = local.BitLen()
	}
	a.Prefix = netip.PrefixFrom(local, bits)
	return a, nil
}

// placed names the line of an error in JSON.
func placed(data []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	at := int64(len(data))
	switch {
	case errors.As(err, &syntax):
		at = min(at, syntax.Offset)
	case errors.As(err, &kind):
		at = min(at, kind.Offset)
	}
	return fmt.Errorf("line %d: %s", 1+bytes.Count(data[:at], []byte("\n")), strings.TrimPrefix(err.Error(), "json: "))
}
