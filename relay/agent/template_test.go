package agent

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func templateFacts() *Facts {
	return &Facts{
		Interface: "vlan10",
		Alias:     "Büro\t1",
		Hostname:  "edge1.example.net",
		VLAN:      266,
		Outer:     200,
		MAC:       []byte{0x02, 0x00, 0x5e, 0x00, 0x00, 0x01},
		Giaddr:    netip.MustParseAddr("192.0.2.1"),
	}
}

func TestTemplateAppend(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, template, want string
		min, max             int
		text                 bool
	}{
		{"nothing", "", "", 0, 0, true},
		{"literal", "port-1", "port-1", 6, 6, true},
		{"literal beyond ASCII", "Büro", "Büro", 5, 5, false},
		{"literal with a line feed", "a\n", "a\n", 2, 2, false},
		{"interface", "{interface}", "vlan10", 1, 15, true},
		{"alias is made printable octet by octet", "{ifalias}", "B__ro_1", 0, 64, true},
		{"hostname and interface", "{hostname}:{interface}", "edge1.example.net:vlan10", 3, 80, true},
		{"vlan", "v{vlan}", "v266", 2, 6, true},
		{"vlan raw", "{vlan:raw}", "\x01\x0a", 2, 2, false},
		{"stacked VLANs", "{svlan}.{cvlan}", "200.266", 3, 11, true},
		{"stacked VLANs raw", "{svlan:raw}{cvlan:raw}", "\x00\xc8\x01\x0a", 4, 4, false},
		{"mac", "{mac}", "02:00:5e:00:00:01", 0, 59, true},
		{"mac raw", "{mac:raw}", "\x02\x00\x5e\x00\x00\x01", 0, 20, false},
		{"giaddr", "{giaddr}", "192.0.2.1", 7, 15, true},
		{"giaddr raw", "{giaddr:raw}", "\xc0\x00\x02\x01", 4, 4, false},
		{"octets", "{hex:0006AB}", "\x00\x06\xab", 3, 3, false},
		{"printable octets are text", "{hex:2d}x", "-x", 2, 2, true},
		{"braces", "{{{interface}}}", "{vlan10}", 3, 17, true},
		{"VLANs of a frame", "{vlan1}.{vlan2}", "200.266", 3, 11, true},
		{"VLANs of a frame raw", "{vlan1:raw}{vlan2:raw}", "\x00\xc8\x01\x0a", 4, 4, false},
		{"VLANs in four digits", "{vlan1:4}.{vlan2:4}", "0200.0266", 9, 11, true},
		{"a colon and the VLAN", "x{:vlan}", "x:266", 1, 7, true},
		{"a colon and the VLANs", "x{:vlans}", "x:200-266", 1, 13, true},
		{"mac without colons", "{mac:plain}", "02005e000001", 0, 40, true},
		{"length", "{hex:01}{length}{interface}", "\x01\x06vlan10", 3, 17, false},
		{"lengths in each other", "{length}a{length}b", "\x03a\x01b", 4, 4, false},
		{"nothing follows", "a{length}", "a\x00", 2, 2, false},
		{"a switch's circuit-id", "{hex:0004}{vlan:raw}{hex:0001}", "\x00\x04\x01\x0a\x00\x01", 6, 6, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tmpl, err := ParseTemplate(tt.template)
			if err != nil {
				t.Fatal(err)
			}
			got := tmpl.Append([]byte("before "), templateFacts())
			if diff := cmp.Diff("before "+tt.want, string(got)); diff != "" {
				t.Errorf("Append (-want +got):\n%s", diff)
			}
			if tmpl.MinLen() != tt.min || tmpl.MaxLen() != tt.max || tmpl.Text() != tt.text {
				t.Errorf("min, max, text: want %d, %d, %v, got %d, %d, %v",
					tt.min, tt.max, tt.text, tmpl.MinLen(), tmpl.MaxLen(), tmpl.Text())
			}
			if tmpl.String() != tt.template {
				t.Errorf("String: want %q, got %q", tt.template, tmpl.String())
			}
			if tmpl.Empty() != (tt.template == "") {
				t.Errorf("Empty: got %v", tmpl.Empty())
			}
		})
	}
}

func TestTemplateErrors(t *testing.T) {
	t.Parallel()
	const list = "; there are " + placeholderList
	tests := []struct{ name, template, want string }{
		{"unknown", "ge-{prt}", "at offset 3: no placeholder {prt}" + list},
		{"upper case", "{VLAN}", "at offset 0: no placeholder {VLAN}" + list},
		{"nameless", "{}", "at offset 0: no placeholder {}" + list},
		{"unknown form", "{vlan:hex}", `at offset 0: {vlan} has no form "hex"` + list},
		{"empty form", "{vlan:}", `at offset 0: {vlan} has no form ""` + list},
		{"no raw form", "x{interface:raw}", `at offset 1: {interface} has no form "raw"` + list},
		{"open", "{{{interface", `at offset 2: a "{" that is not closed; a brace itself is written "{{"`},
		{"open twice", "{vlan{mac}", `at offset 0: a "{" that is not closed; a brace itself is written "{{"`},
		{"lone brace", "{", `at offset 0: a "{" that is not closed; a brace itself is written "{{"`},
		{"closed only", "{mac}}", `at offset 5: a "}" that closes nothing; a brace itself is written "}}"`},
		{"half an octet", "{hex:0}", "at offset 0: {hex:0} holds no octets; write two hexadecimal digits for each, such as {hex:0006ab}"},
		{"no octets", "{hex:}", "at offset 0: {hex:} holds no octets; write two hexadecimal digits for each, such as {hex:0006ab}"},
		{"hex alone", "{hex}", "at offset 0: {hex} holds no octets; write two hexadecimal digits for each, such as {hex:0006ab}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tmpl, err := ParseTemplate(tt.template)
			if err == nil {
				t.Fatalf("%q: want an error, got %+v", tt.template, tmpl)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !tmpl.Empty() {
				t.Errorf("want the zero Template, got %q", tmpl)
			}
		})
	}
}

