package bootp

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Options that the tables share. Each is code, length, value.
var (
	discover = []byte{OptionMessageType, 1, byte(Discover)}
	request  = []byte{OptionMessageType, 1, byte(DHCPRequest)}
	serverID = []byte{OptionServerID, 4, 198, 51, 100, 7}
	clientID = []byte{OptionClientID, 7, 1, 2, 0, 0, 0, 0, 9}
	params   = []byte{55, 3, 1, 3, 6}
	relayInf = []byte{
		OptionRelay, 14,
		SubCircuitID, 6, 'v', 'l', 'a', 'n', '1', '0',
		SubRemoteID, 4, 'r', 'e', 'm', '1',
	}
	relayA   = []byte{OptionRelay, 3, SubCircuitID, 4, 'v'} // the first fragment of a split option
	relayB   = []byte{OptionRelay, 3, 'l', 'a', 'n'}        // the second
	relayNil = []byte{OptionRelay, 0}                       // without a suboption
	pads     = make([]byte, 5)                              // PADs, or padding after END
	end      = []byte{OptionEnd}
	junk     = []byte{0, 0xfe, 82, 9, 1}                      // what some client left behind END
	overload = []byte{OptionOverload, 1, 3}                   // file and sname hold options
	fence    = []byte{43, 6, OptionRelay, 2, 1, 0, 255, 0xff} // vendor option that holds what looks like options
)

// off is the offset of the octet after the parts of an options field.
func off(options ...[]byte) int { return OptionsOffset + len(slices.Concat(options...)) }

