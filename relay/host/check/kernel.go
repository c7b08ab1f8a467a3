package check

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/text"
	"dhcp-relay/relay/wire/dhcp"
)

// sysctls is where the kernel shows its settings.
const sysctls = "/proc/sys"

// kernelDoubts tells which settings, of which there is a file each, keep messages
// away, or the relay from its work. strict are the interfaces with strict
// rp_filter.
func kernelDoubts(sys fs.FS, strict []string, p agent.Policy, s *agent.Snapshot) (ds []Doubt) {
	add := func(fatal bool, format string, args ...any) {
		ds = append(ds, Doubt{fmt.Sprintf(format, args...), fatal})
	}
	if p.Relays(dhcp.V6) {
		if _, err := fs.Stat(sys, "net/ipv6"); errors.Is(err, fs.ErrNotExist) {
			add(true, "there are IPv6 servers, and this kernel has no IPv6; start it without ipv6.disable=1, or list no IPv6 servers")
		}
		for _, l := range s.Links {
			key := "net/ipv6/conf/" + l.Host.Name + "/disable_ipv6"
			if len(l.Side[dhcp.V6].Servers) > 0 && setting(sys, key) == "1" {
				add(false, "%s: DHCPv6 is to be relayed, and IPv6 is off there; set %s = 0", l.Host.Name, text.Sysctl("net.ipv6.conf.", l.Host.Name, ".disable_ipv6"))
			}
		}
	}
	if p.Relays(dhcp.V4) && len(strict) > 0 {
		add(false, "rp_filter is strict (1) on %s: the kernel drops %s, and %s; %s unless no such packet is to be expected",
			text.Some(strict, mostNamed), text.StrictToReplies, text.StrictToClients, text.Loosen(strict[0]))
	}
	if setting(sys, "net/core/bpf_jit_enable") == "0" {
		add(false, "the kernel interprets BPF programs, which makes each message cost more; set net.core.bpf_jit_enable = 1")
	}
	return ds
}

// setting reads one value; "" if there is none.
func setting(sys fs.FS, key string) string {
	b, err := fs.ReadFile(sys, key)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// A routeFunc tells by which interface a packet to an address leaves a VRF.
type routeFunc func(to netip.Addr, vrf string) (link int, err error)

// route asks the kernel.
func route(to netip.Addr, vrf string) (int, error) {
	rs, err := netlink.RouteGetWithOptions(to.AsSlice(), &netlink.RouteGetOptions{VrfName: vrf})
	if err != nil {
		return 0, err
	}
	if len(rs) == 0 {
		return 0, errors.New("no route")
	}
	return rs[0].LinkIndex, nil
}

// unreachable tells of each giaddr to which replies find no way: it is in a VRF
// other than the server's, and no route leads from there into it.
func unreachable(s *agent.Snapshot, p *agent.Plan, ask routeFunc) (texts []string) {
	for l, n := range p.Crossings() {
		a, theirs, ours := l.Side[dhcp.V4].Choices[0].Addr, p.VRFName(p.Way(n).VRF), p.VRF(l.Host.Index)
		if out, err := ask(a, theirs); err == nil && p.VRF(out) == ours {
			continue
		}
		texts = append(texts, fmt.Sprintf("%s: replies of %s to giaddr %s arrive in %s, which has no route into %s; "+
			"add one, or set dhcpv4.giaddr to an address of %s and dhcpv4.option82.link_selection = \"subnet\"",
			l.Host.Name, s.Policy.Servers[n].Addr.Addr(), a, vrfName(theirs), vrfName(p.VRFName(ours)), vrfName(theirs)))
	}
	return texts
}

func vrfName(name string) string {
	if name == "" {
		return "the default VRF"
	}
	return "the VRF " + name
}
