package probe

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

func client(f dhcp.Family) *Client { return NewClient(f, "router", "vlan10", 0x12345678) }

// The client is the same each time, and another one on another interface.
func TestClientIsKnownAgain(t *testing.T) {
	t.Parallel()
	c := client(dhcp.V4)
	if c.MAC != client(dhcp.V6).MAC || c.MAC == NewClient(dhcp.V4, "router", "vlan20", 1).MAC || c.MAC == NewClient(dhcp.V4, "other", "vlan10", 1).MAC {
		t.Error("the MAC depends on what it should not")
	}
	if c.MAC[0]&3 != 2 {
		t.Errorf("%x is not locally administered, or a group", c.MAC)
	}
}

// answer4 is a DHCPv4 answer with options.
func answer4(c *Client, options ...byte) []byte {
	m := c.head4(0)[:240]
	m[0] = bootp.Reply
	copy(m[16:], []byte{10, 1, 0, 77})
	return c.end4(append(m, options...))
}

// answer6 is a DHCPv6 answer with options, in two Relay-replies.
func answer6(c *Client, t dhcp6.Type, options ...byte) []byte {
	m := []byte{byte(t), byte(c.Xid >> 16), byte(c.Xid >> 8), byte(c.Xid)}
	m = dhcp6.AppendOption(m, 1, c.duid())
	m = dhcp6.AppendOption(m, 2, []byte{0, 3, 0, 1, 9, 9, 9, 9, 9, 9})
	m = append(m, options...)
	for range 2 {
		m = dhcp6.AppendOption(append([]byte{byte(dhcp6.RelayReply)}, make([]byte, 33)...), dhcp6.OptionRelayMsg, m)
	}
	return m
}

func TestRead(t *testing.T) {
	t.Parallel()
	four, six := client(dhcp.V4), client(dhcp.V6)
	server := []byte{54, 4, 10, 9, 0, 2}
	address := append(append([]byte{0x20, 1, 0xd, 0xb8, 15: 7}, 0, 0, 0, 1), 0, 0, 0, 90)
	iana := func(options []byte) []byte { return dhcp6.AppendOption(nil, 3, six.iana(options)) }
	none := dhcp6.AppendOption(nil, 13, append([]byte{0, 2}, "none left"...))
	for _, c := range []struct {
		name string
		of   *Client
		m    []byte
		want Offer
	}{
		{"offer", four, answer4(four, append([]byte{53, 1, 2, 51, 4, 0, 0, 14, 16}, server...)...), Offer{
			Type: "offer", Address: netip.MustParsePrefix("10.1.0.77/32"), Lease: time.Hour, ServerID: netip.MustParseAddr("10.9.0.2"),
		}},
		{"ack", four, answer4(four, append([]byte{53, 1, 5}, server...)...), Offer{
			Type: "ack", Address: netip.MustParsePrefix("10.1.0.77/32"), ServerID: netip.MustParseAddr("10.9.0.2"), Taken: true,
		}},
		{"nak", four, answer4(four, 53, 1, 6), Offer{Type: "nak", Refusal: "it refuses (DHCPNAK)"}},
		{"advertise", six, answer6(six, dhcp6.Advertise, iana(dhcp6.AppendOption(nil, 5, address))...), Offer{
			Type: "advertise", Address: netip.MustParsePrefix("2001:db8::7/128"), Lease: 90 * time.Second,
		}},
		{"reply", six, answer6(six, dhcp6.Reply, iana(dhcp6.AppendOption(nil, 5, address))...), Offer{
			Type: "reply", Address: netip.MustParsePrefix("2001:db8::7/128"), Lease: 90 * time.Second, Taken: true,
		}},
		{"no address", six, answer6(six, dhcp6.Advertise, none...), Offer{Type: "advertise", Refusal: "it refuses (NoAddrsAvail: none left)"}},
		{"no address, in the IA", six, answer6(six, dhcp6.Advertise, iana(none)...), Offer{Type: "advertise", Refusal: "it refuses (NoAddrsAvail: none left)"}},
		{"nothing", six, answer6(six, dhcp6.Advertise), Offer{Type: "advertise", Refusal: "it offers no address"}},
	} {
		if !c.of.Answers(c.m) {
			t.Errorf("%s: is no answer", c.name)
			continue
		}
		got := c.of.Read(c.m)
		if diff := cmp.Diff(c.want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
		if r := c.of.Release(c.m); (r != nil) != c.want.Taken {
			t.Errorf("%s: released by %x", c.name, r)
		}
	}
}

// What is for others is no answer.
func TestAnswersOfOthers(t *testing.T) {
	t.Parallel()
	four, six := client(dhcp.V4), client(dhcp.V6)
	for name, m := range map[string][]byte{
		"another transaction": func() []byte { m := answer4(four, 53, 1, 2); m[7]++; return m }(),
		"another client":      func() []byte { m := answer4(four, 53, 1, 2); m[33]++; return m }(),
		"a request":           four.Discover(),
		"a Solicit":           six.Discover(),
		"empty":               nil,
	} {
		if four.Answers(m) || six.Answers(m) {
			t.Errorf("%s is taken for an answer", name)
		}
	}
}

func FuzzRead(f *testing.F) {
	four, six := client(dhcp.V4), client(dhcp.V6)
	f.Add(answer4(four, 53, 1, 5, 51, 4, 0, 0, 14, 16))
	f.Add(answer6(six, dhcp6.Reply, dhcp6.AppendOption(nil, 3, make([]byte, 40))...))
	f.Fuzz(func(t *testing.T, m []byte) {
		for _, c := range []*Client{four, six} {
			if c.Answers(m) {
				before := bytes.Clone(m)
				c.Read(m)
				c.Release(m)
				if !bytes.Equal(before, m) {
					t.Error("the message was changed")
				}
			}
		}
	})
}
