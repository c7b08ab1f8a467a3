package transaction_test

import (
	"net/netip"
	"testing"

	"dhcp-relay/relay/observe/transaction"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// exchange4 returns the key of the exchange of a DHCPv4 message of a type.
func exchange4(xid uint32, mac byte, op byte, t bootp.Type) transaction.Key {
	p := bootp.Packet(dhcp4{xid: xid, kind: byte(t), mac: []byte{2, 0, 0, 0, 0, mac}}.bytes(op))
	return transaction.Key4(p).Exchange(dhcp.V4, uint8(t))
}

func TestKey4TellsClientsApart(t *testing.T) {
	t.Parallel()
	discover := exchange4(7, 9, 1, bootp.Discover)
	if got := exchange4(7, 9, 2, bootp.Offer); got != discover {
		t.Errorf("a reply has key %x, its request %x", got, discover)
	}
	request := exchange4(7, 9, 1, bootp.DHCPRequest)
	if request == discover {
		t.Error("DISCOVER and REQUEST have the same key")
	}
	if got := exchange4(7, 9, 2, bootp.Nak); got != request {
		t.Errorf("a NAK has key %x, its request %x", got, request)
	}
	for name, got := range map[string]transaction.Key{
		"another xid": exchange4(8, 9, 1, bootp.Discover), "another client": exchange4(7, 10, 1, bootp.Discover),
	} {
		if got == discover {
			t.Errorf("%s has the same key", name)
		}
	}
}

// Only an ACK may answer what another exchange has asked (RFC 4039).
func TestEarlyAnswers(t *testing.T) {
	t.Parallel()
	k := transaction.Key(5)
	if got := k.Early(dhcp.V4, uint8(bootp.Ack)); got != k.Exchange(dhcp.V4, uint8(bootp.Discover)) {
		t.Errorf("an ACK may also answer %x", got)
	}
	for _, typ := range []bootp.Type{bootp.Offer, bootp.Nak, 0} {
		if got := k.Early(dhcp.V4, uint8(typ)); got != 0 {
			t.Errorf("%v may also answer %x", typ, got)
		}
	}
	if got := k.Early(dhcp.V6, uint8(bootp.Ack)); got != 0 || k.Exchange(dhcp.V6, 1) != k {
		t.Errorf("DHCPv6 has exchanges within a transaction")
	}
}

func TestExpects(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		f       dhcp.Family
		typ     uint8
		further bool
		want    transaction.Expectation
	}{
		{dhcp.V4, uint8(bootp.Discover), false, transaction.Everyone},
		{dhcp.V4, uint8(bootp.DHCPRequest), false, transaction.Anyones},
		{dhcp.V4, 0, false, transaction.Anyones},
		{dhcp.V4, uint8(bootp.Inform), false, transaction.Perhaps},
		{dhcp.V4, uint8(bootp.Inform), true, transaction.Perhaps},
		{dhcp.V4, uint8(bootp.Release), false, transaction.Nobodys},
		{dhcp.V4, uint8(bootp.Decline), false, transaction.Nobodys},
		{dhcp.V4, uint8(bootp.Discover), true, transaction.Nobodys},
		{dhcp.V4, uint8(bootp.DHCPRequest), true, transaction.Nobodys},
		{dhcp.V6, uint8(dhcp6.Solicit), false, transaction.Everyone},
		{dhcp.V6, uint8(dhcp6.Release), false, transaction.Anyones},
		{dhcp.V6, uint8(dhcp6.RelayForward), false, transaction.Nobodys},
	} {
		if got := transaction.Expects(tc.f, tc.typ, tc.further); got != tc.want {
			t.Errorf("%v type %d, further %v: %d, want %d", tc.f, tc.typ, tc.further, got, tc.want)
		}
	}
}

func key6(m dhcp6.Message) transaction.Key {
	k, _ := transaction.Key6(m, netip.Addr{})
	return k
}

func TestKey6TellsClientsApart(t *testing.T) {
	t.Parallel()
	wrap := func(typ dhcp6.Type, peer string, m []byte) dhcp6.Message { return relay6(byte(typ), "::", peer, m) }
	solicit := []byte{1, 0, 0, 7}   // Solicit, transaction-id 7
	advertise := []byte{2, 0, 0, 7} // Advertise, transaction-id 7
	one := key6(wrap(dhcp6.RelayForward, "fe80::1", solicit))
	chain := key6(wrap(dhcp6.RelayForward, "fe80::99", wrap(dhcp6.RelayForward, "fe80::1", solicit)))
	for name, got := range map[string]transaction.Key{
		"reply":         key6(wrap(dhcp6.RelayReply, "fe80::1", advertise)),
		"chain":         chain,
		"chain's reply": key6(wrap(dhcp6.RelayReply, "fe80::99", wrap(dhcp6.RelayReply, "fe80::1", advertise))),
	} {
		if got != one {
			t.Errorf("%s has key %x, the client's first message %x", name, got, one)
		}
	}
	if _, inner := transaction.Key6(wrap(dhcp6.RelayForward, "fe80::1", solicit), netip.Addr{}); inner.Type() != dhcp6.Solicit {
		t.Errorf("the message inside is a %v, want a solicit", inner.Type())
	}
	if got, inner := transaction.Key6(solicit, netip.MustParseAddr("fe80::1")); got != one || inner.Type() != dhcp6.Solicit {
		t.Errorf("as the client has sent it, the %v has key %x, want %x", inner.Type(), got, one)
	}
	for name, m := range map[string]dhcp6.Message{
		"another transaction": wrap(dhcp6.RelayForward, "fe80::1", []byte{1, 0, 0, 8}),
		"another client":      wrap(dhcp6.RelayForward, "fe80::2", solicit),
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
			transaction.Key6(m, netip.IPv6LinkLocalAllNodes())
		}
	})
}
