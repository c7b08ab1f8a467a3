package bootp

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The cases that ISC dhcrelay tests its own adding and stripping of option 82
// with, in messages of the same form. Its option 53 has no value.
var (
	iscType  = []byte{OptionMessageType, 0}
	iscOther = []byte{66, 2, 0, 16, 67, 0} // an option of 2 octets, and an empty one
	iscOld   = []byte{
		OptionRelay, 8, // of another relay
		SubCircuitID, 6, 'e', 't', 'h', '0', '.', '7',
	}
	iscNew = []byte{
		OptionRelay, 16,
		SubCircuitID, 6, 1, 2, 3, 4, 5, 6,
		SubRemoteID, 6, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66,
	}
)

// strip does what a relay does with a reply.
func strip(t *testing.T, p Packet) Packet {
	t.Helper()
	l, ok := p.Scan()
	if !ok {
		t.Fatal("Scan refused the message")
	}
	p, ok = p.RemoveAll(&l).Pad(MinLen)
	if !ok {
		t.Fatal("Pad found no room")
	}
	return p
}

func TestISCStrip(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		p    Packet
	}{
		{"8 octets", message(iscType, iscOld, iscOther)},
		{"0 octets", message(iscType, relayNil, iscOther)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := padded(message(iscType, iscOther), MinLen)
			if diff := cmp.Diff(want, strip(t, roomy(tt.p, 64))); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestISCReplace(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		p    Packet
	}{
		{"8 octets", message(iscType, iscOld, iscOther)},
		{"0 octets", message(iscType, relayNil, iscOther)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := roomy(tt.p, 64)
			l, ok := p.Scan()
			if !ok {
				t.Fatal("Scan refused the message")
			}
			p = p.RemoveAll(&l)
			l, ok = p.Scan()
			if !ok {
				t.Fatal("Scan refused the stripped message")
			}
			p, inserted := p.Insert(&l, iscNew)
			p, room := p.Pad(MinLen)
			if !inserted || !room {
				t.Fatalf("Insert: %v, Pad: %v", inserted, room)
			}
			want := padded(message(iscType, iscOther, iscNew, end), MinLen)
			if diff := cmp.Diff(want, p); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestISCOverrun(t *testing.T) {
	t.Parallel()
	options := slices.Concat(iscType, relayNil, iscOther)
	options = append(options, bytes.Repeat([]byte{0xfe}, 4095-OptionsOffset-len(options))...)
	if l, ok := message(options).Scan(); ok {
		t.Errorf("Scan took a message whose last option overruns it: %+v", l)
	}
}

func TestISCEmpty(t *testing.T) {
	t.Parallel()
	var p Packet
	if p.Valid() || p.DHCP() {
		t.Error("an empty message passes for BOOTP")
	}
	if l, ok := p.Scan(); ok {
		t.Errorf("Scan took an empty message: %+v", l)
	}
}
