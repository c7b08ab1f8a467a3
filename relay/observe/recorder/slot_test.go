package recorder

import (
	"bytes"
	"reflect"
	"testing"
)

// The ring shares the processor's cache with the messages, and the garbage
// collector must have nothing to look for in it.
func TestSlotIsSmallAndWithoutPointers(t *testing.T) {
	typ := reflect.TypeFor[slot]()
	if typ.Size() > 128 {
		t.Errorf("a slot has %d octets, want at most two cache lines of 64", typ.Size())
	}
	var check func(name string, typ reflect.Type)
	check = func(name string, typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Struct:
			for f := range typ.NumField() {
				check(name+"."+typ.Field(f).Name, typ.Field(f).Type)
			}
		case reflect.Array:
			check(name, typ.Elem())
		case reflect.Pointer, reflect.Slice, reflect.String, reflect.Map, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
			t.Errorf("%s is or has a pointer", name)
		default:
		}
	}
	check("slot", typ)
}

func TestDefaultRingIsSmall(t *testing.T) {
	w := NewLog(1000).Writer()
	if n := len(w.data) + len(w.slots)*int(reflect.TypeFor[slot]().Size()); n > 400_000 {
		t.Errorf("1000 messages take %d octets, want at most 400,000", n)
	}
}

func TestEmptyFieldsAreNotKept(t *testing.T) {
	empty := make([]byte, 300)
	for i := range empty {
		if i < zerosFrom || i >= zerosTo {
			empty[i] = byte(i)
		}
	}
	changed := func(at int) []byte {
		p := append([]byte(nil), empty...)
		p[at] ^= 0xff
		return p
	}
	for name, c := range map[string]struct {
		received, sent []byte
		shift          int
		want           int // octets
	}{
		"sname and file are empty":        {empty, changed(3), 0, 108 + 92},
		"file ends with something":        {changed(zerosTo - 1), changed(zerosTo - 1), 0, 300 + 92},
		"sname begins with something":     {changed(zerosFrom), changed(zerosFrom), 0, 300 + 92},
		"something has come into file":    {empty, changed(100), 0, 108 + 300},
		"another client's address":        {empty, changed(30), 0, 108 + 300},
		"it begins elsewhere":             {empty, empty[1:], 1, 108 + 299},
		"too short to have all of a file": {empty[:zerosTo-1], empty[:zerosTo-1], 0, 235 + 28},
		"dropped":                         {empty, nil, 0, 108},
	} {
		w := NewLog(1).Writer()
		w.Begin(1)
		w.Received(c.received)
		w.Sent(&Event{}, c.sent, c.shift)
		w.End()
		if w.head != uint64(c.want) {
			t.Errorf("%s: %d octets are kept, want %d", name, w.head, c.want)
		}
		if ms, _ := w.log.Reader().Read(); !bytes.Equal(ms[0].Received, c.received) || !bytes.Equal(ms[0].Sent, c.sent) {
			t.Errorf("%s: told as %x and %x", name, ms[0].Received, ms[0].Sent)
		}
	}
}

func TestWhatIsKept(t *testing.T) {
	received := make([]byte, 300)
	for i := range received {
		received[i] = byte(i)
	}
	edit := func(at ...int) []byte {
		sent := append([]byte(nil), received...)
		for _, i := range at {
			sent[i] ^= 0xff
		}
		return sent
	}
	around := append(make([]byte, 60), received...)
	for _, c := range []struct {
		name  string
		sent  []byte
		shift int
		want  int
	}{
		{"dropped", nil, 0, 0},
		{"hops, giaddr and options of BOOTP", edit(3, 24, 27, 250, 299), 0, 28 + 64},
		{"a longer BOOTP message", append(edit(3), make([]byte, 20)...), 0, 28 + 84},
		{"a changed client address", edit(28), 0, 300},
		{"something before", around, -60, 60},
		{"something before and after", append(around, 1, 2, 3), -60, 63},
		{"unwrapped", received[40:290], 40, 0},
		{"unwrapped and changed", edit(50)[40:], 40, 260},
		{"a shift past the end", received, 300, 300},
		{"a shift far before the beginning", received, -100_000, 300},
		{"a shift far past the end", received, 100_000, 300},
	} {
		d := same(received, c.sent, c.shift, false)
		if got := d.literal(len(c.sent)); got != c.want {
			t.Errorf("%s: %d octets are kept, want %d", c.name, got, c.want)
		}
	}
}
