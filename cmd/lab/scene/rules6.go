package scene

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv6"

	"dhcp-relay/cmd/lab/ladder"
)

// The UDP ports (RFC 9915, section 7.2).
const (
	clientPort6 = 546
	serverPort6 = 547
)

// rulesUp6 are what holds for each Relay-forward of a relay (RFC 9915, section
// 19.1).
func (st *stage) rulesUp6(e *ladder.Event) error {
	m, ok := e.Message6.(*dhcpv6.RelayMessage)
	if !ok || m.MessageType != dhcpv6.MessageTypeRelayForward {
		return fmt.Errorf("expected a Relay-forward, seen %s", e.Message6.Type())
	}
	got := st.relayedFrom(e)
	if got == nil {
		return errors.New("expected a message inside as the relay was sent it, octet by octet, seen none such")
	}
	if e.Frame.SrcPort != serverPort6 || e.Frame.DstPort != serverPort6 {
		return fmt.Errorf("ports: expected 547 to 547, seen %d to %d (RFC 9915, section 7.2)", e.Frame.SrcPort, e.Frame.DstPort)
	}
	if e.Frame.IPSrc.IsLinkLocalUnicast() && !e.Frame.IPDst.IsLinkLocalUnicast() {
		return fmt.Errorf("expected a source that the server can answer, seen %s", e.Frame.IPSrc)
	}
	if peer := addr6(m.PeerAddr); peer != got.Frame.IPSrc {
		return fmt.Errorf("peer-address: expected %s, seen %s", got.Frame.IPSrc, peer)
	}
	if id, want := string(m.Options.InterfaceID()), st.interfaceID(got.On[0]); id != want {
		return fmt.Errorf("interface-id: expected %q, seen %q", want, id)
	}
	if inner, ok := got.Message6.(*dhcpv6.RelayMessage); ok {
		return nested6(m, inner)
	}
	return st.first6(m, got)
}

// first6 are what holds for the first relay of a message.
func (st *stage) first6(m *dhcpv6.RelayMessage, got *ladder.Event) error {
	want := host6(got.On[0], routerHost)
	if st.plan.ByID {
		want = netip.MustParseAddr("fe80::1")
	}
	if link := addr6(m.LinkAddr); link != want || m.HopCount != 0 {
		return fmt.Errorf("expected link-address %s and hop-count 0, seen %s and %d", want, link, m.HopCount)
	}
	kind, mac := m.Options.ClientLinkLayerAddress()
	if uint16(kind) != 1 || !bytes.Equal(mac, st.nodeMAC(got.From)) {
		return fmt.Errorf("client link-layer address: expected %s, seen %s (RFC 6939)", st.nodeMAC(got.From), mac)
	}
	return nil
}

// nested6 are what holds for relays behind the first.
func nested6(m, inner *dhcpv6.RelayMessage) error {
	if m.HopCount != inner.HopCount+1 {
		return fmt.Errorf("hop-count: expected %d, seen %d", inner.HopCount+1, m.HopCount)
	}
	if link, peer := addr6(m.LinkAddr), addr6(m.PeerAddr); !peer.IsLinkLocalUnicast() && !link.IsUnspecified() {
		return fmt.Errorf("link-address behind a relay with the address %s: expected ::, seen %s (RFC 9915, section 19.1.2)", peer, link)
	}
	if _, mac := m.Options.ClientLinkLayerAddress(); mac != nil {
		return errors.New("expected no client link-layer address from a relay that does not see the client")
	}
	return nil
}

// rulesDown6 are what holds for what a relay sends towards the clients (RFC
// 9915, section 19.2).
func (st *stage) rulesDown6(e *ladder.Event) error {
	got := st.relayedFrom(e)
	if got == nil {
		return errors.New("expected a message as the relay was sent it inside another, octet by octet, seen none such")
	}
	port := uint16(clientPort6)
	if e.Message6.Type() == dhcpv6.MessageTypeRelayReply {
		port = relayPort6(got.Message6.(*dhcpv6.RelayMessage))
	}
	if e.Frame.SrcPort != serverPort6 || e.Frame.DstPort != port {
		return fmt.Errorf("ports: expected 547 to %d, seen %d to %d (RFC 9915, section 7.2)", port, e.Frame.SrcPort, e.Frame.DstPort)
	}
	if peer := addr6(got.Message6.(*dhcpv6.RelayMessage).PeerAddr); e.Frame.IPDst != peer {
		return fmt.Errorf("destination: expected the peer-address %s, seen %s", peer, e.Frame.IPDst)
	}
	if e.Message6.Type() != dhcpv6.MessageTypeRelayReply && !slices.Equal(e.On, []string{network(e.To)}) {
		return fmt.Errorf("expected on %s alone, seen on %v", network(e.To), e.On)
	}
	return nil
}

// relayPort6 returns where a relay listens: on the port that it sent from, if the
// next one has noted it (RFC 8357, section 5.2).
func relayPort6(m *dhcpv6.RelayMessage) uint16 {
	o := m.GetOneOption(dhcpv6.OptionRelayPort)
	if o == nil || len(o.ToBytes()) != 2 || binary.BigEndian.Uint16(o.ToBytes()) == 0 {
		return serverPort6
	}
	return binary.BigEndian.Uint16(o.ToBytes())
}

// relayedFrom returns the message that a relay has sent on with an event, the
// newest of them, or nil. Of the message inside not an octet may differ.
func (st *stage) relayedFrom(e *ladder.Event) *ladder.Event {
	up := e.Request()
	for i := range slices.Backward(st.events) {
		g := &st.events[i]
		if g.At.After(e.At) || g.To != e.From || g.Message6 == nil || g.Request() != up {
			continue
		}
		outer, inner := e.Frame.Payload, g.Frame.Payload
		if !up {
			outer, inner = inner, outer
		}
		if bytes.Equal(option9(outer), inner) {
			return g
		}
	}
	return nil
}

// option9 returns the value of the first Relay Message option of a relay
// message, octet by octet as it came (RFC 9915, sections 9 and 21.10).
func option9(b []byte) []byte {
	const header = 34
	for at := header; at+4 <= len(b); {
		code, n := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		at += 4
		if at+n > len(b) {
			return nil
		}
		if code == 9 {
			return b[at : at+n]
		}
		at += n
	}
	return nil
}

func addr6(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip.To16())
	return a
}
