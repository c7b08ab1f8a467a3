package expect

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// of is a message of n octets with the options; n of 0 adds no padding.
func of(n int, options ...byte) []byte {
	b := make([]byte, cookieAt)
	b[0] = 1
	b = append(append(b, 99, 130, 83, 99), options...)
	return append(b, make([]byte, max(0, n-len(b)))...)
}

// relayed is of with hops and giaddr as this relay leaves them.
func relayed(n int, options ...byte) []byte {
	b := of(n, options...)
	b[hopsAt] = 1
	copy(b[giaddrAt:], []byte{192, 0, 2, 1})
	return b
}

var (
	discover = []byte{53, 1, 1}
	circuit  = []byte{82, 4, 1, 2, 'd', '0'}
)

func opts(parts ...[]byte) []byte { return slices.Concat(parts...) }

func TestRequest(t *testing.T) {
	t.Parallel()
	other := relayed(300, opts(discover, []byte{end})...)
	twice := bytes.Clone(other)
	twice[hopsAt] = 2
	vend := make([]byte, 300)
	vendUp := make([]byte, 300)
	vendUp[hopsAt] = 1
	copy(vendUp[giaddrAt:], []byte{192, 0, 2, 1})
	for _, tt := range []struct {
		name     string
		in, want []byte
		none     bool
	}{
		{name: "padding gives way", in: of(300, opts(discover, []byte{end})...), want: relayed(300, opts(discover, circuit, []byte{end})...)},
		{name: "short: 300 octets", in: of(0, opts(discover, []byte{end})...), want: relayed(300, opts(discover, circuit, []byte{end})...)},
		{name: "long padding stays as long", in: of(560, opts(discover, []byte{end})...), want: relayed(560, opts(discover, circuit, []byte{end})...)},
		{name: "padding shorter than option 82", in: of(0, opts(discover, make([]byte, 100), []byte{end, 0, 0})...), want: relayed(0, opts(discover, make([]byte, 100), circuit, []byte{end})...)},
		{name: "what follows END moves, padding and all", in: of(320, opts(discover, []byte{end, 'x'})...), want: relayed(326, opts(discover, circuit, []byte{end, 'x'})...)},
		{name: "no END: the message's end", in: of(310, discover...), want: append(relayed(310, discover...), opts(circuit, []byte{end})...)},
		{name: "none: as long as before", in: of(400, opts(discover, []byte{end})...), want: relayed(400, opts(discover, []byte{end})...), none: true},
		{name: "there is one: no second", in: of(300, opts(discover, circuit, []byte{end})...), want: relayed(300, opts(discover, circuit, []byte{end})...)},
		{name: "no cookie", in: vend, want: vendUp},
		{name: "another relay's: hops alone", in: other, want: twice},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			option82 := circuit
			if tt.none {
				option82 = nil
			}
			if err := Same(tt.want, Request(tt.in, netip.MustParseAddr("192.0.2.1"), option82)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReply(t *testing.T) {
	t.Parallel()
	with := func(n int) []byte { return of(n, opts(discover, circuit, []byte{end})...) }
	without := func(n int) []byte { return of(n, opts(discover, []byte{end})...) }
	for _, tt := range []struct {
		name     string
		in, want []byte
		keep     bool
	}{
		{name: "as much shorter", in: with(560), want: without(554)},
		{name: "300 at least", in: with(300), want: without(300)},
		{name: "to exactly 300", in: with(306), want: without(300)},
		{name: "without one", in: without(400), want: without(400)},
		{name: "kept", in: with(400), want: with(400), keep: true},
		{name: "kept, but padded", in: with(0), want: with(300), keep: true},
		{name: "twice", in: of(400, opts(circuit, discover, circuit, []byte{end})...), want: of(388, opts(discover, []byte{end})...)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := Same(tt.want, Reply(tt.in, tt.keep)); err != nil {
				t.Error(err)
			}
		})
	}
}

// A relay that changes the length of what it sends is found out, be it by zero
// octets alone.
func TestSame_R1542_37_R3046_27(t *testing.T) {
	t.Parallel()
	want := Reply(of(306, opts(discover, circuit, []byte{end})...), false)
	for name, got := range map[string][]byte{
		"padded to 560":   append(slices.Clone(want), make([]byte, 260)...),
		"one octet more":  append(slices.Clone(want), 0),
		"one octet less":  want[:len(want)-1],
		"no padding":      of(0, opts(discover, []byte{end})...),
		"another octet":   append(slices.Clone(want[:len(want)-1]), 1),
		"nothing at all":  nil,
		"hops is counted": func() []byte { b := slices.Clone(want); b[hopsAt]++; return b }(),
	} {
		if Same(want, got) == nil {
			t.Errorf("%s: passed", name)
		}
	}
	if err := Same(want, slices.Clone(want)); err != nil {
		t.Error(err)
	}
	err := Same(want, append(slices.Clone(want), make([]byte, 260)...))
	if !strings.HasPrefix(err.Error(), "560 octets, want 300\n") {
		t.Errorf("the error is %q", err)
	}
}

func TestOption82(t *testing.T) {
	t.Parallel()
	got := Option82(of(0, opts(circuit, discover, []byte{pad}, []byte{82, 0}, []byte{end}, circuit)...))
	if want := append(slices.Clone(circuit), 82, 0); !bytes.Equal(got, want) {
		t.Errorf("got % x, want % x", got, want)
	}
	if o := Walk(of(0, 53, 2, 1)); o.Sound {
		t.Error("an option that is cut off is taken for whole")
	}
}
