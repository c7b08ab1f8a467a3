package bootp

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// roomy returns a copy of p with spare octets of capacity, all of them stale.
func roomy(p Packet, spare int) Packet {
	b := append(bytes.Clone(p), bytes.Repeat([]byte{0x5a}, spare)...)
	return b[:len(p):len(b)]
}

// padded is p with zero octets up to n.
func padded(p Packet, n int) Packet {
	return append(bytes.Clone(p), make([]byte, n-len(p))...)
}

func TestInsert(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		p     Packet
		opt   []byte
		spare int
		want  Packet // nil: no room
	}{
		{
			name: "R3046-3 just before END, at the end of the message",
			p:    message(discover, params, end), opt: relayInf, spare: 16,
			want: message(discover, params, relayInf, end),
		},
		{
			name: "R3046-3 after every other option, whatever the order",
			p:    message(params, clientID, discover, pads, serverID, end), opt: relayInf, spare: 16,
			want: message(params, clientID, discover, pads, serverID, relayInf, end),
		},
		{
			name: "padding gives way",
			p:    padded(message(discover, end), 300), opt: relayInf, spare: 0,
			want: padded(message(discover, relayInf, end), 300),
		},
		{
			name: "padding gives way to its last octet",
			p:    message(discover, end, make([]byte, 16)), opt: relayInf, spare: 0,
			want: message(discover, relayInf, end),
		},
		{
			name: "padding gives way as far as it goes",
			p:    message(discover, end, pads), opt: relayInf, spare: 11,
			want: message(discover, relayInf, end),
		},
		{
			name: "R3396-4 octets after END are moved whole",
			p:    message(discover, end, junk, pads), opt: relayInf, spare: 16,
			want: message(discover, relayInf, end, junk, pads),
		},
		{
			name: "one octet at the end of the padding keeps all of it",
			p:    message(discover, end, make([]byte, 40), []byte{1}), opt: relayInf, spare: 16,
			want: message(discover, relayInf, end, make([]byte, 40), []byte{1}),
		},
		{
			name: "R3046-3 END is added where there is none",
			p:    message(discover, params), opt: relayInf, spare: 17,
			want: message(discover, params, relayInf, end),
		},
		{
			name: "R3046-3 END is added after PADs",
			p:    message(discover, pads), opt: relayInf, spare: 17,
			want: message(discover, pads, relayInf, end),
		},
		{
			name: "no option at all",
			p:    message(), opt: relayInf, spare: 17,
			want: message(relayInf, end),
		},
		{
			name: "beside an option 82 that is there",
			p:    message(relayA, discover, end), opt: relayInf, spare: 16,
			want: message(relayA, discover, relayInf, end),
		},
		{
			name: "several options at once",
			p:    message(discover, end), opt: slices.Concat(relayA, relayB), spare: 10,
			want: message(discover, relayA, relayB, end),
		},
		{
			name: "R3046-12 full sname and file stay as they are",
			p:    message(discover, overload, end), opt: relayInf, spare: 16,
			want: message(discover, overload, relayInf, end),
		},
		{
			name: "no room at the end of the message",
			p:    message(discover, end), opt: relayInf, spare: 15,
		},
		{
			name: "no room with padding that does not suffice",
			p:    message(discover, end, pads), opt: relayInf, spare: 10,
		},
		{
			name: "no room to move what follows END",
			p:    message(discover, end, junk), opt: relayInf, spare: 15,
		},
		{
			name: "no room for END",
			p:    message(discover), opt: relayInf, spare: 16,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := roomy(tt.p, tt.spare)
			l, ok := p.Scan()
			if !ok {
				t.Fatal("Scan refused the message")
			}
			got, ok := p.Insert(&l, tt.opt)
			if ok != (tt.want != nil) {
				t.Errorf("Insert: %v, want %v", ok, !ok)
			}
			want := tt.want
			if want == nil {
				want = tt.p
				stale := bytes.Repeat([]byte{0x5a}, tt.spare)
				if diff := cmp.Diff(stale, []byte(got[len(got):cap(got)])); diff != "" {
					t.Errorf("buffer after the message (-want +got):\n%s", diff)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
			if &got[0] != &p[0] {
				t.Error("the message left its buffer")
			}
		})
	}
}

