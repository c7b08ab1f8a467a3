package conformance

import (
	"net/netip"
	"slices"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/wire/dhcp"
)

// TestCore plays the cases to the decision core.
func TestCore(t *testing.T) {
	for _, g := range groups() {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			snap := compile(t, g.toml, g.router())
			for _, c := range g.cases {
				t.Run(c.name, func(t *testing.T) { playCore(t, snap, &c) })
			}
		})
	}
}

// router returns the group's router.
func (g *group) router() host {
	if g.host.addrs == nil {
		return bench()
	}
	return g.host
}

// compile makes a snapshot from a configuration file and a router.
func compile(t testing.TB, toml string, h host) *agent.Snapshot {
	t.Helper()
	return compileOn(t, toml, h.links())
}

// compileOn makes a snapshot from a configuration file and links.
func compileOn(t testing.TB, toml string, host []giaddr.Link) *agent.Snapshot {
	t.Helper()
	c, err := config.Parse("relay.toml", []byte(toml), config.Host{Hostname: "router"})
	if err != nil {
		t.Fatalf("configuration:\n%v", err)
	}
	s, _ := agent.Compile(c.Policy, host)
	return s
}

// links returns the router as netlink would show it.
func (h host) links() []giaddr.Link {
	var out []giaddr.Link
	for i, name := range links() {
		l := giaddr.Link{Index: i + 1, Name: name, MTU: 1500, Up: name != h.down}
		if name == "lo" {
			l.Loopback, l.Type, l.MTU = true, 772, 65536
		} else {
			l.Type, l.MAC, l.Broadcast = 1, mac(name), true
		}
		if n := h.mtu[name]; n != 0 {
			l.MTU = n
		}
		for j, a := range h.addrs[name] {
			l.Addrs = append(l.Addrs, giaddr.Addr{Prefix: netip.MustParsePrefix(a), Secondary: j > 0 && secondary(h.addrs[name][:j], a)})
		}
		out = append(out, l)
	}
	return out
}

// secondary reports whether the kernel would call an address secondary: another
// of the same subnet came before it.
func secondary(before []string, a string) bool {
	p := netip.MustParsePrefix(a)
	return slices.ContainsFunc(before, func(b string) bool {
		return netip.MustParsePrefix(b).Masked() == p.Masked()
	})
}

// index returns the interface index of a link in the core bed.
func index(link string) int { return slices.Index(links(), link) + 1 }

// store puts a message where the engine would receive it, amid octets that must
// never leave.
func store(b []byte) *agent.Buf {
	const room = 64
	s := slices.Repeat([]byte{0xa5}, room+len(b)+600)
	copy(s[room:], b)
	return &agent.Buf{Store: s, Off: room, Len: len(b)}
}

// playCore plays one case.
func playCore(t *testing.T, s *agent.Snapshot, c *tcase) {
	on, src, dst := c.ingress()
	b := store(c.msg.bytes())
	v := s.Relay4(b, agent.Ingress{
		Link: index(on), Src: src, Dst: dst.Addr(), Choice: c.face,
		Routes: routes(s),
	})
	switch {
	case c.up == nil && c.down == nil:
		if v.Reason != c.drop || c.drop == agent.Relayed {
			t.Errorf("got %v, want %v", v.Reason, c.drop)
		}
	case v.Reason != agent.Relayed:
		t.Errorf("dropped: %v", v.Reason)
	case c.up != nil:
		checkUp(t, s, v, b, c)
	default:
		checkDown(t, v, b, c)
	}
}

// checkUp compares the copies that the engine would send with those wanted.
func checkUp(t *testing.T, s *agent.Snapshot, v agent.Verdict, b *agent.Buf, c *tcase) {
	if v.To != agent.ToServers || v.Direction != dhcp.Requests {
		t.Fatalf("target %d, direction %d, want servers and requests", v.To, v.Direction)
	}
	on, _, _ := c.ingress()
	if v.Link.Host.Name != on {
		t.Errorf("counted for %s, want %s", v.Link.Host.Name, on)
	}
	got := copies(s, v, b)
	if len(got) != len(c.up) {
		t.Fatalf("%d copies, want %d", len(got), len(c.up))
	}
	for i, w := range c.up {
		if dst := addrPort(w.server, 67); got[i].dst != dst {
			t.Errorf("copy %d to %v, want %v", i, got[i].dst, dst)
		}
		if src := addr(w.src); v.Src != src {
			t.Errorf("copy %d from %v, want %v", i, v.Src, src)
		}
		if p := v.SrcPort; p != max(w.sport, 67) {
			t.Errorf("copy %d from port %d, want %d", i, p, max(w.sport, 67))
		}
		same(t, w.msg, got[i].octets)
	}
}

// A copyOf is a request as it would leave for a server.
type copyOf struct {
	dst    netip.AddrPort
	octets []byte
}

// copies does what the engine does with a verdict for servers.
func copies(s *agent.Snapshot, v agent.Verdict, b *agent.Buf) []copyOf {
	servers := v.Link.Side[dhcp.V4].Servers
	var out []copyOf
	for n, i := range servers {
		if v.Asked>>n&1 == 0 {
			continue
		}
		srv := s.Policy.Servers[i]
		cb := agent.Buf{Store: slices.Clone(b.Store), Off: b.Off, Len: b.Len}
		if cv := v; cv.Differs(agent.WithoutVSS) && !srv.VSS {
			cv.Shape(&cb, agent.WithoutVSS)
		}
		out = append(out, copyOf{srv.Addr, cb.Bytes()})
	}
	return out
}

// checkDown compares what a client would get with what it is to get.
func checkDown(t *testing.T, v agent.Verdict, b *agent.Buf, c *tcase) {
	w := c.down
	if v.Direction != dhcp.Replies {
		t.Errorf("direction %d, want replies", v.Direction)
	}
	if v.Link.Host.Name != w.on {
		t.Errorf("to %s, want %s", v.Link.Host.Name, w.on)
	}
	target := agent.ToFrame
	if w.arp {
		target = agent.ToHost
	}
	if v.To != target || v.Dst != addr(w.ip) || !slices.Equal(v.HW, w.hw) {
		t.Errorf("target %d, address %v, link-layer % x, want %d, %s, % x", v.To, v.Dst, v.HW, target, w.ip, w.hw)
	}
	same(t, w.msg, b.Bytes())
}

// routes has all servers but that among the clients of d1 beyond the uplink.
func routes(s *agent.Snapshot) [][]int {
	all := make([][]int, len(s.Policy.Servers))
	for i := range all {
		all[i] = []int{index("u0")}
		if s.Policy.Servers[i].Addr.Addr() == addr("198.51.101.66") {
			all[i] = []int{index("d1")}
		}
	}
	return all
}
