package agent

import (
	"bytes"
	"net/netip"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/dhcp"
)

// TestR9915_FramesToClients tells which replies may go in frames, and from where.
func TestR9915_FramesToClients(t *testing.T) {
	addr := func(s string) giaddr.Addr { return giaddr.Addr{Prefix: netip.MustParsePrefix(s)} }
	tentative, old := addr("2001:db8:1::9/64"), addr("2001:db8:5::1/64")
	tentative.Tentative, old.Deprecated = true, true
	early := addr("fe80::2/64")
	early.Tentative = true
	clientGUA := "2001:db8:1::abcd"
	all := []giaddr.Addr{tentative, early, addr("192.0.2.1/24"), addr("fe80::1/64"), old, addr("2001:db8:4::1/64"), addr("2001:db8:1::1/64")}
	for _, c := range []struct {
		name  string
		addrs []giaddr.Addr
		plain bool // the link is no Ethernet
		peer  string
		inner []byte
		from  string // "": no frame
	}{
		{"a link-local client", all, false, clientLL, msg6(7), "fe80::1"},
		{"R9686-1 one of the link's prefix", all, false, clientGUA, msg6(37), "2001:db8:1::1"},
		{"R9686-1 one of no prefix", all, false, "2001:db8:77::1", msg6(37), "2001:db8:4::1"},
		{"a deprecated address rather than link-local", []giaddr.Addr{addr("fe80::1/64"), old}, false, clientGUA, msg6(37), "2001:db8:5::1"},
		{"link-local to a global client", []giaddr.Addr{tentative, addr("fe80::1/64")}, false, clientGUA, msg6(37), "fe80::1"},
		{"no link-local address", []giaddr.Addr{early, addr("2001:db8:1::1/64")}, false, clientGUA, msg6(37), ""},
		{"no Ethernet", all, true, clientLL, msg6(7), ""},
		{"R9915-38 another relay", all, false, relayLL, relay6(13, 0, gua0, clientLL, inner6(msg6(7))), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := compile6(func(p *Policy, h []giaddr.Link) {
				h[0].Addrs = c.addrs
				p.Interfaces[0].Trusted = true
				if c.plain {
					h[0].Type = 65534
				}
			})
			as := case6{in: relay6(13, 0, gua0, c.peer, id6("d0"), inner6(c.inner))}
			b := buf6(as.in)
			v := s.Relay6(b, as.ingress(s))
			if v.Reason != Relayed || v.To != ToHost || v.Frameable() != (c.from != "") {
				t.Fatalf("outcome %v to %v, frameable %t", v.Reason, v.To, v.Frameable())
			}
			if c.from == "" {
				return
			}
			hw := []byte{2, 0, 0, 0, 0, 9}
			v.Frame(hw)
			if v.To != ToFrame || !bytes.Equal(v.HW, hw) || v.Src.String() != c.from || v.Dst.String() != c.peer || v.Port != dhcp.ClientPort6 {
				t.Errorf("from %v to %v port %d, %x; want from %s", v.Src, v.Dst, v.Port, v.HW, c.from)
			}
		})
	}
}
