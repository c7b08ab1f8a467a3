package conformance

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

const hashed = `
[[interface]]
name = "d*"
servers = ["198.51.100.10", "198.51.100.11", "198.51.100.12"]
mode = "hash"
`

// chosen returns the one server that gets a request.
func chosen(t *testing.T, s *agent.Snapshot, m message) netip.AddrPort {
	t.Helper()
	b := store(m.bytes())
	v := s.Relay4(b, agent.Ingress{Link: index("d0"), Src: addrPort("0.0.0.0", 68), Dst: addr("255.255.255.255")})
	if v.Reason != agent.Relayed {
		t.Fatalf("got %v, want one server", v.Reason)
	}
	cs := copies(s, v, b)
	if len(cs) != 1 {
		t.Fatalf("%d copies, want 1", len(cs))
	}
	return cs[0].dst
}

// client makes the n-th client's DISCOVER.
func client(n int, mods ...mod) message {
	var hw [6]byte
	hw[0] = 2
	binary.BigEndian.PutUint32(hw[2:], uint32(n))
	return discover(chaddr(hw[:]...)).with(mods...)
}

func TestCoreHash(t *testing.T) {
	snap := compile(t, hashed, bench())
	again := compile(t, hashed, bench())
	t.Run("R1542-22 a client's messages go to one server", func(t *testing.T) {
		for n := range 100 {
			want := chosen(t, snap, client(n))
			for _, m := range []message{
				client(n, secs(99)), client(n, flags(0x8000)), client(n, opt(50, 192, 0, 2, byte(n))),
				client(n, options(53, 1, tRequest)), client(n, ciaddr("192.0.2.9"), options(53, 1, tRequest)),
			} {
				if got := chosen(t, snap, m); got != want {
					t.Fatalf("client %d: %v, then %v", n, want, got)
				}
			}
		}
	})
	t.Run("R1542-22 also after a restart", func(t *testing.T) {
		for n := range 100 {
			if a, b := chosen(t, snap, client(n)), chosen(t, again, client(n)); a != b {
				t.Fatalf("client %d: %v, then %v", n, a, b)
			}
		}
	})
	t.Run("R1542-22 clients are spread over the servers", func(t *testing.T) {
		count := make(map[netip.AddrPort]int)
		for n := range 900 {
			count[chosen(t, snap, client(n))]++
		}
		if len(count) != 3 || slices.Min(values(count)) < 200 {
			t.Errorf("900 clients over three servers: %v", count)
		}
	})
	t.Run("R2131-14 R4361-1 the client identifier is the key, as it stands", func(t *testing.T) {
		for n := range 50 {
			id := opt(61, 255, byte(n), 2, 3, 4, 0, 1)
			if a, b := chosen(t, snap, client(n, id)), chosen(t, snap, client(n+1000, id, secs(7))); a != b {
				t.Fatalf("identifier %d: %v, then %v with another chaddr", n, a, b)
			}
		}
	})
}

func values(m map[netip.AddrPort]int) []int {
	var out []int
	for _, n := range m {
		out = append(out, n)
	}
	return out
}

// TestCoreVRF has two client networks with the same addresses in two VRFs.
func TestCoreVRF(t *testing.T) {
	const conf = `
[[server]]
address = "198.51.100.10"
vrf = "red"

[[server]]
address = "198.51.100.11"
vrf = "blue"

[[interface]]
name = "d0"
servers = ["198.51.100.10"]
[interface.dhcpv4.option82]
circuit_id = "port"
vss = "red"

[[interface]]
name = "d1"
servers = ["198.51.100.11"]
[interface.dhcpv4.option82]
circuit_id = "port"
`
	h := bench().have("d1", addrD0+"/24").links()
	h[index("d0")-1].VRF, h[index("d1")-1].VRF = 10, 11
	h = append(h,
		giaddr.Link{Index: 10, Name: "red", IsVRF: true, Up: true, Type: 1, MAC: mac("lo")},
		giaddr.Link{Index: 11, Name: "blue", IsVRF: true, Up: true, Type: 1, MAC: mac("lo")},
		giaddr.Link{Index: 12, Name: "u1", VRF: 10, Up: true, Type: 1, MAC: mac("u0")},
		giaddr.Link{Index: 13, Name: "u2", VRF: 11, Up: true, Type: 1, MAC: mac("u0")},
	)
	snap := compileOn(t, conf, h)
	for _, tc := range []struct {
		name   string
		uplink int
		src    string
		want   string
	}{
		{"T15 reply in the VRF of d0", 12, server1, "d0"},
		{"T15 the same reply in the VRF of d1", 13, server2, "d1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := store(offer(opt(82, 1, 4, 'p', 'o', 'r', 't')).bytes())
			v := snap.Relay4(b, agent.Ingress{Link: tc.uplink, Src: addrPort(tc.src, 67), Dst: addr(addrD0)})
			if v.Reason != agent.Relayed || v.Link.Host.Name != tc.want {
				t.Fatalf("got %v, link %v, want %s", v.Reason, v.Link, tc.want)
			}
			same(t, offer(), b.Bytes())
		})
	}
	t.Run("T15 T16 R6607-2 a request goes to the VRF of its server", func(t *testing.T) {
		b := store(discover().bytes())
		v := snap.Relay4(b, agent.Ingress{Link: index("d0"), Src: addrPort("0.0.0.0", 68), Dst: addr("255.255.255.255")})
		if v.Reason != agent.Relayed {
			t.Fatal(v.Reason)
		}
		if got := snap.Policy.Servers[v.Link.Side[dhcp.V4].Servers[0]].VRF; got != "red" {
			t.Errorf("server in VRF %q, want red", got)
		}
		same(t, discover().up(addrD0, o82(sub(1, text("port")...), sub(151, 0, 'r', 'e', 'd'), sub(152))...), b.Bytes())
	})
}
