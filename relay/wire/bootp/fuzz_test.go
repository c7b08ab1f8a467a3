package bootp

import (
	"bytes"
	"testing"
)

// seeds are whole messages, sound and broken.
func seeds() []Packet {
	return []Packet{
		nil,
		header(),
		message(),
		message(end),
		message(pads),
		message(request, clientID, serverID, params, relayInf, end, pads),
		message(relayInf, discover, end),
		message(discover, relayNil, end),
		message(relayA, pads, discover, relayB, end, junk),
		message(relayNil, relayNil, relayNil, relayNil, relayNil, end),
		message(discover, relayInf),
		message(discover, pads),
		message(discover, []byte{12}),
		message(discover, relayInf[:15]),
		message(discover, end, []byte{82, 200}),
		message(fence, overload, end),
		hiding(message(overload, discover, end), relayInf, pads),
		hiding(message(overload, end), pads, relayA, relayB, []byte{53, 1, 10, 82, 200}),
		padded(message(discover, end), MinLen),
		append(header(), make([]byte, 64)...),
	}
}

func FuzzScan(f *testing.F) {
	for _, p := range seeds() {
		f.Add([]byte(p))
	}
	f.Fuzz(func(t *testing.T, m []byte) {
		before := bytes.Clone(m)
		checkScan(t, consult(m), m)
		if !bytes.Equal(before, m) {
			t.Fatalf("Scan changed the message\ngot  % x\nwant % x", m, before)
		}
		if l, ok := Packet(m).Scan(); ok {
			checkRelayInfo(t, Packet(m).RelayValue(&l, nil))
		}
		checkAggregate(t, m)
		if p := Packet(m); p.Valid() && len(p.Chaddr()) > 16 {
			t.Fatalf("hardware address of %d octets", len(p.Chaddr()))
		}
	})
}

func FuzzInsert(f *testing.F) {
	for _, p := range seeds() {
		f.Add([]byte(p), relayInf, uint8(0))
		f.Add([]byte(p), relayInf, uint8(17))
		f.Add([]byte(p), []byte{}, uint8(255))
	}
	f.Fuzz(func(t *testing.T, m, opt []byte, spare uint8) {
		checkInsert(t, consult(m), make([]byte, len(m)+int(spare)), m, opt)
	})
}

func FuzzRemove(f *testing.F) {
	for _, p := range seeds() {
		f.Add([]byte(p))
	}
	f.Fuzz(func(t *testing.T, m []byte) {
		checkRemove(t, consult(m), make([]byte, len(m)), m)
	})
}

func FuzzRelayInfo(f *testing.F) {
	for _, r := range []RelayInfo{
		nil,
		relayInf[2:],
		{SubCircuitID, 0},
		{SubCircuitID, 1, 'c', SubRemoteID, 9, 'r'},
		{SubCircuitID, 1, 'c', 255},
		{0, 0, 0, 0},
		{SubVendor, 255, 1},
	} {
		f.Add([]byte(r))
	}
	f.Fuzz(func(t *testing.T, r []byte) { checkRelayInfo(t, r) })
}

// checkRelayInfo fails unless Valid and Sub agree with a recursive reading of r.
func checkRelayInfo(t *testing.T, r RelayInfo) {
	t.Helper()
	first, valid := suboptions(r)
	valid = valid && len(r) > 0
	if got := r.Valid(); got != valid {
		t.Fatalf("Valid: %v, want %v\n% x", got, valid, r)
	}
	for code := range 256 {
		want, found := first[byte(code)]
		got, ok := r.Sub(byte(code))
		if ok != found || !bytes.Equal(got, want) {
			t.Fatalf("Sub(%d): % x, %v, want % x, %v\n% x", code, got, ok, want, found, r)
		}
	}
}

// suboptions returns the first suboption of each code, and whether r ends with
// a whole one.
func suboptions(r []byte) (map[byte][]byte, bool) {
	if len(r) == 0 {
		return map[byte][]byte{}, true
	}
	if len(r) == 1 || len(r[2:]) < int(r[1]) {
		return map[byte][]byte{}, false
	}
	first, whole := suboptions(r[2+int(r[1]):])
	first[r[0]] = r[2 : 2+int(r[1])]
	return first, whole
}
