package pending_test

import (
	"net/netip"
	"testing"

	"dhcp-relay/relay/observe/pending"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp6"
)

// message4 returns a DHCPv4 message with an xid and a client's MAC.
func message4(op byte, xid byte, mac byte) bootp.Packet {
	p := make(bootp.Packet, 300)
	p[0], p[1], p[2] = op, 1, 6                            // op, htype, hlen
	p[7] = xid                                             // the last octet of xid
	p[28], p[33] = 2, mac                                  // chaddr
	copy(p[236:], []byte{99, 130, 83, 99, 53, 1, op, 255}) // cookie, option 53, END
	return p
}

func TestKey4TellsClientsApart(t *testing.T) {
	t.Parallel()
	request := pending.Key4(message4(1, 7, 9), bootp.Discover)
	if got := pending.Key4(message4(2, 7, 9), bootp.Offer); got != request {
		t.Errorf("a reply has key %x, its request %x", got, request)
	}
	if pending.Key4(message4(1, 7, 9), bootp.DHCPRequest) == request {
		t.Error("DISCOVER and REQUEST have the same key")
	}
	for name, p := range map[string]bootp.Packet{
		"another xid": message4(1, 8, 9), "another client": message4(1, 7, 10),
	} {
		if pending.Key4(p, bootp.Discover) == request {
			t.Errorf("%s has the same key", name)
		}
	}
}

// wrap returns m in a relay header of a type with a peer-address.
func wrap(t *testing.T, typ dhcp6.Type, peer string, m []byte) dhcp6.Message {
	t.Helper()
	store := append(make([]byte, 100), m...)
	at, ok := dhcp6.Encapsulate(store, 100, len(m), dhcp6.Header{Peer: netip.MustParseAddr(peer)}, nil)
	if !ok {
		t.Fatal("no room")
	}
	store[at] = byte(typ)
	return store[at:]
}

func key6(m dhcp6.Message) pending.Key {
	k, _ := pending.Key6(m, netip.Addr{})
	return k
}

func TestKey6TellsClientsApart(t *testing.T) {
	t.Parallel()
	solicit := []byte{1, 0, 0, 7}   // Solicit, transaction-id 7
	advertise := []byte{2, 0, 0, 7} // Advertise, transaction-id 7
	one := key6(wrap(t, dhcp6.RelayForward, "fe80::1", solicit))
	chain := key6(wrap(t, dhcp6.RelayForward, "fe80::99", wrap(t, dhcp6.RelayForward, "fe80::1", solicit)))
	for name, got := range map[string]pending.Key{
		"reply":         key6(wrap(t, dhcp6.RelayReply, "fe80::1", advertise)),
		"chain":         chain,
		"chain's reply": key6(wrap(t, dhcp6.RelayReply, "fe80::99", wrap(t, dhcp6.RelayReply, "fe80::1", advertise))),
	} {
		if got != one {
			t.Errorf("%s has key %x, the client's first message %x", name, got, one)
		}
	}
	if _, typ := pending.Key6(wrap(t, dhcp6.RelayForward, "fe80::1", solicit), netip.Addr{}); typ != dhcp6.Solicit {
		t.Errorf("the message inside is a %v, want a solicit", typ)
	}
	if got, typ := pending.Key6(solicit, netip.MustParseAddr("fe80::1")); got != one || typ != dhcp6.Solicit {
		t.Errorf("as the client has sent it, the %v has key %x, want %x", typ, got, one)
	}
	for name, m := range map[string]dhcp6.Message{
		"another transaction": wrap(t, dhcp6.RelayForward, "fe80::1", []byte{1, 0, 0, 8}),
		"another client":      wrap(t, dhcp6.RelayForward, "fe80::2", solicit),
	} {
		if key6(m) == one {
			t.Errorf("%s has the same key", name)
		}
	}
}

func FuzzKey6(f *testing.F) {
	f.Add([]byte{12, 0, 0, 7})
	f.Fuzz(func(_ *testing.T, b []byte) {
		if m := dhcp6.Message(b); m.Valid() {
			pending.Key6(m, netip.IPv6LinkLocalAllNodes())
		}
	})
}
