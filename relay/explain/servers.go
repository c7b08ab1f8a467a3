package explain

import (
	"fmt"
	"net/netip"
)

// ParseServers reads the addresses of servers that are to reply to a client that
// speaks DHCPv6 or not, and the address that they are to give to it, "" for none. An
// error is an InputError.
func ParseServers(v6 bool, from []string, give string) (servers []netip.Addr, yiaddr netip.Addr, err error) {
	for _, s := range from {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Is4() == v6 || a.Is4In6() || a.Zone() != "" {
			return nil, yiaddr, &inputError{"reply-from", fmt.Sprintf("%q is no address of a server of this address family; write one such as %s",
				s, map[bool]string{true: "2001:db8:9::2", false: "10.9.0.2"}[v6])}
		}
		servers = append(servers, a)
	}
	if give == "" {
		return servers, yiaddr, nil
	}
	if yiaddr, err = netip.ParseAddr(give); err != nil || !yiaddr.Is4() || v6 {
		return nil, yiaddr, &inputError{"yiaddr", fmt.Sprintf("%q is no IPv4 address to give to a client; write one such as 192.0.2.50, and not with -6", give)}
	}
	return servers, yiaddr, nil
}
