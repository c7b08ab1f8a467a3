package duid

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A DUID-LLT: type 1, Ethernet, time, MAC.
var llt = DUID{
	0, 1, // DUID-LLT
	0, 1, // Ethernet
	0x2c, 0x5e, 0x10, 0x0a, // seconds since 2000
	2, 0, 0, 0, 0, 9, // MAC
}

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       DUID
	}{
		{"colons", "00:01:00:01:2c:5e:10:0a:02:00:00:00:00:09", llt},
		{"hyphens", "00-01-00-01-2C-5E-10-0A-02-00-00-00-00-09", llt},
		{"no separators", "000100012c5e100a020000000009", llt},
		{"shortest", "00:03:01", DUID{0, 3, 1}},
		{"longest", strings.Repeat("ff", MaxLen), bytes.Repeat([]byte{0xff}, MaxLen)},
		{"unknown type", "ff:fe:01", DUID{0xff, 0xfe, 1}},
		{"known type of another length", "00:04:01", DUID{0, 4, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("DUID (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"R6925-1 empty", "", "has 0 octets, not 3 to 130"},
		{"type only", "00:04", "has 2 octets, not 3 to 130"},
		{"131 octets", strings.Repeat("ff", MaxLen+1), "has 131 octets, not 3 to 130"},
		{"separators mixed", "00:04-05", `"04-05" is no octet`},
		{"one digit", "0:4:5", `"0" is no octet`},
		{"three digits", "000:04:05", `"000" is no octet`},
		{"separator at the end", "00:04:05:", `"" is no octet`},
		{"odd digits", "0004055", "odd length"},
		{"no digit", "00:04:0g", "'g'"},
		{"space", "00 04 05", "' '"},
		{"name", "relay1", "'r'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, err := Parse(tt.text)
			if err == nil {
				t.Fatalf("Parse(%q) = %v, want an error", tt.text, d)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want it to say %q", err, tt.want)
			}
		})
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	d, other := New(), New()
	if len(d) != 18 || d[0] != 0 || d[1] != 4 || d[8]>>4 != 4 || d[10]>>6 != 2 {
		t.Errorf("New() = %v, want a DUID-UUID of version 4", d)
	}
	if bytes.Equal(d, other) {
		t.Errorf("New() = %v twice", d)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "00:03:01", "00-03-01", "000301", "0:3:1", llt.String(), New().String()} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := Parse(s)
		if err != nil {
			return
		}
		if len(d) < minLen || len(d) > MaxLen {
			t.Errorf("Parse(%q) = %d octets", s, len(d))
		}
		again, err := Parse(d.String())
		if err != nil || !bytes.Equal(d, again) {
			t.Errorf("Parse(%q) = %v, %v, want %v", d.String(), again, err, d)
		}
	})
}
