package scene

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"dhcp-relay/cmd/lab/expect"
	"dhcp-relay/cmd/lab/ladder"
)

// judge holds what crossed the wire against what the scene wants, against what
// holds in every scene, and against the relays' counters.
func (st *stage) judge() error {
	errs := []error{st.judgeWire()}
	for i := range st.events {
		e := &st.events[i]
		if err := st.rules(e); err != nil {
			errs = append(errs, fmt.Errorf("%s from %s to %s: %w", e.Type, e.From, e.To, err))
		}
	}
	for name, c := range st.counters {
		errs = append(errs, st.judgeCounters(name, c))
	}
	return errors.Join(errs...)
}

func (st *stage) judgeWire() error {
	seen, want := map[string]int{}, map[string]int{}
	for _, e := range st.events {
		seen[e.From+" "+e.Type+" "+e.To]++
	}
	for _, w := range st.wants {
		want[w]++
	}
	var errs []error
	for s, n := range seen {
		if st.only && want[s] == 0 {
			errs = append(errs, fmt.Errorf("wire: expected no %q, seen %d", s, n))
		}
	}
	for w, n := range want {
		if seen[w] < n {
			errs = append(errs, fmt.Errorf("wire: expected %d of %q, seen %d", n, w, seen[w]))
		}
	}
	return errors.Join(errs...)
}

// judgeCounters compares the counters of a relay with the wire, by direction,
// type and outcome. What is to be dropped must have been announced.
func (st *stage) judgeCounters(relay string, c Counters) error {
	want := map[string]int{}
	for i := range st.events {
		e := &st.events[i]
		direction := "reply"
		if e.Request() {
			direction = "request"
		}
		switch to, beside := hears(e, relay); {
		case to:
			want[direction+" "+e.Counted()+" relayed"]++
		case beside:
			want[direction+" "+e.Counted()+" not_configured"]++
		}
	}
	if relay == relayNode {
		for k, n := range st.drops {
			want[k] = n
			direction, typ, _ := strings.Cut(k, " ")
			typ, _, _ = strings.Cut(typ, " ")
			relayed := direction + " " + typ + " relayed"
			if want[relayed] -= n; want[relayed] == 0 {
				delete(want, relayed)
			}
		}
	}
	if diff := cmp.Diff(lines(want), lines(c.messages())); diff != "" {
		return fmt.Errorf("counters of %s (-expected +seen):\n%s", relay, diff)
	}
	return nil
}

// rules are what holds for every message that a relay sends.
func (st *stage) rules(e *ladder.Event) error {
	if _, relay := st.relays[e.From]; !relay {
		return nil
	}
	if !e.Frame.UDPSumOK || !e.Frame.IPSumOK || e.Frame.UDPSum == 0 {
		return errors.New("expected right checksums, seen wrong or none")
	}
	switch up := e.Request(); {
	case e.Message6 != nil && up:
		return st.rulesUp6(e)
	case e.Message6 != nil:
		return st.rulesDown6(e)
	case up:
		return st.rulesUp(e)
	}
	return st.rulesDown(e)
}

func (st *stage) rulesUp(e *ladder.Event) error {
	m := e.Message
	for _, name := range st.silenced {
		if m.ClientHWAddr.String() == st.macOf(name) {
			return fmt.Errorf("expected nothing of %s to be relayed", name)
		}
	}
	if e.Frame.DstPort != 67 || e.Frame.SrcPort != 67 {
		return fmt.Errorf("ports: expected 67 to 67, seen %d to %d (RFC 1542, section 4.1.1)", e.Frame.SrcPort, e.Frame.DstPort)
	}
	if m.GatewayIPAddr.IsUnspecified() || m.HopCount == 0 {
		return fmt.Errorf("expected giaddr and hops set, seen %s and %d", m.GatewayIPAddr, m.HopCount)
	}
	if len(e.Frame.Payload) < 300 {
		return fmt.Errorf("expected 300 octets or more, seen %d", len(e.Frame.Payload))
	}
	if m.Options.Get(dhcpv4.OptionRelayAgentInformation) == nil {
		return errors.New("expected option 82, seen none")
	}
	return st.octets(e, func(in []byte) []byte {
		giaddr, _ := netip.AddrFromSlice(m.GatewayIPAddr.To4())
		return expect.Request(in, giaddr, expect.Option82(e.Frame.Payload))
	})
}

// octets holds a message that a relay sends against those of its transaction
// that the relay was sent: one of them, as the relay is to change it, must be the
// same to the last octet.
func (st *stage) octets(e *ladder.Event, changed func([]byte) []byte) error {
	err := errors.New("expected a message that the relay was sent, seen none")
	for i := range slices.Backward(st.events) {
		g := &st.events[i]
		if g.At.After(e.At) || g.To != e.From || g.Message == nil || g.Request() != e.Request() ||
			g.Type != e.Type || g.Message.TransactionID != e.Message.TransactionID {
			continue
		}
		if err = expect.Same(changed(g.Arrived.Payload), e.Frame.Payload); err == nil {
			return nil
		}
	}
	return err
}

func (st *stage) rulesDown(e *ladder.Event) error {
	m := e.Message
	if e.Frame.DstPort != 68 || e.Frame.SrcPort != 67 {
		return fmt.Errorf("ports: expected 67 to 68, seen %d to %d (RFC 1542, section 4.1.2)", e.Frame.SrcPort, e.Frame.DstPort)
	}
	net := network(e.To)
	if !slices.Equal(e.On, []string{net}) {
		return fmt.Errorf("expected on %s alone, seen on %v", net, e.On)
	}
	if has, keep := m.Options.Get(dhcpv4.OptionRelayAgentInformation) != nil, slices.Contains(st.keeps82, e.To); has != keep {
		return fmt.Errorf("option 82 to the client: expected %v, seen %v", keep, has)
	}
	everyone := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	// Without an address to unicast to, as in a Nak, there is no choice.
	broadcast := m.IsBroadcast() || m.YourIPAddr.IsUnspecified() && m.ClientIPAddr.IsUnspecified()
	if broadcast != (e.Frame.IPDst == everyone) {
		return fmt.Errorf("broadcast flag %v: expected to be obeyed, seen destination %s", m.IsBroadcast(), e.Frame.IPDst)
	}
	keep := slices.Contains(st.keeps82, e.To)
	return st.octets(e, func(in []byte) []byte { return expect.Reply(in, keep) })
}

// network returns the link of the client with the name.
func network(client string) string {
	return map[byte]string{'a': clientsA, 'b': clientsB, 'c': clientsC}[client[0]]
}
