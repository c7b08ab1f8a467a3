package agent

import (
	"net/netip"
	"slices"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// The last hop of replies on links that are no Ethernet: with broadcast, such as
// InfiniBand, and without, such as tunnels.
func TestLastHopWithoutEthernet(t *testing.T) {
	infiniband := func(l *giaddr.Link) { l.Type, l.MAC = 32, make([]byte, 20) }
	tunnel := func(l *giaddr.Link) { l.Type, l.MAC, l.Broadcast = 65534, nil, false }
	all, client := "255.255.255.255", "192.0.2.77"
	set := func(off int, b ...byte) func([]byte) { return func(m []byte) { copy(m[off:], b) } }
	yiaddr, ciaddr, flag := set(16, 192, 0, 2, 77), set(12, 192, 0, 2, 77), set(10, 0x80, 0)
	ib := func(m []byte) { m[1], m[2] = 32, 0; clear(m[28:44]) }
	for _, tc := range []struct {
		name string
		link func(*giaddr.Link)
		set  []func([]byte)
		want string
	}{
		{"R4390-1 with the flag", infiniband, []func([]byte){ib, yiaddr, flag}, all},
		{"R4390-1 R1542-29 without the flag, to a client that has no address yet", infiniband, []func([]byte){ib, yiaddr}, all},
		{"R4390-2 to a client that has its address", infiniband, []func([]byte){ib, yiaddr, ciaddr}, client},
		{"R2131-9 the answer to an INFORM", infiniband, []func([]byte){ib, ciaddr}, client},
		{"T23 where there is no broadcast", tunnel, []func([]byte){yiaddr}, client},
		{"T23 where there is no broadcast, with the flag", tunnel, []func([]byte){yiaddr, flag}, all},
	} {
		t.Run(tc.name, func(t *testing.T) {
			host := testHost()
			tc.link(&host[0])
			s, _ := Compile(testPolicy(t), host)
			m := testMessage(bootp.Reply, bootp.Offer, netip.MustParseAddr("192.0.2.1"))
			for _, f := range slices.Concat(tc.set) {
				f(m)
			}
			v := play4(s, m, 4, server.String(), "192.0.2.1")
			if v.Reason != Relayed || v.To != ToHost || v.Dst.String() != tc.want || v.Port != dhcp.ClientPort4 {
				t.Errorf("got %v, target %d, %v port %d, want %s by the kernel", v.Reason, v.To, v.Dst, v.Port, tc.want)
			}
		})
	}
}

// Where nothing identifies the link, any suboption that it sends is its own: the
// flags differ from request to request, and servers leave out or change the rest.
func TestR3046_10_EchoWithoutIdentifiers(t *testing.T) {
	snapshot := func(trusted bool) *Snapshot {
		p := testPolicy(t)
		p.Interfaces[0].Trusted = trusted
		p.Interfaces[0].V4.Option82 = Option82{On: true, LinkSel: LinkSelSubnet, Flags: true, DropMismatch: true}
		s, _ := Compile(p, testHost())
		return s
	}
	offer := func(subs ...byte) []byte {
		m := testMessage(bootp.Reply, bootp.Ack, netip.MustParseAddr("192.0.2.1"),
			append([]byte{bootp.OptionRelay, byte(len(subs))}, subs...)...)
		copy(m[16:], []byte{192, 0, 2, 77})
		return m
	}
	subnet := []byte{bootp.SubLinkSelection, 4, 192, 0, 2, 0}
	for _, tc := range []struct {
		name    string
		trusted bool
		echo    []byte
		want    Reason
		kept    bool
	}{
		{"R3046-10 as sent for a broadcast", false, append(subnet, bootp.SubFlags, 1, 0), Relayed, false},
		{"R5107-6 as sent for a renewal by unicast", false, append(subnet, bootp.SubFlags, 1, 0x80), Relayed, false},
		{"T19 in another order", false, append([]byte{bootp.SubFlags, 1, 0}, subnet...), Relayed, false},
		{"R3527-3 without link selection", false, []byte{bootp.SubFlags, 1, 0}, Relayed, false},
		{"R3046-11 a switch's, on a trusted link", true, []byte{bootp.SubCircuitID, 1, 7}, Relayed, true},
		{"R3046-10 ours, on a trusted link", true, append(subnet, bootp.SubFlags, 1, 0x80), Relayed, false},
		{"R3046-11 not ours", false, []byte{bootp.SubCircuitID, 1, 7}, Option82Mismatch, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := offer(tc.echo...)
			b := Buf{Store: append(m, make([]byte, 512)...), Len: len(m)}
			v := snapshot(tc.trusted).Relay4(&b, Ingress{Link: 4, Src: server, Dst: netip.MustParseAddr("192.0.2.1")})
			if v.Reason != tc.want {
				t.Fatalf("got %v, want %v", v.Reason, tc.want)
			}
			if l, ok := bootp.Packet(b.Bytes()).Scan(); v.Reason == Relayed && (!ok || l.NumRelay > 0 != tc.kept) {
				t.Errorf("option 82 kept: %v, want %v", l.NumRelay > 0, tc.kept)
			}
		})
	}
}