// A link without the facts gives nothing where they would stand, and what is
// too long is cut.
func TestTemplateExtremes(t *testing.T) {
	t.Parallel()
	tmpl, err := ParseTemplate("{interface}{ifalias}{hostname}{mac}{mac:raw}{giaddr}{giaddr:raw}")
	if err != nil {
		t.Fatal(err)
	}
	if got := tmpl.Append(nil, &Facts{}); len(got) != 0 {
		t.Errorf("no facts: want nothing, got %q", got)
	}
	long := strings.Repeat("x", 300)
	got := tmpl.Append(nil, &Facts{
		Interface: long, Alias: long, Hostname: long,
		MAC: []byte(long), Giaddr: netip.MustParseAddr("255.255.255.255"),
	})
	if len(got) != tmpl.MaxLen() {
		t.Errorf("all facts at their longest: want %d octets, got %d", tmpl.MaxLen(), len(got))
	}
}

// What is said of VLANs follows how many there are.
func TestTemplateVLANs(t *testing.T) {
	t.Parallel()
	tmpl, err := ParseTemplate("{svlan}.{cvlan} {vlan1}.{vlan2} {vlan1:4}.{vlan2:4} {:vlan} {:vlans}")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		outer, vlan uint16
		want        string
	}{
		{0, 0, "0.0 0.0 0000.0000  "},
		{0, 10, "0.10 10.0 0010.0000 :10 :10"},
		{200, 4094, "200.4094 200.4094 0200.4094 :4094 :200-4094"},
	} {
		if got := string(tmpl.Append(nil, &Facts{VLAN: tt.vlan, Outer: tt.outer})); got != tt.want {
			t.Errorf("VLAN %d in %d: got %q, want %q", tt.vlan, tt.outer, got, tt.want)
		}
	}
}

func TestTemplateUses(t *testing.T) {
	t.Parallel()
	tmpl, err := ParseTemplate("mac {vlan:raw}{hostname}")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, name := range []string{"vlan", "hostname", "mac", "interface"} {
		got[name] = tmpl.Uses(name)
	}
	want := map[string]bool{"vlan": true, "hostname": true, "mac": false, "interface": false}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is proven at check time holds on every link.
func TestTemplateBounds(t *testing.T) {
	t.Parallel()
	piece := rapid.SampledFrom([]string{
		"{interface}", "{ifalias}", "{hostname}", "{vlan}", "{mac}", "{giaddr}",
		"{vlan:raw}", "{mac:raw}", "{giaddr:raw}", "{hex:00ff}", "{{", "}}", "x", "ü",
		"{vlan1}", "{vlan2}", "{vlan1:4}", "{vlan2:4}", "{:vlan}", "{:vlans}", "{mac:plain}", "{length}",
	})
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "template"), "")
		tmpl, err := ParseTemplate(s)
		if err != nil {
			t.Fatal(err)
		}
		got := tmpl.Append(nil, &Facts{
			Interface: string(rapid.SliceOfN(rapid.Byte(), 1, 20).Draw(t, "interface")),
			Alias:     string(rapid.SliceOfN(rapid.Byte(), 0, 256).Draw(t, "alias")),
			Hostname:  string(rapid.SliceOfN(rapid.Byte(), 1, 256).Draw(t, "hostname")),
			VLAN:      rapid.Uint16().Draw(t, "vlan"),
			Outer:     rapid.Uint16().Draw(t, "outer"),
			MAC:       rapid.SliceOfN(rapid.Byte(), 0, 32).Draw(t, "mac"),
			Giaddr:    netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "giaddr"))),
		})
		if len(got) < tmpl.MinLen() || len(got) > tmpl.MaxLen() {
			t.Fatalf("%q gave %d octets, promised %d to %d", s, len(got), tmpl.MinLen(), tmpl.MaxLen())
		}
		if i := strings.IndexFunc(string(got), unprintable); tmpl.Text() && i >= 0 {
			t.Fatalf("%q promised text and gave %q", s, got)
		}
	})
}

func FuzzParseTemplate(f *testing.F) {
	for _, s := range []string{"", "{interface}", "{{x}}", "{hex:00}", "{vlan:raw}", "{", "}", "{hex:zz}", "{a:b:c}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tmpl, err := ParseTemplate(s)
		if err != nil {
			return
		}
		got := tmpl.Append(nil, templateFacts())
		if len(got) < tmpl.MinLen() || len(got) > tmpl.MaxLen() {
			t.Fatalf("%q gave %d octets, promised %d to %d", s, len(got), tmpl.MinLen(), tmpl.MaxLen())
		}
	})
}
