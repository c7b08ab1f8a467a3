package bootp

import (
	"slices"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// hiding puts options into sname and into file.
func hiding(p Packet, sname []byte, file ...[]byte) Packet {
	p = slices.Clone(p)
	copy(p[offSname:offFile], sname)
	copy(p[offFile:HeaderLen], slices.Concat(file...))
	return p
}

func TestAggregate(t *testing.T) {
	t.Parallel()
	over := func(b byte) []byte { return []byte{OptionOverload, 1, b} }
	long := func(n int, b byte) []byte { return slices.Repeat([]byte{b}, n) }
	query := []byte{OptionMessageType, 1, byte(LeaseQuery)}
	tests := []struct {
		name  string
		p     Packet
		relay bool
		types []Type
	}{
		{"without option 52 sname and file are names", hiding(message(discover, end), relayInf, relayInf), false, []Type{Discover}},
		{"sname alone: it holds none", hiding(message(discover, over(2), end), query, relayInf), false, []Type{Discover, LeaseQuery}},
		{"sname alone: it holds one", hiding(message(discover, over(2), end), relayInf, query), true, []Type{Discover}},
		{"file alone: it holds none", hiding(message(discover, over(1), end), relayInf, query), false, []Type{Discover, LeaseQuery}},
		{"file alone: it holds one", hiding(message(discover, over(1), end), query, relayInf), true, []Type{Discover}},
		{"both: sname holds one", hiding(message(over(3), end), relayInf, pads), true, nil},
		{"both: file holds one", hiding(message(over(3), end), pads, relayInf), true, nil},
		{"R2132-2 a value that is none", hiding(message(over(4), end), relayInf, relayInf), false, nil},
		{"R2132-2 a value that a lenient server takes", hiding(message(over(255), end), relayInf, relayInf), true, nil},
		{"R3396-1 option 52 in two instances", hiding(message(over(1), over(2), end), relayInf, pads), true, nil},
		{"behind PADs", hiding(message(over(1), end), nil, pads, relayInf), true, nil},
		{"behind another option", hiding(message(over(1), end), nil, []byte{12, 2, 82, 0}, relayInf), true, nil},
		{"within another option", hiding(message(over(1), end), nil, []byte{12, 2, 82, 0}), false, nil},
		{"behind END", hiding(message(over(1), end), nil, end, relayInf), false, nil},
		{"empty", hiding(message(over(2), end), relayNil), true, nil},
		{"R3396-1 the second part alone", hiding(message(over(1), end), nil, relayB), true, nil},
		{"cut off by the end of sname", hiding(message(over(2), end), append(long(62, 0), OptionRelay, 9)), true, nil},
		{"only its code at the end of sname", hiding(message(over(2), end), append(long(63, 0), OptionRelay)), true, nil},
		{"cut off by the end of file", hiding(message(over(1), end), nil, long(126, 0), []byte{OptionRelay, 9}), true, nil},
		{"only its code at the end of file", hiding(message(over(1), end), nil, long(127, 0), []byte{OptionRelay}), true, nil},
		{"R3396-1 no option goes from file on into the options", hiding(message(over(1), end), nil, long(125, 0), []byte{12, 200, 82}), false, nil},
		{"behind an option that is cut off", hiding(message(over(1), end), relayInf, []byte{12, 200}, relayInf), false, nil},
		{"several types", hiding(message([]byte{OptionMessageType, 2, 3, 9}, []byte{OptionMessageType, 0}, query, over(3), end), []byte{53, 1, 255}, []byte{53, 1, 0, 53, 1, 64, 53, 9, 63}), false, []Type{0, 3, 10, 63, 64, 255}},
		{"in sname by an option 52 in file", hiding(message(discover, over(1), end), relayInf, over(2), query), true, []Type{Discover, LeaseQuery}},
		{"in file by an option 52 in sname", hiding(message(discover, over(2), end), slices.Concat(over(1), query), relayInf), true, []Type{Discover, LeaseQuery}},
		{"a name in sname behind an option 52 for file", hiding(message(discover, over(1), end), relayInf, over(1)), false, []Type{Discover}},
		{"END within the options", hiding(message(over(1), end, query), nil, pads), false, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, ok := tt.p.Scan()
			if !ok {
				t.Fatal("Scan refused the message")
			}
			a := tt.p.Aggregate(&l)
			if a.Relay != tt.relay {
				t.Errorf("Relay: %v, want %v", a.Relay, tt.relay)
			}
			for n := range 256 {
				if want := slices.Contains(tt.types, Type(n)); a.MayBe(Type(n)) != want {
					t.Errorf("MayBe(%d): %v, want %v", n, !want, want)
				}
			}
			checkAggregate(t, tt.p)
		})
	}
	for _, tt := range []struct {
		name string
		p    Packet
		want bool
	}{
		{"one type", message(discover, end), true},
		{"no type", message(end), true},
		{"two types", message(discover, discover, end), false},
		{"a type of 2 octets", message([]byte{OptionMessageType, 2, 1, 1}, end), false},
		{"option 52", message(discover, overload, end), false},
		{"option 52 of 0", message(discover, over(0), end), true},
	} {
		t.Run("plain: "+tt.name, func(t *testing.T) {
			t.Parallel()
			if l, _ := tt.p.Scan(); l.Plain() != tt.want {
				t.Errorf("Plain: %v, want %v", l.Plain(), tt.want)
			}
		})
	}
}

