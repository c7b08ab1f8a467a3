package bench

import (
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"

	"dhcp-relay/relay/wire/dhcp"
)

var (
	serverMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	relayMAC  = net.HardwareAddr{2, 0, 0, 0, 0, 2}
)

// checked returns the UDP payload of a frame whose checksums another
// implementation finds right.
func checked(t *testing.T, frame []byte) []byte {
	t.Helper()
	g := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
	if e := g.ErrorLayer(); e != nil {
		t.Fatal(e.Error())
	}
	u := g.Layer(layers.LayerTypeUDP).(*layers.UDP)
	if err := u.SetNetworkLayerForChecksum(g.NetworkLayer()); err != nil {
		t.Fatal(err)
	}
	if err, res := u.VerifyChecksum(); err != nil || !res.Valid {
		t.Fatalf("checksum: %v %+v", err, res)
	}
	return u.Payload
}

func TestRequestsAreMessages(t *testing.T) {
	for _, f := range both {
		t.Run(label(f), func(t *testing.T) {
			g := &generator{set: requests(f, opening)}
			// The id changes with every use of a frame, and the checksum with it.
			for _, seq := range []int{5, 5 + Clients, 0xfffff} {
				b := checked(t, g.prepare(newID(9, seq)))
				client := seq % Clients
				var got id
				if f == dhcp.V4 {
					m, err := dhcpv4.FromBytes(b)
					if err != nil {
						t.Fatal(err)
					}
					if m.MessageType() != dhcpv4.MessageTypeDiscover || m.ClientHWAddr.String() != clientMAC(client).String() {
						t.Errorf("unexpected %v", m)
					}
					got = id24(m.TransactionID[1:])
				} else {
					m, err := dhcpv6.MessageFromBytes(b)
					if err != nil {
						t.Fatal(err)
					}
					if m.MessageType != dhcpv6.MessageTypeSolicit {
						t.Errorf("unexpected %v", m)
					}
					got = id24(m.TransactionID[:])
				}
				if got.run() != 9 || got.seq() != seq {
					t.Errorf("run %d, message %d; want 9, %d", got.run(), got.seq(), seq)
				}
			}
		})
	}
}

// sample returns a request as a relay relays it.
func sample(f dhcp.Family) []byte {
	if f == dhcp.V4 {
		b := message4(77, opening)
		copy(b[giaddrAt:], []byte{10, 67, 0, 1})
		return b
	}
	b := append(make([]byte, relayLen),
		0, 18, 0, 3, 'o', 'd', 'd', // Interface-Id, so that the message begins at an odd octet
		0, optRelayed, 0, 0)
	b[0] = relayForw
	m := message6(77, opening)
	b[len(b)-1] = byte(len(m))
	return append(b, m...)
}

func TestRepliesAnswerTheSample(t *testing.T) {
	src4, dst4 := netip.MustParseAddrPort("10.68.0.2:67"), netip.MustParseAddrPort("10.67.0.1:67")
	src6, dst6 := netip.MustParseAddrPort("[fd68::2]:547"), netip.MustParseAddrPort("[fd68::1]:547")
	const client = 300

	g := &generator{set: replies(dhcp.V4, sample(dhcp.V4), src4, dst4, serverMAC, relayMAC)}
	m, err := dhcpv4.FromBytes(checked(t, g.prepare(newID(3, client))))
	if err != nil {
		t.Fatal(err)
	}
	if m.MessageType() != dhcpv4.MessageTypeOffer || !m.YourIPAddr.Equal(clientAddr(client).AsSlice()) ||
		m.ClientHWAddr.String() != clientMAC(client).String() || !m.GatewayIPAddr.Equal(dst4.Addr().AsSlice()) {
		t.Errorf("unexpected %v", m)
	}

	g = &generator{set: replies(dhcp.V6, sample(dhcp.V6), src6, dst6, serverMAC, relayMAC)}
	r, err := dhcpv6.RelayMessageFromBytes(checked(t, g.prepare(newID(3, client))))
	if err != nil {
		t.Fatal(err)
	}
	in, err := r.GetInnerMessage()
	if err != nil {
		t.Fatal(err)
	}
	if r.MessageType != dhcpv6.MessageTypeRelayReply || in.MessageType != dhcpv6.MessageTypeAdvertise ||
		!r.PeerAddr.Equal(clientLocal(client).AsSlice()) || id24(in.TransactionID[:]) != newID(3, client) {
		t.Errorf("unexpected %v", r)
	}
}

func TestIDsAreFoundAgain(t *testing.T) {
	for _, f := range both {
		b := sample(f)
		copy(b[map[dhcp.Family]int{dhcp.V4: xidAt + 1, dhcp.V6: inner(sample(dhcp.V6)) + 1}[f]:], []byte{0xa1, 0x23, 0x45})
		got, ok := relayedID(f, b)
		if want := newID(10, 0x12345); !ok || got != want {
			t.Errorf("%s: %x, %v; want %x", label(f), got, ok, want)
		}
		for n := range b[:relayLen] {
			if _, ok := relayedID(f, b[:n]); ok {
				t.Errorf("%s: %d octets were taken for a message", label(f), n)
			}
		}
		if _, ok := relayedID(f, make([]byte, 400)); ok {
			t.Errorf("%s: zeros were taken for a message", label(f))
		}
	}
}

func TestServerAnswersInPlace(t *testing.T) {
	b := message4(300, request)
	turn(dhcp.V4, b, netip.MustParseAddr("10.67.0.1"))
	m, err := dhcpv4.FromBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{m.OpCode.String(), m.MessageType().String(), m.YourIPAddr.String(), m.GatewayIPAddr.String()}
	want := []string{"BootReply", "ACK", clientAddr(300).String(), "10.67.0.1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
