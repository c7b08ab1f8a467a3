package class

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp6"
)

// request4 is a request of a client with a MAC and some options.
func request4(mac string, options ...string) bootp.Packet {
	p := make(bootp.Packet, bootp.OptionsOffset, 600)
	p[0], p[1], p[2] = bootp.Request, 1, byte(len(mac))
	copy(p[28:44], mac)
	copy(p[236:], "\x63\x82\x53\x63")
	p = append(p, bootp.OptionMessageType, 1, byte(bootp.Discover))
	for _, o := range options {
		p = append(p, o...)
	}
	return append(p, bootp.OptionEnd)
}

// option writes an option of DHCPv4.
func option(code byte, value string) string {
	return string([]byte{code, byte(len(value))}) + value
}

// solicit is a Solicit with some options.
func solicit(options ...string) dhcp6.Message {
	return dhcp6.Message("\x01\x0a\x0b\x0c" + strings.Join(options, ""))
}

// option6 writes an option of DHCPv6.
func option6(code uint16, value string) string {
	return string(dhcp6.AppendOption(nil, code, []byte(value)))
}

// sized writes a value after its length of 2 octets.
func sized(value string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(len(value)))) + value
}

func exact(s string) []Pattern  { return []Pattern{{Exact, s}} }
func prefix(s string) []Pattern { return []Pattern{{Prefix, s}} }
func inside(s string) []Pattern { return []Pattern{{Substring, s}} }