func TestRemove(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		p    Packet
		want Packet
	}{
		{"R3046-24 first", message(relayInf, discover, end, pads), message(discover, end, pads)},
		{"R3046-24 in the middle", message(discover, relayInf, params, end), message(discover, params, end)},
		{"last", message(discover, relayInf, end), message(discover, end)},
		{"without END", message(discover, relayInf), message(discover)},
		{"without a value", message(discover, relayNil, end), message(discover, end)},
		{"octets after END move along", message(discover, relayInf, end, junk), message(discover, end, junk)},
		{"PADs before it stay", message(discover, pads, relayInf, end), message(discover, pads, end)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := bytes.Clone(tt.p)
			l, ok := Packet(p).Scan()
			if !ok || l.NumRelay != 1 {
				t.Fatalf("Scan: %v with %d instances of option 82", ok, l.NumRelay)
			}
			got := Packet(p).Remove(l.Relay[0])
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
			if freed := p[len(got):]; !bytes.Equal(freed, make([]byte, l.Relay[0].Len)) {
				t.Errorf("freed octets are % x, want zero octets", freed)
			}
		})
	}
}

func TestRemoveAll(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		p    Packet
		want Packet
	}{
		{"no option 82", message(discover, end, junk), message(discover, end, junk)},
		{"one", message(discover, relayInf, params, end), message(discover, params, end)},
		{"R3396-1 two, apart", message(relayA, discover, relayB, params, end, pads), message(discover, params, end, pads)},
		{"two, side by side", message(discover, relayA, relayB, end), message(discover, end)},
		{"nothing but option 82", message(relayA, relayB), message()},
		{"PADs between stay", message(relayA, pads, relayB, pads, end), message(pads, pads, end)},
		{"option 82 after END stays", message(relayA, end, relayB), message(end, relayB)},
		{"option 82 within a value stays", message(relayA, fence, end), message(fence, end)},
		{
			"more than a layout has room for",
			message(relayNil, relayA, relayB, discover, relayNil, relayA, params, relayB, end),
			message(discover, params, end),
		},
		{
			"R3046-13 sname and file stay",
			func() Packet {
				p := message(overload, relayA, end)
				copy(p[offSname:], relayInf)
				return p
			}(),
			func() Packet {
				p := message(overload, end)
				copy(p[offSname:], relayInf)
				return p
			}(),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := bytes.Clone(tt.p)
			l, ok := Packet(p).Scan()
			if !ok {
				t.Fatal("Scan refused the message")
			}
			got := Packet(p).RemoveAll(&l)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
			if freed := p[len(got):]; !bytes.Equal(freed, make([]byte, len(freed))) {
				t.Errorf("freed octets are % x, want zero octets", freed)
			}
		})
	}
}

func TestR_SEC_4_PadZeroesStaleOctets(t *testing.T) {
	t.Parallel()
	short := message(discover, end)
	tests := []struct {
		name  string
		p     Packet
		spare int
		n     int
		want  Packet
		bad   bool
	}{
		{name: "to the least", p: short, spare: 200, n: MinLen, want: padded(short, MinLen)},
		{name: "to the capacity", p: short, spare: 56, n: MinLen, want: padded(short, MinLen)},
		{name: "R1542-6 by one octet", p: padded(short, 299), spare: 1, n: MinLen, want: padded(short, MinLen)},
		{name: "long enough", p: padded(short, 301), spare: 9, n: MinLen, want: padded(short, 301)},
		{name: "beyond the capacity", p: short, spare: 55, n: MinLen, want: short, bad: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := roomy(tt.p, tt.spare).Pad(tt.n)
			if ok == tt.bad {
				t.Errorf("Pad: %v, want %v", ok, !tt.bad)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

// A buffer that held a longer message must not give its octets away when a
// shorter one is edited in it.
func TestR_SEC_4_StripThenPadLeaksNothing(t *testing.T) {
	t.Parallel()
	p := roomy(message(discover, relayInf, end), 64)
	l, ok := p.Scan()
	if !ok {
		t.Fatal("Scan refused the message")
	}
	got, ok := p.RemoveAll(&l).Pad(MinLen)
	if !ok {
		t.Fatal("Pad found no room")
	}
	if diff := cmp.Diff(padded(message(discover, end), MinLen), got); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}
