package effective

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/built"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/wire/dhcp"
)

// A Unit is a drop-in that confines the systemd unit further than can be done without
// knowledge of the configuration.
type Unit struct {
	Config *config.Config
	Links  []giaddr.Link  // of the host
	Also   []netip.Prefix // whom else it may speak with: who scrapes it, routers that send ICMP errors
	BPF    bool           // keep CAP_BPF and the system call
}

// UnitOf returns the drop-in for a configuration on a host with these links. also are
// prefixes or addresses. BPF is kept only where something needs it.
func UnitOf(c *config.Config, links []giaddr.Link, also []string, bpf bool) (*Unit, error) {
	u := &Unit{Config: c, Links: links, BPF: bpf && c.Policy.NeedsBPF()}
	for _, text := range also {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, err := netip.ParseAddr(text)
			if err != nil {
				return nil, fmt.Errorf("%q is neither an address nor a prefix, as 10.9.0.0/24", text)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		u.Also = append(u.Also, p)
	}
	return u, nil
}

// The receive and send buffers that the sockets ask for, in octets. Without
// CAP_NET_ADMIN they get what the sysctls allow.
const (
	receiveBuffer = built.Buffers << 20
	sendBuffer    = built.SendBuffers << 20
)

// String writes the drop-in.
func (u *Unit) String() string {
	caps, calls := "CAP_NET_BIND_SERVICE CAP_NET_RAW", "chown fchownat lchown capset"
	if u.BPF {
		caps += " CAP_BPF"
	} else {
		calls = "bpf " + calls
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# Made of the configuration by "dhcp-relay config unit". Make it anew when servers,
# networks or addresses change: what is not listed here does not reach the relay, and
# no counter tells. To use it:
#   mkdir -p /etc/systemd/system/dhcp-relay.service.d
#   dhcp-relay config unit > /etc/systemd/system/dhcp-relay.service.d/confine.conf
#   systemctl daemon-reload && systemctl restart dhcp-relay
[Service]
# In place of CAP_NET_ADMIN, which was for the buffers of sockets alone.
ExecStartPre=+-sysctl -q -w net.core.rmem_max=%d net.core.wmem_max=%d
AmbientCapabilities=
AmbientCapabilities=%s
CapabilityBoundingSet=
CapabilityBoundingSet=%[3]s
SystemCallFilter=~%s
# A name of the host that changes is seen at the next start.
ProtectHostname=yes
`, receiveBuffer, sendBuffer, caps, calls)
	if g := u.Config.Control.Group; g != "" {
		b.WriteString("# Of the control socket, which is given to nobody later.\nGroup=" + g + "\n")
	}
	if !u.BPF && u.Config.Policy.AsksFrame(dhcp.V4) {
		b.WriteString("# Without CAP_BPF the ports of bridges by which DHCPv4 clients ask are unknown.\n")
	}
	if !u.BPF && u.Config.Policy.MayRelay(dhcp.V6) {
		b.WriteString("# Without CAP_BPF the first message of a DHCPv6 client goes without option 79, and the\n# kernel delivers the reply to it.\n")
	}
	b.WriteString("# Clients have no address yet, or ask all of a network.\nIPAddressDeny=any\nIPAddressAllow=localhost link-local multicast 0.0.0.0 255.255.255.255\n")
	u.allow(&b, "Servers, and who may reply beside them.", u.servers())
	u.allow(&b, "Networks of clients.", u.networks())
	u.allow(&b, "Others that were named.", u.Also)
	for _, h := range u.Config.Names {
		fmt.Fprintf(&b, "# %s is resolved while the relay runs: name its addresses, and DNS servers, by --allow.\n", h)
	}
	if m := u.Config.Metrics; m.On && !m.Listen.Addr().IsLoopback() {
		fmt.Fprintf(&b, "# metrics.listen is %s: name who asks there by --allow.\n", m.Listen)
	}
	return b.String()
}

// allow writes who is let through.
func (u *Unit) allow(b *strings.Builder, who string, all []netip.Prefix) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(b, "# %s\n", who)
	for _, p := range all {
		if p.IsSingleIP() {
			fmt.Fprintf(b, "IPAddressAllow=%s\n", p.Addr())
			continue
		}
		fmt.Fprintf(b, "IPAddressAllow=%s\n", p)
	}
}

// servers returns whose replies are relayed, multicast groups apart.
func (u *Unit) servers() (all []netip.Prefix) {
	p := &u.Config.Policy
	for i := range p.Servers {
		if a := p.Servers[i].Addr.Addr().WithZone(""); !a.IsLinkLocalUnicast() && !a.IsMulticast() {
			all = append(all, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	for _, o := range p.AnswersFrom {
		all = append(all, o.From)
	}
	return sorted(append(all, p.ReplySources...))
}

// networks returns the prefixes of the interfaces that are relayed.
func (u *Unit) networks() (all []netip.Prefix) {
	served := make(map[string]bool)
	for name, i := range agent.Matches(u.Config.Policy.Interfaces, u.Links) {
		served[name] = !u.Config.Policy.Interfaces[i].Off
	}
	for i := range u.Links {
		if !served[u.Links[i].Name] {
			continue
		}
		for _, a := range u.Links[i].Addrs {
			if !a.Prefix.Addr().IsLinkLocalUnicast() {
				all = append(all, a.Prefix.Masked())
			}
		}
	}
	return sorted(all)
}

func sorted(all []netip.Prefix) []netip.Prefix {
	slices.SortFunc(all, netip.Prefix.Compare)
	return slices.Compact(all)
}
