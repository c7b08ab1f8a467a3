package rkap

import (
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv6"
)

func TestSignedIsVerified(t *testing.T) {
	m, err := dhcpv6.NewMessage()
	if err != nil {
		t.Fatal(err)
	}
	k := Key{1, 2, 3}
	m.MessageType = dhcpv6.MessageTypeReconfigure
	m.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionReconfMessage, OptionData: []byte{5}})
	Sign(m, k, 7)
	raw := m.ToBytes()
	if !Verify(raw, k) {
		t.Errorf("not verified: % x", raw)
	}
	if Verify(raw, Key{1, 2, 4}) {
		t.Error("verified with another key")
	}
	for i := range raw {
		raw[i] ^= 1
		if Verify(raw, k) {
			t.Errorf("verified with octet %d changed", i)
		}
		raw[i] ^= 1
	}
	for n := range raw {
		if Verify(raw[:n], k) {
			t.Errorf("verified when cut to %d octets", n)
		}
	}
}

func TestKeyTravels(t *testing.T) {
	m, err := dhcpv6.NewMessage(dhcpv6.WithOption(Option(Key{9}, 1)))
	if err != nil {
		t.Fatal(err)
	}
	n, err := dhcpv6.MessageFromBytes(m.ToBytes())
	if err != nil {
		t.Fatal(err)
	}
	if k, ok := KeyOf(n); !ok || k != (Key{9}) {
		t.Errorf("got %v, %v", k, ok)
	}
	Sign(n, Key{9}, 2)
	n.Options.Del(dhcpv6.OptionAuth)
	if _, ok := KeyOf(n); ok {
		t.Error("a key without an option")
	}
}