func TestMatch(t *testing.T) {
	const mac = "\x00\x1b\xfc\x01\x02\x03"
	pxe := option(60, "PXEClient:Arch:00007:UNDI:003016")
	tests := []struct {
		name  string
		rules []Rule
		four  bootp.Packet
		six   dhcp6.Message
		want  int
	}{
		{"a rule without conditions is for all", []Rule{{}}, request4(mac), nil, 0},
		{"no rule", nil, request4(mac), nil, -1},
		{"the first of two", []Rule{{VendorClass: prefix("PXE")}, {VendorClass: prefix("PXEClient")}}, request4(mac, pxe), nil, 0},
		{"the longer one first", []Rule{{VendorClass: prefix("PXEClient")}, {VendorClass: prefix("PXE")}}, request4(mac, pxe), nil, 0},
		{"exact is not a beginning", []Rule{{VendorClass: exact("PXEClient")}}, request4(mac, pxe), nil, -1},
		{"exact", []Rule{{VendorClass: exact("MSFT 5.0")}}, request4(mac, option(60, "MSFT 5.0")), nil, 0},
		{"exact and a longer value", []Rule{{VendorClass: exact("MSFT 5.0")}}, request4(mac, option(60, "MSFT 5.0\x00")), nil, -1},
		{"a substring", []Rule{{VendorClass: inside(":00007:")}}, request4(mac, pxe), nil, 0},
		{"a substring at the end", []Rule{{VendorClass: inside("6")}}, request4(mac, pxe), nil, 0},
		{"no such substring", []Rule{{VendorClass: inside(":00009:")}}, request4(mac, pxe), nil, -1},
		{"any value", []Rule{{VendorClass: prefix("")}}, request4(mac, option(60, "x")), nil, 0},
		{"any value, and there is none", []Rule{{VendorClass: prefix("")}}, request4(mac), nil, -1},
		{"all conditions", []Rule{{VendorClass: prefix("PXE"), Architecture: exact("\x00\x07")}}, request4(mac, pxe, option(93, "\x00\x07")), nil, 0},
		{"one condition does not hold", []Rule{{VendorClass: prefix("PXE"), Architecture: exact("\x00\x07")}}, request4(mac, pxe, option(93, "\x00\x00")), nil, -1},
		{"the second architecture", []Rule{{Architecture: exact("\x00\x09")}}, request4(mac, option(93, "\x00\x07\x00\x09")), nil, 0},
		{"user class as text", []Rule{{UserClass: exact("iPXE")}}, request4(mac, option(77, "iPXE")), nil, 0},
		{"user class of RFC 3004", []Rule{{UserClass: exact("iPXE")}}, request4(mac, option(77, "\x03abc\x04iPXE")), nil, 0},
		{"a user class that is cut off", []Rule{{UserClass: exact("iPXE")}}, request4(mac, option(77, "\x04iPXE\x09")), nil, -1},
		{"the beginning of a MAC", []Rule{{MAC: prefix("\x00\x1b\xfc")}}, request4(mac), nil, 0},
		{"another MAC", []Rule{{MAC: prefix("\x00\x1b\xfd")}}, request4(mac), nil, -1},
		{"BOOTP has a MAC", []Rule{{VendorClass: prefix("")}, {MAC: prefix("\x00")}}, request4(mac)[:236], nil, 1},
		{"an enterprise number is of DHCPv6", []Rule{{Enterprise: exact("\x00\x00\x01\x37")}}, request4(mac, pxe), nil, -1},

		{"DHCPv6 vendor class", []Rule{{VendorClass: exact("MSFT 5.0")}}, nil, solicit(option6(16, "\x00\x00\x01\x37"+sized("other")+sized("MSFT 5.0"))), 0},
		{"its enterprise number", []Rule{{Enterprise: exact("\x00\x00\x01\x37")}}, nil, solicit(option6(16, "\x00\x00\x01\x37"+sized("MSFT 5.0"))), 0},
		{"of a second option 16", []Rule{{Enterprise: exact("\x00\x00\x00\x09")}}, nil, solicit(option6(16, "\x00\x00\x01\x37"), option6(16, "\x00\x00\x00\x09")), 0},
		{"DHCPv6 user class", []Rule{{UserClass: prefix("iPX")}}, nil, solicit(option6(15, sized("iPXE"))), 0},
		{"a length beyond the option", []Rule{{UserClass: prefix("iPX")}}, nil, solicit(option6(15, "\x00\x09iPXE")), -1},
		{"DHCPv6 architecture", []Rule{{Architecture: exact("\x00\x07")}}, nil, solicit(option6(61, "\x00\x07")), 0},
		{"an empty message", []Rule{{UserClass: prefix("")}}, nil, dhcp6.Message{}, -1},
		{"a port", []Rule{{Port: exact("swp8")}, {Port: prefix("swp")}}, request4(mac), nil, 1},
		{"a port of DHCPv6", []Rule{{Port: exact("swp8")}, {Port: prefix("swp")}}, nil, solicit(), 1},
		{"DHCPv6 MAC", []Rule{{MAC: prefix("\x00\x1b\xfc")}}, nil, solicit(), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got int
			if m := New(tt.rules); tt.six != nil {
				got = m.Match6(tt.six, []byte(mac), []byte("swp7"))
			} else {
				got = m.Match4(tt.four, []byte("swp7"))
			}
			if got != tt.want {
				t.Errorf("rule %d, want %d", got, tt.want)
			}
		})
	}
	if got := New([]Rule{{Port: prefix("")}}).Match4(request4(mac), nil); got != -1 {
		t.Errorf("of a port that is not known: rule %d, want none", got)
	}
	if got := New([]Rule{{MAC: prefix("")}}).Match6(solicit(), nil, nil); got != -1 {
		t.Errorf("of a MAC that is not known: rule %d, want none", got)
	}
}

