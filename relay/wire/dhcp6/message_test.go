package dhcp6

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// duid is a DUID-LL: type 3, Ethernet, 02:00:00:00:00:09.
var duid = []byte{0, 3, 0, 1, 2, 0, 0, 0, 0, 9}

// opt is one option, for values that fit its length.
func opt(code uint16, value ...byte) []byte {
	return cut(code, len(value), value...)
}

// cut is an option whose length says n, whatever its value has.
func cut(code uint16, n int, value ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, code)
	b = binary.BigEndian.AppendUint16(b, uint16(n))
	return append(b, value...)
}

// client is a message of a client or server, transaction 0xabcdef.
func client(t Type, options ...[]byte) Message {
	return append(Message{byte(t), 0xab, 0xcd, 0xef}, slices.Concat(options...)...)
}

// solicit is what a client sends first.
func solicit() Message {
	return client(Solicit,
		opt(OptionClientID, duid...),
		opt(8, 0, 0),                                         // elapsed time
		opt(6, 0, 23, 0, 24),                                 // option request: DNS servers, domains
		opt(3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),           // IA_NA, no addresses
		opt(65000, []byte("an option that nobody knows")...), // unknown
	)
}

// relayed is a relay message: hop-count 3, link-address 2001:db8:1::1,
// peer-address fe80::2.
func relayed(t Type, options ...[]byte) Message {
	return append(slices.Concat(
		Message{byte(t), 3},
		Message{0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, // link-address
		Message{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2},       // peer-address
	), slices.Concat(options...)...)
}

func TestMessageFields(t *testing.T) {
	t.Parallel()
	c := solicit()
	if got, want := fmt.Sprintf("%v %v %#x", c.Type(), c.IsRelay(), c.Xid()), "solicit false 0xabcdef"; got != want {
		t.Errorf("client message: got %q, want %q", got, want)
	}
	r := relayed(RelayReply)
	got := fmt.Sprintf("%v %v %d %v %v", r.Type(), r.IsRelay(), r.HopCount(), r.LinkAddress(), r.PeerAddress())
	if want := "relay_reply true 3 2001:db8:1::1 fe80::2"; got != want {
		t.Errorf("relay message: got %q, want %q", got, want)
	}
}

func TestMessageValid(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		m    Message
		want bool
	}{
		{"nothing", nil, false},
		{"type only", Message{1}, false},
		{"3 octets", Message{1, 0, 0}, false},
		{"client header only", client(Solicit), true},
		{"unknown type", client(99), true},
		{"type 255", client(255), true},
		{"type 0", client(0), true},
		{"R9915-32 relay header of 33 octets", relayed(RelayForward)[:33], false},
		{"R9915-32 relay reply of 4 octets", client(RelayReply), false},
		{"relay header only", relayed(RelayForward), true},
		{"client message of 34 octets", relayed(Solicit), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.m.Valid(); got != tt.want {
				t.Errorf("Valid() = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestTypeString(t *testing.T) {
	t.Parallel()
	var got []string
	for i := range 256 {
		name := Type(i).String()
		if name == "" || name != strings.ToLower(name) || strings.ContainsAny(name, " -") {
			t.Errorf("Type(%d) = %q, want a label value in lower case", i, name)
		}
		if slices.Contains(got, name) {
			t.Errorf("Type(%d) = %q, which another type has", i, name)
		}
		if name != "unknown" {
			got = append(got, name)
		}
	}
	if len(got) != 37 || got[0] != "solicit" || got[36] != "addr_reg_reply" {
		t.Errorf("%d named types, want 37, from solicit to addr_reg_reply: %v", len(got), got)
	}
	for typ, want := range map[Type]string{
		0: "unknown", 1: "solicit", 11: "information_request", 12: "relay_forward",
		13: "relay_reply", 20: "dhcpv4_query", 35: "contact", 38: "unknown", 255: "unknown",
	} {
		if got := typ.String(); got != want {
			t.Errorf("Type(%d) = %q, want %q", typ, got, want)
		}
	}
}

func TestClientID(t *testing.T) {
	t.Parallel()
	id := opt(OptionClientID, duid...)
	tests := []struct {
		name string
		m    Message
		want []byte
	}{
		{"first", client(Solicit, id, opt(8, 0, 0)), duid},
		{"last", client(Solicit, opt(8, 0, 0), id), duid},
		{"none", client(InformationRequest, opt(8, 0, 0)), nil},
		{"no options", client(Solicit), nil},
		{"empty", client(Solicit, opt(OptionClientID)), []byte{}},
		{"two", client(Solicit, id, opt(OptionClientID, 0, 4)), duid},
		{"only inside another option", client(Solicit, opt(17, id...)), nil},
		{"before 1 trailing octet", client(Solicit, id, []byte{0}), duid},
		{"before an option that is cut off", client(Solicit, id, cut(8, 2, 0)), duid},
		{"behind an option that is cut off", client(Solicit, cut(8, 200, 0), id), nil},
		{"cut off by 1", client(Solicit, cut(OptionClientID, 11, duid...)), nil},
		{"cut off by 65525", client(Solicit, cut(OptionClientID, 65535, duid...)), nil},
		{"code only", client(Solicit, []byte{0, 1}), nil},
		{"relay message", relayed(RelayForward, id), nil},
		{"relay message whose link-address reads like one", append(Message{12, 0, 0, 0, 0, 1, 0, 2}, make(Message, 26)...), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := tt.m.ClientID()
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ClientID() (-want +got):\n%s", diff)
			}
			if cap(got) != len(got) {
				t.Errorf("the view has %d octets to spare, want 0", cap(got)-len(got))
			}
		})
	}
}

func TestAppendOptions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		got  []byte
		want []byte
	}{
		{"any", AppendOption([]byte{9}, OptionInterfaceID, []byte("vlan10")), append(
			[]byte{9, 0, 18, 0, 6}, // what was there; Interface-Id, 6 octets
			"vlan10"...)},
		{"empty", AppendOption(nil, OptionInterfaceID, nil), []byte{0, 18, 0, 0}},
		{"R6939-2 Ethernet", AppendClientLinkLayer(nil, 1, []byte{2, 0, 0, 0, 0, 9}), []byte{
			0x00, 0x4f, 0x00, 0x08, // option 79, 8 octets
			0, 1, 2, 0, 0, 0, 0, 9, // Ethernet, MAC
		}},
		{"R6939-2 InfiniBand", AppendClientLinkLayer(nil, 32, bytes.Repeat([]byte{7}, 20)), append(
			[]byte{0, 79, 0, 22, 0, 32},
			bytes.Repeat([]byte{7}, 20)...)},
		{"R4649-1 remote-id", AppendRemoteID(nil, 3561, []byte{'x'}), []byte{
			0x00, 0x25, 0x00, 0x05, // option 37, 5 octets
			0x00, 0x00, 0x0d, 0xe9, // enterprise 3561
			'x',
		}},
		{"R4580-1 subscriber-id", AppendOption(nil, OptionSubscriberID, []byte("s1")), []byte{0, 38, 0, 2, 's', '1'}},
		{"R5460-1 relay-id", AppendOption(nil, OptionRelayID, duid), append([]byte{0, 53, 0, 10}, duid...)},
		{"R8357-5 no port downstream", AppendRelayPort(nil, 0), []byte{0, 135, 0, 2, 0, 0}},
		{"R8357-5 port 1000 downstream", AppendRelayPort(nil, 1000), []byte{0, 135, 0, 2, 0x03, 0xe8}},
		{"R4994-1 echo request", AppendEchoRequest(nil, OptionRemoteID), []byte{0x00, 0x2b, 0x00, 0x02, 0x00, 0x25}},
		{"R4994-1 echo request of two", AppendEchoRequest(nil, 37, 38), []byte{0, 43, 0, 4, 0, 37, 0, 38}},
		{"R6607-v6-1 VPN by name", AppendVSS(nil, 0, []byte("red")), []byte{0, 68, 0, 4, 0, 'r', 'e', 'd'}},
		{"R6607-v6-1 global VPN", AppendVSS(nil, 255, nil), []byte{0, 68, 0, 1, 255}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.got); diff != "" {
				t.Errorf("option (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAppendOptionSizes(t *testing.T) {
	t.Parallel()
	got := AppendOption(nil, OptionInterfaceID, make([]byte, MaxOption))
	if diff := cmp.Diff([]byte{0, 18, 0xff, 0xff}, got[:4]); diff != "" || len(got) != 4+MaxOption {
		t.Errorf("option of %d octets, header (-want +got):\n%s", len(got), diff)
	}
	defer func() {
		if recover() == nil {
			t.Error("AppendOption wrote a value that no option can hold, want a panic")
		}
	}()
	AppendOption(nil, OptionInterfaceID, make([]byte, MaxOption+1))
}
