package bootp

import (
	"bytes"
	"net/netip"
	"testing"
)

// An oracle is an options field taken apart by a parser that shares nothing
// with Scan: it consumes a stream octet by octet and keeps every option.
type oracle struct {
	options []option // without PAD and END
	relay   []option // the instances of option 82 among them
	end     int      // offset of END, or the length of the message
	hasEnd  bool
}

type option struct {
	off   int
	code  byte
	value []byte
}

// consult takes m apart. It returns nil unless that is a DHCP message with whole
// options.
func consult(m []byte) *oracle {
	if len(m) < 240 || !bytes.HasSuffix(m[:240], []byte{99, 130, 83, 99}) {
		return nil
	}
	o := &oracle{options: make([]option, 0, 16)}
	for r := bytes.NewBuffer(m[240:]); ; {
		o.end = len(m) - r.Len()
		code, err := r.ReadByte()
		if err != nil {
			return o
		}
		if code == 0 {
			continue
		}
		if code == 255 {
			o.hasEnd = true
			return o
		}
		n, err := r.ReadByte()
		value := r.Next(int(n))
		if err != nil || len(value) < int(n) {
			return nil
		}
		o.options = append(o.options, option{o.end, code, value})
		if code == 82 {
			o.relay = append(o.relay, option{o.end, code, value})
		}
	}
}

// first returns the value of the first option with the code, nil if there is none.
func (o *oracle) first(code byte) []byte {
	for _, x := range o.options {
		if x.code == code {
			return x.value
		}
	}
	return nil
}

// layout is what Scan must return.
func (o *oracle) layout() Layout {
	l := Layout{End: o.end, HasEnd: o.hasEnd, ClientID: o.first(61)}
	if v := o.first(53); len(v) == 1 {
		l.Type = Type(v[0])
	}
	if v := o.first(54); len(v) == 4 {
		l.ServerID, _ = netip.AddrFromSlice(v)
	}
	if v := o.first(50); len(v) == 4 {
		l.Requested, _ = netip.AddrFromSlice(v)
	}
	types := 0
	for _, x := range o.options {
		if x.code == 53 {
			types++
			l.Retyped = l.Retyped || types > 1 || len(x.value) != 1
		}
		if x.code == 52 {
			for _, v := range x.value {
				l.Overload |= v % 4
			}
		}
	}
	for i, x := range o.relay {
		l.NumRelay++
		if i < MaxRelay {
			l.Relay[i] = Span{x.off, 2 + len(x.value)}
		}
	}
	return l
}

// value is what RelayValue must return, given scratch enough.
func (o *oracle) value() []byte {
	if len(o.relay) == 0 || len(o.relay) > MaxRelay {
		return nil
	}
	v := []byte{}
	for _, x := range o.relay {
		v = append(v, x.value...)
	}
	return v
}

// inserted is what Insert must make of m.
func (o *oracle) inserted(m, opt []byte) []byte {
	want := append(bytes.Clone(m[:o.end]), opt...)
	want = append(want, 255)
	var rest []byte
	if o.hasEnd {
		rest = m[o.end+1:]
	}
	if len(bytes.Trim(rest, "\x00")) > 0 {
		return append(want, rest...)
	}
	for len(want) < len(m) {
		want = append(want, 0)
	}
	return want
}

// stripped is what RemoveAll must make of m.
func (o *oracle) stripped(m []byte) []byte {
	var want []byte
	from := 0
	for _, x := range o.relay {
		want = append(want, m[from:x.off]...)
		from = x.off + 2 + len(x.value)
	}
	return append(want, m[from:]...)
}

func sameLayout(a, b Layout) bool {
	sameID := bytes.Equal(a.ClientID, b.ClientID) && (a.ClientID == nil) == (b.ClientID == nil)
	return sameID && a.Type == b.Type && a.End == b.End && a.HasEnd == b.HasEnd &&
		a.ServerID == b.ServerID && a.Requested == b.Requested && a.Relay == b.Relay && a.NumRelay == b.NumRelay
}

