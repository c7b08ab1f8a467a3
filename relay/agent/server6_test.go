package agent

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/wire/dhcp"
)

// TestR9915_6_LinkLocalServer has a server that is reached on one link only: on
// another, the same address is somebody else's.
func TestR9915_6_LinkLocalServer(t *testing.T) {
	const link, server = "u0", "fe80::2"
	p, h := testPolicy6(), testHost6()
	h[1].Name = "c1" // is no client-facing link here
	p.Servers[0] = Server{Addr: netip.MustParseAddrPort("[" + server + "%" + link + "]:547"), Link: link}
	p.Servers[1] = Server{Addr: netip.MustParseAddrPort("[" + server + "%d0]:547"), Link: "d0"}
	p.Interfaces[1].Servers = []int{0}
	s, ps := Compile(*p, h)
	if diff := cmp.Diff("", problemsOf(ps)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	for i, want := range []int{4, 2} {
		if index, ok := s.Out(i); index != want || !ok {
			t.Errorf("server %d is sent to on interface %d, %v, want %d", i, index, ok, want)
		}
	}
	in := answer6(id6("d0"), inner6(msg6(7)))
	for _, tt := range []struct {
		name, on, src string
		want          Reason
	}{
		{"from the uplink", "u0", server, Relayed},
		{"from a server among the clients", "d0", server, Relayed},
		{"from a client of that address on another link", "t0", server, Relayed}, // which is trusted
		{"from another client", "d0", "fe80::3", ReplyFromClient},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := case6{on: tt.on, in: in, src: tt.src}
			if v := s.Relay6(buf6(c.in), c.ingress(s)); v.Reason != tt.want {
				t.Errorf("outcome %v, want %v", v.Reason, tt.want)
			}
		})
	}
	p.Servers = p.Servers[:1]
	p.Interfaces[0].Servers = []int{0}
	s, _ = Compile(*p, h)
	c := case6{on: "d0", in: in, src: server}
	if v := s.Relay6(buf6(c.in), c.ingress(s)); v.Reason != ReplyFromClient {
		t.Errorf("a client with the server's address on another link: %v, want %v", v.Reason, ReplyFromClient)
	}
}

// TestDuplicatesAreNoSources has each address of a client's link fail duplicate
// address detection in turn: the kernel sends from none of them.
func TestDuplicatesAreNoSources(t *testing.T) {
	client := netip.MustParseAddr("2001:db8:1::c")
	for _, tt := range []struct {
		spoil     int // index of the address
		local     bool
		toLocal   string
		toGlobal  string
		linkLocal State
	}{
		{-1, true, routerLL, gua0, Relaying},
		{0, false, "", gua0, NoLinkLocal},
		{1, true, routerLL, routerLL, NoAddress},
	} {
		p, h := testPolicy6(), testHost6()
		if tt.spoil >= 0 {
			h[0].Addrs[tt.spoil].Duplicate = true
		}
		s, _ := Compile(*p, h)
		l := s.Link(2)
		if l.linkLocal.IsValid() != tt.local || l.Side[dhcp.V6].State != tt.linkLocal {
			t.Errorf("%d spoilt: link-local %v, state %v", tt.spoil, l.linkLocal, l.Side[dhcp.V6].State)
		}
		if tt.local && l.from6(netip.MustParseAddr(clientLL)).String() != tt.toLocal {
			t.Errorf("%d spoilt: to a link-local client from %v, want %s", tt.spoil, l.from6(netip.MustParseAddr(clientLL)), tt.toLocal)
		}
		if got := l.from6(client).String(); got != tt.toGlobal {
			t.Errorf("%d spoilt: to %v from %s, want %s", tt.spoil, client, got, tt.toGlobal)
		}
	}
}
