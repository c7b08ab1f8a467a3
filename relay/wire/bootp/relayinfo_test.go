package bootp

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestR3046_20_RelayInfoValid(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		r    RelayInfo
		want bool
	}{
		{"circuit ID", RelayInfo{SubCircuitID, 3, 'v', 'l', '1'}, true},
		{"circuit ID and remote ID", relayInf[2:], true},
		{"any order", RelayInfo{SubRemoteID, 1, 'r', SubCircuitID, 1, 'c'}, true},
		{"one empty suboption", RelayInfo{SubCircuitID, 0}, true},
		{"empty suboption last", RelayInfo{SubCircuitID, 1, 'c', SubSourcePort, 0}, true},
		{"a suboption twice", RelayInfo{SubCircuitID, 1, 'a', SubCircuitID, 1, 'b'}, true},
		{"unknown suboption", RelayInfo{200, 1, 0}, true},
		{"suboption 0 has a length like others", RelayInfo{0, 2, 'a', 'b'}, true},
		{"suboption 255 has a length like others", RelayInfo{255, 1, 'a'}, true},
		{"longest suboption", append(RelayInfo{SubVendor, 255}, make([]byte, 255)...), true},
		{"RFC 3396 longer than one option", append(RelayInfo{SubVendor, 255}, make([]byte, 257)...), true},

		{"nil", nil, false},
		{"empty", RelayInfo{}, false},
		{"code only", RelayInfo{SubCircuitID}, false},
		{"one octet short", RelayInfo{SubCircuitID, 3, 'v', 'l'}, false},
		{"length 255 in a short option", RelayInfo{SubCircuitID, 255, 'v', 'l', '1'}, false},
		{"second suboption without its length", RelayInfo{SubCircuitID, 1, 'c', SubRemoteID}, false},
		{"second suboption overruns", RelayInfo{SubCircuitID, 1, 'c', SubRemoteID, 2, 'r'}, false},
		{"terminated by 255", RelayInfo{SubCircuitID, 1, 'c', 255}, false},
		{"one octet of padding", RelayInfo{SubCircuitID, 1, 'c', 0}, false},
	}
	for _, tt := range tests {
		if got := tt.r.Valid(); got != tt.want {
			t.Errorf("%s: Valid() = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestRelayInfoSub(t *testing.T) {
	t.Parallel()
	broken := RelayInfo{SubCircuitID, 1, 'c', SubRemoteID, 9, 'r', SubLinkSelection, 0}
	tests := []struct {
		name string
		r    RelayInfo
		code byte
		want []byte
		ok   bool
	}{
		{"first", relayInf[2:], SubCircuitID, []byte("vlan10"), true},
		{"second", relayInf[2:], SubRemoteID, []byte("rem1"), true},
		{"absent", relayInf[2:], SubLinkSelection, nil, false},
		{"the first of two", RelayInfo{1, 1, 'a', 1, 1, 'b'}, 1, []byte("a"), true},
		{"empty", RelayInfo{SubSourcePort, 0, SubFlags, 1, 0}, SubSourcePort, []byte{}, true},
		{"after an empty one", RelayInfo{SubSourcePort, 0, SubFlags, 1, 0x80}, SubFlags, []byte{0x80}, true},
		{"code within a value", RelayInfo{SubVendor, 3, SubVSS, 1, 'x'}, SubVSS, nil, false},
		{"before one that is cut off", broken, SubCircuitID, []byte("c"), true},
		{"cut off", broken, SubRemoteID, nil, false},
		{"after one that is cut off", broken, SubLinkSelection, nil, false},
		{"no suboption", nil, SubCircuitID, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := tt.r.Sub(tt.code)
			if ok != tt.ok {
				t.Errorf("Sub(%d): %v, want %v", tt.code, ok, tt.ok)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAppendSub(t *testing.T) {
	t.Parallel()
	got := AppendSub([]byte{OptionRelay, 0}, SubCircuitID, []byte("vlan10"))
	got = AppendSub(got, SubSourcePort, nil)
	got = AppendSub(got, SubRemoteID, []byte("r"))
	want := []byte{
		OptionRelay, 0, // left to the caller
		SubCircuitID, 6, 'v', 'l', 'a', 'n', '1', '0',
		SubSourcePort, 0,
		SubRemoteID, 1, 'r',
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("suboptions (-want +got):\n%s", diff)
	}

	longest := bytes.Repeat([]byte{7}, 255)
	if diff := cmp.Diff(append([]byte{SubVendor, 255}, longest...), AppendSub(nil, SubVendor, longest)); diff != "" {
		t.Errorf("longest suboption (-want +got):\n%s", diff)
	}
}

func TestAppendSubPanicsOnLongValue(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("256 octets were accepted")
		}
	}()
	AppendSub(nil, SubVendor, make([]byte, 256))
}