// checkAggregate fails unless another implementation finds in sname and file what
// Aggregate finds there, if it can read them at all. It heeds no option 52 there.
func checkAggregate(t *testing.T, m []byte) {
	t.Helper()
	l, ok := Packet(m).Scan()
	if !ok {
		return
	}
	a := Packet(m).Aggregate(&l)
	found, whole := false, true
	for _, field := range []struct {
		bit  uint8
		data []byte
	}{{1, m[108:236]}, {2, m[44:108]}} {
		if l.Overload&field.bit == 0 {
			continue
		}
		read := dhcpv4.Options{}
		err := read.FromBytes(field.data)
		_, nested := read[52]
		whole = whole && err == nil && !nested
		_, relay := read[82]
		found = found || relay
		if typ := read[53]; len(typ) > 0 && !a.MayBe(Type(typ[0])) {
			t.Fatalf("a server takes it for type %d\n% x", typ[0], m)
		}
	}
	if found && !a.Relay || whole && found != a.Relay {
		t.Fatalf("Relay: %v, and another finds %v\n% x", a.Relay, found, m)
	}
	if l.Plain() && (a.Relay || l.Type != 0 && !a.MayBe(l.Type)) {
		t.Fatalf("plain, and not\n% x", m)
	}
	for n := range 256 {
		if l.Plain() && a.MayBe(Type(n)) && Type(n) != l.Type {
			t.Fatalf("plain, and may be type %d\n% x", n, m)
		}
	}
}

// TestAggregateOfRandomMessages lets the other implementation read random octets
// in sname and file.
func TestAggregateOfRandomMessages(t *testing.T) {
	t.Parallel()
	g := newGenerator(52)
	relays := 0
	for range 20_000 {
		m := slices.Clone(g.message())
		if len(m) < OptionsOffset {
			continue
		}
		// Small numbers make options of small lengths.
		for i := offSname; i < HeaderLen; i++ {
			m[i] = []byte{0, 1, 2, 3, 53, 82, 10, byte(g.Uint32())}[g.IntN(8)]
		}
		checkAggregate(t, m)
		if l, ok := Packet(m).Scan(); ok {
			if a := Packet(m).Aggregate(&l); a.Relay {
				relays++
			}
		}
	}
	if relays < 200 {
		t.Errorf("only %d messages had an option 82 in sname or file", relays)
	}
}