func TestScan(t *testing.T) {
	t.Parallel()
	server := netip.MustParseAddr("198.51.100.7")
	tests := []struct {
		name string
		p    Packet
		want Layout
		bad  bool
	}{
		{
			name: "END only",
			p:    message(end),
			want: Layout{End: off(), HasEnd: true},
		},
		{
			name: "no octet after the cookie",
			p:    message(),
			want: Layout{End: off()},
		},
		{
			name: "requested address",
			p:    message(request, []byte{OptionRequested, 4, 198, 18, 0, 77}, end),
			want: Layout{Type: DHCPRequest, Requested: netip.MustParseAddr("198.18.0.77"), End: off(request) + 6, HasEnd: true},
		},
		{
			name: "requested address of three octets",
			p:    message(request, []byte{OptionRequested, 3, 198, 18, 0}, end),
			want: Layout{Type: DHCPRequest, End: off(request) + 5, HasEnd: true},
		},
		{
			name: "requested address of five octets, and one of four after it",
			p:    message(request, []byte{OptionRequested, 5, 198, 18, 0, 77, 1, OptionRequested, 4, 198, 18, 0, 77}, end),
			want: Layout{Type: DHCPRequest, End: off(request) + 13, HasEnd: true},
		},
		{
			name: "requested address twice",
			p:    message(request, []byte{OptionRequested, 4, 198, 18, 0, 77, OptionRequested, 4, 198, 18, 0, 78}, end),
			want: Layout{Type: DHCPRequest, Requested: netip.MustParseAddr("198.18.0.77"), End: off(request) + 12, HasEnd: true},
		},
		{
			name: "everything a relay needs",
			p:    message(request, clientID, serverID, params, relayInf, end, pads),
			want: Layout{
				Type: DHCPRequest, End: off(request, clientID, serverID, params, relayInf), HasEnd: true,
				ClientID: clientID[2:], ServerID: server,
				Relay: [MaxRelay]Span{{off(request, clientID, serverID, params), 16}}, NumRelay: 1,
			},
		},
		{
			name: "R2131-16 no END",
			p:    message(discover, params),
			want: Layout{Type: Discover, End: off(discover, params)},
		},
		{
			name: "R2131-16 no END, PADs instead",
			p:    message(discover, params, pads),
			want: Layout{Type: Discover, End: off(discover, params, pads)},
		},
		{
			name: "PADs only",
			p:    message(pads),
			want: Layout{End: off(pads)},
		},
		{
			name: "PADs in front and between",
			p:    message(pads, discover, pads, relayInf, pads, end),
			want: Layout{
				Type: Discover, End: off(pads, discover, pads, relayInf, pads), HasEnd: true,
				Relay: [MaxRelay]Span{{off(pads, discover, pads), 16}}, NumRelay: 1,
			},
		},
		{
			name: "R3046-6 option 82 before option 53",
			p:    message(relayInf, discover, end),
			want: Layout{
				Type: Discover, End: off(relayInf, discover), HasEnd: true,
				Relay: [MaxRelay]Span{{off(), 16}}, NumRelay: 1,
			},
		},
		{
			name: "R3046-6 option 82 without a value",
			p:    message(discover, relayNil, end),
			want: Layout{
				Type: Discover, End: off(discover, relayNil), HasEnd: true,
				Relay: [MaxRelay]Span{{off(discover), 2}}, NumRelay: 1,
			},
		},
		{
			name: "R3396-1 option 82 in two instances",
			p:    message(relayA, discover, relayB, end),
			want: Layout{
				Type: Discover, End: off(relayA, discover, relayB), HasEnd: true,
				Relay:    [MaxRelay]Span{{off(), 5}, {off(relayA, discover), 5}},
				NumRelay: 2,
			},
		},
		{
			name: "more instances of option 82 than there is room for",
			p:    message(relayNil, relayNil, relayNil, relayNil, relayA, relayB, end),
			want: Layout{
				End: off(relayNil, relayNil, relayNil, relayNil, relayA, relayB), HasEnd: true,
				Relay:    [MaxRelay]Span{{240, 2}, {242, 2}, {244, 2}, {246, 2}},
				NumRelay: 6,
			},
		},
		{
			name: "option 82 after END does not count",
			p:    message(discover, end, relayInf),
			want: Layout{Type: Discover, End: off(discover), HasEnd: true},
		},
		{
			name: "octets after END need not parse",
			p:    message(discover, end, []byte{82, 200}),
			want: Layout{Type: Discover, End: off(discover), HasEnd: true},
		},
		{
			name: "R3046-13 option 82 in sname and file does not count",
			p: func() Packet {
				p := message(discover, overload, end)
				copy(p[offSname:], relayInf)
				copy(p[offSname+64:], relayInf)
				return p
			}(),
			want: Layout{Type: Discover, End: off(discover, overload), HasEnd: true, Overload: 3},
		},
		{
			name: "what looks like options inside a value does not count",
			p:    message(discover, fence, end),
			want: Layout{Type: Discover, End: off(discover, fence), HasEnd: true},
		},
		{
			name: "R2131-1 unknown message type",
			p:    message([]byte{OptionMessageType, 1, 200}, end),
			want: Layout{Type: 200, End: 243, HasEnd: true},
		},
		{
			name: "R2131-17 the first of two types, client identifiers and server identifiers",
			p: message(
				request, clientID, serverID,
				discover, []byte{OptionClientID, 1, 0}, []byte{OptionServerID, 4, 1, 1, 1, 1}, end,
			),
			want: Layout{
				Type: DHCPRequest, End: off(request, clientID, serverID) + 12, HasEnd: true, Retyped: true,
				ClientID: clientID[2:], ServerID: server,
			},
		},
		{
			name: "type and server identifier of wrong lengths",
			p:    message([]byte{OptionMessageType, 2, 1, 1}, []byte{OptionServerID, 3, 1, 2, 3}, end),
			want: Layout{End: 249, HasEnd: true, Retyped: true},
		},
		{
			name: "a second type or server identifier does not mend the first",
			p: message(
				[]byte{OptionMessageType, 0}, discover,
				[]byte{OptionServerID, 5, 1, 2, 3, 4, 5}, serverID, end,
			),
			want: Layout{End: 258, HasEnd: true, Retyped: true},
		},
		{
			name: "R2132-2 option 52 of no sense",
			p:    message([]byte{OptionOverload, 0}, []byte{OptionOverload, 2, 4, 254}, end),
			want: Layout{End: 246, HasEnd: true, Overload: 2},
		},
		{
			name: "R3396-1 option 52 in two instances",
			p:    message([]byte{OptionOverload, 1, 1}, []byte{OptionOverload, 1, 2}, end),
			want: Layout{End: 246, HasEnd: true, Overload: 3},
		},
		{
			name: "client identifier without a value is there",
			p:    message([]byte{OptionClientID, 0}, clientID, end),
			want: Layout{End: off(clientID) + 2, HasEnd: true, ClientID: []byte{}},
		},
		{
			name: "longest option",
			p:    message(append([]byte{OptionClientID, 255}, make([]byte, 255)...), end),
			want: Layout{End: 497, HasEnd: true, ClientID: make([]byte, 255)},
		},
		{name: "option without its length", p: message(discover, []byte{12}), bad: true},
		{name: "option one octet short", p: message(discover, []byte{12, 3, 'a', 'b'}), bad: true},
		{name: "option 82 one octet short", p: message(discover, relayInf[:15]), bad: true},
		{name: "END within the length of an option", p: message(discover, []byte{12, 1}, end, []byte{12}), bad: true},
		{name: "length far beyond the message", p: message(discover, []byte{12, 255}, end), bad: true},
		{name: "no cookie", p: append(header(), make([]byte, 64)...), bad: true},
		{name: "header only", p: header(), bad: true},
		{name: "empty", p: nil, bad: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := bytes.Clone(tt.p)
			got, ok := tt.p.Scan()
			if ok == tt.bad {
				t.Errorf("Scan: %v, want %v", ok, !tt.bad)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("layout (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, []byte(tt.p)); diff != "" {
				t.Errorf("Scan changed the message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRelayValue(t *testing.T) {
	t.Parallel()
	whole := slices.Concat(relayA[2:], relayB[2:])
	tests := []struct {
		name    string
		p       Packet
		scratch []byte
		want    []byte
	}{
		{"no option 82", message(discover, end), make([]byte, 64), nil},
		{"one instance", message(discover, relayInf, end), nil, relayInf[2:]},
		{"one instance without a value", message(discover, relayNil, end), nil, []byte{}},
		{"R3396-1 two instances", message(relayA, discover, relayB, end), make([]byte, 64), whole},
		{"two instances, scratch just large enough", message(relayA, relayB, end), make([]byte, 6), whole},
		{"two instances, scratch as capacity", message(relayA, relayB, end), make([]byte, 0, 6), whole},
		{"two instances, scratch one octet short", message(relayA, relayB, end), make([]byte, 5), nil},
		{"two instances without values", message(relayNil, relayNil, end), make([]byte, 1), []byte{}},
		{"as many instances as there is room for", message(relayA, relayB, relayNil, relayA, end), make([]byte, 64), slices.Concat(whole, relayA[2:])},
		{"more instances than there is room for", message(relayA, relayB, relayNil, relayA, relayB, end), make([]byte, 64), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, ok := tt.p.Scan()
			if !ok {
				t.Fatal("Scan refused the message")
			}
			if diff := cmp.Diff(tt.want, tt.p.RelayValue(&l, tt.scratch)); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
		})
	}
}

// An append to what Scan and RelayValue return must not reach into the message.
func TestViewsEndWithTheirValue(t *testing.T) {
	t.Parallel()
	p := message(discover, clientID, relayInf, end, pads)
	before := bytes.Clone(p)
	l, ok := p.Scan()
	if !ok {
		t.Fatal("Scan refused the message")
	}
	value := RelayInfo(p.RelayValue(&l, nil))
	circuit, _ := value.Sub(SubCircuitID)
	for _, view := range [][]byte{l.ClientID, value, circuit} {
		if len(view) == 0 {
			t.Fatal("no view")
		}
		_ = append(view, 0xee)
	}
	if diff := cmp.Diff(before, []byte(p)); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}
