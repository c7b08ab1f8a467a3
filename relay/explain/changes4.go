package explain

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// A field is a part of the fixed header of BOOTP (RFC 2131, section 2).
type field struct {
	name    string
	off     int
	text    func([]byte) string
	setting string
}

func fields4() []field {
	number := func(b []byte) string {
		var n uint64
		for _, c := range b {
			n = n<<8 | uint64(c)
		}
		return strconv.FormatUint(n, 10)
	}
	addr := func(b []byte) string { return netip.AddrFrom4([4]byte(b)).String() }
	octets := func([]byte) string { return "" }
	return []field{
		{"op", 0, number, ""},
		{"htype", 1, number, ""},
		{"hlen", 2, number, ""},
		{"hops", 3, number, ""},
		{"xid", 4, octets, ""},
		{"secs", 8, number, ""},
		{"flags", 10, octets, ""},
		{"ciaddr", 12, addr, ""},
		{"yiaddr", 16, addr, ""},
		{"siaddr", 20, addr, ""},
		{"giaddr", 24, addr, "dhcpv4.giaddr"},
		{"chaddr", 28, octets, ""},
		{"sname", 44, octets, ""},
		{"file", 108, octets, ""},
		{"cookie", bootp.HeaderLen, octets, ""},
		{"", bootp.OptionsOffset, nil, ""}, // where the last one ends
	}
}

// changes4 returns in what a BOOTP message as sent differs from the same as
// received.
func changes4(in, out []byte, d dhcp.Direction) []Change {
	var cs []Change
	fs := fields4()
	head := min(len(in), len(out), bootp.OptionsOffset)
	for i, f := range fs[:len(fs)-1] {
		from, to := min(f.off, head), min(fs[i+1].off, head)
		if a, b := in[from:to], out[from:to]; !bytes.Equal(a, b) {
			cs = append(cs, Change{
				Offset: from, To: from, Field: f.name, Old: a, New: b,
				OldText: f.text(a), NewText: f.text(b), Setting: f.setting,
			})
		}
	}
	w := walk{in: items4(in, head), out: items4(out, head), d: d}
	w.inAt, w.outAt = head, head
	return append(cs, w.changes()...)
}

// An item is an option, a run of padding, or what else there is in the options
// field and after it.
type item struct {
	code int // of an option; or one of those below
	b    []byte
}

const (
	itemPadding = -1 // zero octets after END, or in a message without options
	itemRest    = -2 // anything else after END
)

// items4 takes apart what follows the header.
func items4(p []byte, head int) []item {
	opts, ok := bootp.Packet(p).Scan()
	if !ok {
		return tail(nil, p[head:])
	}
	var is []item
	for i := head; i < opts.End; {
		n := 1
		if p[i] != bootp.OptionPad {
			n = 2 + int(p[i+1])
		}
		is = append(is, item{int(p[i]), p[i : i+n]})
		i += n
	}
	end := opts.End
	if opts.HasEnd {
		is = append(is, item{bootp.OptionEnd, p[end : end+1]})
		end++
	}
	return tail(is, p[end:])
}

// tail appends what follows END: the zero octets of the end are padding.
func tail(is []item, b []byte) []item {
	rest := bytes.TrimRight(b, "\x00")
	if len(rest) > 0 {
		is = append(is, item{itemRest, rest})
	}
	if len(rest) < len(b) {
		is = append(is, item{itemPadding, b[len(rest):]})
	}
	return is
}

// A walk goes along both messages at once. All that a relay may put in or take
// out is option 82, with END and padding after it.
type walk struct {
	in, out     []item
	inAt, outAt int
	d           dhcp.Direction
	cs          []Change
}

func (w *walk) changes() []Change {
	for len(w.in) > 0 || len(w.out) > 0 {
		a, b := first(w.in), first(w.out)
		switch {
		case a.b != nil && b.b != nil && bytes.Equal(a.b, b.b):
			w.step(a.b, b.b)
		case a.b != nil && a.code == bootp.OptionRelay:
			w.change(a, a.b, nil)
		case b.b != nil && b.code == bootp.OptionRelay:
			w.change(b, nil, b.b)
		case a.b == nil || b.code == bootp.OptionEnd:
			w.change(b, nil, b.b)
		case b.b == nil:
			w.change(a, a.b, nil)
		default:
			w.change(b, a.b, b.b)
		}
	}
	return w.cs
}

// first returns the first item, one without octets if there is none.
func first(is []item) (i item) {
	if len(is) > 0 {
		return is[0]
	}
	return i
}

func (w *walk) step(old, fresh []byte) {
	if old != nil {
		w.in = w.in[1:]
	}
	if fresh != nil {
		w.out = w.out[1:]
	}
	w.inAt += len(old)
	w.outAt += len(fresh)
}

func (w *walk) change(i item, old, fresh []byte) {
	c := Change{Offset: w.inAt, To: w.outAt, Field: i.name(), Old: old, New: fresh}
	if i.code == itemPadding {
		c.OldText, c.NewText = zeros(len(old)), zeros(len(fresh))
	}
	if i.code == bootp.OptionRelay {
		c.Parts = w.parts(i.b[2:])
	}
	w.cs = append(w.cs, c)
	w.step(old, fresh)
}

// padding is the field of a Change of zero octets at the end.
const padding = "padding"

func zeros(n int) string {
	if n == 0 {
		return ""
	}
	if n == 1 {
		return "1 zero octet"
	}
	return fmt.Sprintf("%d zero octets", n)
}

func (i item) name() string {
	switch i.code {
	case itemPadding:
		return padding
	case itemRest:
		return "octets after END"
	case bootp.OptionEnd:
		return "END"
	case bootp.OptionPad:
		return "PAD"
	}
	return "option " + strconv.Itoa(i.code)
}

// parts takes option 82 apart.
func (w *walk) parts(v []byte) []Part {
	var ps []Part
	for len(v) >= 2 && len(v) >= 2+int(v[1]) {
		n := 2 + int(v[1])
		p := Part{Code: int(v[0]), Name: bootp.SubName(v[0]), Value: v[2:n], Text: textOf82(v[0], v[2:n])}
		if w.d == dhcp.Requests {
			p.Setting = agent.SuboptionKey(v[0])
		}
		ps = append(ps, p)
		v = v[n:]
	}
	return ps
}

// textOf82 returns a suboption as people read it, "" if hexadecimal says as much.
func textOf82(code byte, v []byte) string {
	switch {
	case (code == bootp.SubLinkSelection || code == bootp.SubServerOverride) && len(v) == 4:
		return netip.AddrFrom4([4]byte(v)).String()
	case code == bootp.SubFlags && len(v) == 1 && v[0]&0x80 != 0:
		return "unicast"
	case code == bootp.SubFlags && len(v) == 1:
		return "broadcast"
	case code == bootp.SubVSS && len(v) > 0:
		return vpn(v[0], v[1:])
	}
	return printable(v)
}

// vpn returns the name of a VPN (RFC 6607, section 3.5).
func vpn(kind byte, name []byte) string {
	switch {
	case kind == 0:
		return printable(name)
	case kind == 1 && len(name) == 7:
		return fmt.Sprintf("vpn:%x:%08x", name[:3], binary.BigEndian.Uint32(name[3:]))
	case kind == 255:
		return "global"
	}
	return ""
}

// printable returns octets as a quoted text if they are one, else "".
func printable(v []byte) string {
	for _, c := range v {
		if c < ' ' || c > '~' {
			return ""
		}
	}
	if len(v) == 0 {
		return ""
	}
	return strconv.Quote(string(v))
}
