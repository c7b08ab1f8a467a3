package relay_test

import (
	"testing"

	"dhcp-relay/relay/wire/dhcp6"
)

// Two relays that have each other among their servers, by several addresses each,
// would make a message of each copy until the hop limit: 4 to the eighth.
func TestTwoRelaysThatPointAtEachOther(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	vlan := b.network6("vlan10", "2001:db8:a::1/64")
	here := []string{"2001:db8:9::1", "2001:db8:9::11", "2001:db8:9::12", "2001:db8:9::13"}
	there := []string{"2001:db8:9::2", "2001:db8:9::22", "2001:db8:9::23", "2001:db8:9::24"}
	for i := range here {
		b.relay.ipv6("up", here[i]+"/64")
		b.servers.ipv6("s", there[i]+"/64")
		b.acquaint(here[i], there[i])
	}
	chained := func(name string, servers []string) string {
		s := "[[interface]]\nname = \"" + name + "\"\ntrusted = true\nservers = ["
		for _, a := range servers {
			s += "\"" + a + "\", "
		}
		return s + "]\n"
	}
	far := &bed{t, b.servers, b.clients, b.relay}
	second := far.start(chained("s", here))
	first := b.start(chained("vlan10", there) + chained("up", there))

	c := client6Of(1)
	vlan.send(c.frame(c.message(dhcp6.Solicit, 0)))
	first.awaitOutcome("own_message", len(here)*len(there))
	first.awaitOutcome("relayed", 1)
	second.awaitOutcome("relayed", len(there))
	for _, d := range []*daemon{first, second} {
		s := d.balanced()
		if n := s.sum("dhcp_relay_messages_total"); n > len(here)*len(there)+len(there) {
			t.Errorf("one Solicit has become %d messages", n)
		}
	}
}