func TestCovers(t *testing.T) {
	tests := []struct {
		name string
		p, q Rule
		want bool
	}{
		{"all", Rule{}, Rule{VendorClass: exact("a")}, true},
		{"a condition more", Rule{VendorClass: exact("a")}, Rule{}, false},
		{"the same", Rule{VendorClass: exact("a")}, Rule{VendorClass: exact("a"), MAC: prefix("\x00")}, true},
		{"a longer prefix", Rule{MAC: prefix("\x00")}, Rule{MAC: prefix("\x00\x01")}, true},
		{"a shorter prefix", Rule{MAC: prefix("\x00\x01")}, Rule{MAC: prefix("\x00")}, false},
		{"one of several", Rule{VendorClass: slices.Concat(exact("a"), prefix("b"))}, Rule{VendorClass: exact("bc")}, true},
		{"all but one of several", Rule{VendorClass: exact("a")}, Rule{VendorClass: slices.Concat(exact("a"), exact("b"))}, false},
		{"substring of a prefix", Rule{VendorClass: inside("XE")}, Rule{VendorClass: prefix("PXEClient")}, true},
		{"substring of a substring", Rule{VendorClass: inside("XE")}, Rule{VendorClass: inside("PXE")}, true},
		{"prefix of a substring", Rule{VendorClass: prefix("PX")}, Rule{VendorClass: inside("PXE")}, false},
		{"any value of a substring", Rule{VendorClass: prefix("")}, Rule{VendorClass: inside("PXE")}, true},
	}
	for _, tt := range tests {
		if got := tt.p.Covers(&tt.q); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// simple is Match4 without an index.
func simple(rules []Rule, p bootp.Packet) int {
	var has [NumFields][]string
	if a := p.Chaddr(); len(a) > 0 {
		has[MAC] = []string{string(a)}
	}
	var seen [256]int
	for code, value := range p.Options() {
		v := string(value)
		if seen[code]++; seen[code] > maxOptions {
			continue
		}
		switch code {
		case optionVendorClass:
			has[VendorClass] = append(has[VendorClass], v)
		case optionUserClass:
			has[UserClass] = append(has[UserClass], v)
			if instances4(value) {
				for ; len(v) > 0; v = v[1+int(v[0]):] {
					has[UserClass] = append(has[UserClass], v[1:1+int(v[0])])
				}
			}
		case optionArchitecture:
			for n := 0; len(v) >= 2 && n < maxInstances; n++ {
				has[Architecture] = append(has[Architecture], v[:2])
				v = v[2:]
			}
		}
	}
	return slices.IndexFunc(rules, func(r Rule) bool {
		for f, ps := range r {
			if len(ps) > 0 && !slices.ContainsFunc(ps, func(p Pattern) bool { return slices.ContainsFunc(has[f], p.Matches) }) {
				return false
			}
		}
		return true
	})
}

// rulesFrom makes rules of octets: a few texts of few letters, so that they meet.
func rulesFrom(seed uint64, n int) []Rule {
	r := rand.New(rand.NewPCG(seed, 1))
	text := func(most int) string {
		b := make([]byte, r.IntN(most+1))
		for i := range b {
			b[i] = "ab\x00\xff"[r.IntN(4)]
		}
		return string(b)
	}
	all := make([]Rule, n)
	for i := range all {
		for f := range Field(NumFields) {
			for r.IntN(3) == 0 && len(all[i][f]) < 4 {
				all[i][f] = append(all[i][f], Pattern{Kind(r.IntN(3)), text(4)})
			}
		}
	}
	return all
}

// TestSimple holds the index against a search without one.
func TestSimple(t *testing.T) {
	hits := 0
	for seed := range uint64(400) {
		rules := rulesFrom(seed, 1+int(seed)%150)
		r := rand.New(rand.NewPCG(seed, 2))
		m := New(rules)
		for range 20 {
			value := func(most int) string {
				b := make([]byte, r.IntN(most))
				for i := range b {
					b[i] = "ab\x00\xff\x02"[r.IntN(5)]
				}
				return string(b)
			}
			p := request4(value(6), option(60, value(8)), option(77, value(8)), option(93, value(6)), option(60, value(3)))
			got, want := m.Match4(p, nil), simple(rules, p)
			if got != want {
				t.Fatalf("seed %d: rule %d, want %d, of % x", seed, got, want, p[28:])
			}
			if got >= 0 {
				hits++
			}
		}
	}
	if hits < 1000 {
		t.Errorf("%d messages were under a rule, which shows little", hits)
	}
}

func FuzzMatch4(f *testing.F) {
	f.Add(uint64(1), []byte(request4("ab", option(60, "abab"), option(77, "\x02ab\x01a"))))
	f.Add(uint64(2), []byte(request4("\x00\xff", option(60, strings.Repeat("ab", 127)), option(93, "ab\x00\x00"))))
	f.Add(uint64(3), []byte(request4("a")[:236]))
	f.Fuzz(func(t *testing.T, seed uint64, data []byte) {
		p := bootp.Packet(data)
		if !p.Valid() || p.Hlen() > 16 {
			return
		}
		rules := rulesFrom(seed, int(seed%130)+1)
		if got, want := New(rules).Match4(p, nil), simple(rules, p); got != want {
			t.Errorf("rule %d, want %d", got, want)
		}
	})
}

func FuzzMatch6(f *testing.F) {
	f.Add(uint64(1), []byte(solicit(option6(16, "\x00\x00\x00\x09"+sized("ab")), option6(15, sized("a")+sized("b")))))
	f.Add(uint64(1), []byte(solicit(option6(16, "\x00"), option6(15, "\x00\x09a"), option6(61, "abab"))))
	f.Fuzz(func(t *testing.T, seed uint64, data []byte) {
		rules := rulesFrom(seed, int(seed%130)+1)
		if got := New(rules).Match6(data, []byte("ab"), nil); got < -1 || got >= len(rules) {
			t.Errorf("rule %d", got)
		}
	})
}

// thousand returns a thousand rules of a kind, of which the last one is for what many
// messages bear.
func thousand(kind string) []Rule {
	all := make([]Rule, 1000)
	for i := range all {
		id := fmt.Sprintf("Vendor-%04d:", i*7919%10000)
		switch kind {
		case "mac":
			all[i][MAC] = prefix(string([]byte{byte(i >> 5), byte(i * 37), byte(i * 11)}))
		case "prefix":
			all[i][VendorClass] = prefix(id)
		case "exact":
			all[i][VendorClass] = exact(id)
		case "substring":
			all[i][VendorClass] = inside(id)
		case "mixed":
			all[i] = Rule{VendorClass: prefix(id[:8+i%4]), MAC: prefix(string([]byte{byte(i), byte(i * 37)})), Architecture: exact("\x00" + string(rune(i%10)))}
		}
	}
	return all
}

var kinds = []string{"mac", "prefix", "exact", "substring", "mixed"}

func TestMatchAllocates(t *testing.T) {
	p := request4("\x1f\x00\x00\x00\x00\x01", option(60, "PXEClient:Arch:00007:UNDI:003016"), option(77, "\x04iPXE"), option(93, "\x00\x07"))
	six := solicit(option6(16, "\x00\x00\x01\x37"+sized("MSFT 5.0")), option6(15, sized("iPXE")), option6(61, "\x00\x07"))
	for _, k := range kinds {
		m := New(thousand(k))
		if n := testing.AllocsPerRun(100, func() { m.Match4(p, nil); m.Match6(six, p.Chaddr(), nil) }); n != 0 {
			t.Errorf("%s: %v allocations, want none", k, n)
		}
	}
}

func BenchmarkMatch4(b *testing.B) {
	p := request4("\x1f\x00\x00\x00\x00\x01", option(55, "\x01\x03\x06\x0c\x0f\x1c\x2a"), option(57, "\x05\xdc"), option(60, "Vendor-0007:Arch:00007:UNDI:003016"), option(61, "\x01\x1f\x00\x00\x00\x00\x01"), option(93, "\x00\x07"), option(97, strings.Repeat("x", 17)))
	for _, k := range kinds {
		m := New(thousand(k))
		b.Run(k, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Match4(p, nil)
			}
		})
	}
}