// The checks do without t.Helper, which walks the stack a million times.

// checkScan fails unless Scan and RelayValue agree with the oracle about m.
func checkScan(t *testing.T, o *oracle, m []byte) {
	l, ok := Packet(m).Scan()
	if ok != (o != nil) {
		t.Fatalf("Scan: %v, want %v\n% x", ok, !ok, m)
	}
	if !ok {
		return
	}
	if wantL := o.layout(); !sameLayout(wantL, l) {
		t.Fatalf("Scan: %+v, want %+v\n% x", l, wantL, m)
	}
	var scratch [MaxRelay * 255]byte
	v, wantV := Packet(m).RelayValue(&l, scratch[:]), o.value()
	if !bytes.Equal(v, wantV) || (v == nil) != (wantV == nil) {
		t.Fatalf("RelayValue: % x, want % x\n% x", v, wantV, m)
	}
}

// checkInsert fails unless Insert of opt does to m in buf, which is overwritten,
// what the oracle does, and Remove undoes it.
func checkInsert(t *testing.T, o *oracle, buf, m, opt []byte) {
	if o == nil {
		return
	}
	p := stale(buf, m)
	want := o.inserted(m, opt)
	l := o.layout()
	q, ok := p.Insert(&l, opt)
	if fits := len(want) <= cap(p); ok != fits {
		t.Fatalf("Insert: %v, want %v: %d octets in %d\n% x", ok, fits, len(want), cap(p), m)
	}
	if !ok {
		if !bytes.Equal(q, m) || len(bytes.Trim(buf[len(m):], "\x5a")) > 0 {
			t.Fatalf("a vain Insert left traces\ngot  % x\nwant % x", buf, m)
		}
		return
	}
	if !bytes.Equal(q, want) {
		t.Fatalf("Insert % x\ninto % x\ngot  % x\nwant % x", opt, m, q, want)
	}
	undone := q.Remove(Span{o.end, len(opt)})
	if !o.hasEnd {
		m = append(bytes.Clone(m), 255)
	}
	// What gave way of the padding is lost, and nothing else.
	n := len(q) - len(opt)
	if n > len(m) || !bytes.Equal(undone, m[:n]) || len(bytes.Trim(m[n:], "\x00")) > 0 {
		t.Fatalf("Insert and Remove of % x\ngot  % x\nfrom % x", opt, undone, m)
	}
}

// checkRemove fails unless RemoveAll does to m what the oracle does, and Remove
// the same, last instance first. buf, of at least as many octets, is overwritten.
func checkRemove(t *testing.T, o *oracle, buf, m []byte) {
	if o == nil {
		return
	}
	l, want := o.layout(), o.stripped(m)
	p := stale(buf, m)
	got := p.RemoveAll(&l)
	if !bytes.Equal(got, want) {
		t.Fatalf("RemoveAll\nof   % x\ngot  % x\nwant % x", m, got, want)
	}
	if freed := p[len(got):]; len(bytes.Trim(freed, "\x00")) > 0 {
		t.Fatalf("RemoveAll left % x behind\n% x", freed, m)
	}
	if rest, ok := got.Scan(); !ok || rest.NumRelay != 0 || rest.HasEnd != l.HasEnd {
		t.Fatalf("after RemoveAll: %+v, %v\n% x", rest, ok, m)
	}
	if l.NumRelay > MaxRelay {
		return
	}
	got = stale(buf, m)
	for i := l.NumRelay - 1; i >= 0; i-- {
		got = got.Remove(l.Relay[i])
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("Remove one by one\nof   % x\ngot  % x\nwant % x", m, got, want)
	}
}

// stale fills buf with what a longer message might have left, and returns m as
// a message at its start. buf must have room for m.
func stale(buf, m []byte) Packet {
	for i := copy(buf, m); i < len(buf); i++ {
		buf[i] = 0x5a
	}
	return buf[:len(m):len(buf)]
}
