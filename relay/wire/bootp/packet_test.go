package bootp

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// header is the fixed part of a message in which every field has a value of its
// own; sname and file hold text.
func header() Packet {
	p := Packet(slices.Concat(
		[]byte{2, 1, 6, 3},             // op, htype, hlen, hops
		[]byte{0xde, 0xad, 0xbe, 0xef}, // xid
		[]byte{0x01, 0x02},             // secs
		[]byte{0x80, 0x00},             // flags: B
		[]byte{192, 0, 2, 50},          // ciaddr
		[]byte{192, 0, 2, 51},          // yiaddr
		[]byte{198, 51, 100, 7},        // siaddr
		[]byte{192, 0, 2, 1},           // giaddr
		[]byte{2, 0, 0, 0, 0, 9, 0xaa}, // chaddr, and an octet beyond hlen
		make([]byte, 9),                // chaddr, unused
		fill("sname", 64),              // sname
		fill("file", 128),              // file
	))
	return p
}

// fill returns n octets: text, then zero octets.
func fill(text string, n int) []byte {
	return append([]byte(text), make([]byte, n-len(text))...)
}

// message is header, the cookie, and the parts of an options field.
func message(options ...[]byte) Packet {
	return append(append(header(), 99, 130, 83, 99), slices.Concat(options...)...)
}

func TestPacketFields(t *testing.T) {
	t.Parallel()
	p := header()
	type fields struct {
		Op, Htype, Hlen, Hops          byte
		Xid                            uint32
		Secs, Flags                    uint16
		Broadcast                      bool
		Ciaddr, Yiaddr, Siaddr, Giaddr string
		Chaddr                         []byte
	}
	want := fields{
		Op: Reply, Htype: 1, Hlen: 6, Hops: 3,
		Xid: 0xdeadbeef, Secs: 0x0102, Flags: 0x8000, Broadcast: true,
		Ciaddr: "192.0.2.50", Yiaddr: "192.0.2.51", Siaddr: "198.51.100.7", Giaddr: "192.0.2.1",
		Chaddr: []byte{2, 0, 0, 0, 0, 9},
	}
	got := fields{
		Op: p.Op(), Htype: p.Htype(), Hlen: p.Hlen(), Hops: p.Hops(),
		Xid: p.Xid(), Secs: p.Secs(), Flags: p.flags(), Broadcast: p.Broadcast(),
		Ciaddr: p.Ciaddr().String(), Yiaddr: p.Yiaddr().String(),
		Siaddr: p.addr(offSiaddr).String(), Giaddr: p.Giaddr().String(),
		Chaddr: p.Chaddr(),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

func TestPacketBroadcast(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		flags [2]byte
		want  bool
	}{
		{"none", [2]byte{0x00, 0x00}, false},
		{"B", [2]byte{0x80, 0x00}, true},
		{"B and reserved bits", [2]byte{0xff, 0xff}, true},
		{"reserved bits only", [2]byte{0x7f, 0xff}, false},
		{"B in the wrong octet", [2]byte{0x00, 0x80}, false},
	}
	for _, tt := range tests {
		p := header()
		copy(p[offFlags:], tt.flags[:])
		if got := p.Broadcast(); got != tt.want {
			t.Errorf("%s: Broadcast() = %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestPacketChaddr(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		hlen byte
		want int
	}{
		{"none", 0, 0},
		{"one octet", 1, 1},
		{"Ethernet", 6, 6},
		{"whole field", 16, 16},
		{"one beyond the field", 17, 16},
		{"far beyond the field", 255, 16},
	}
	for _, tt := range tests {
		p := header()
		p[offHlen] = tt.hlen
		want := []byte(p[offChaddr : offChaddr+tt.want])
		if diff := cmp.Diff(want, p.Chaddr()); diff != "" {
			t.Errorf("%s: Chaddr (-want +got):\n%s", tt.name, diff)
		}
		if got := cap(p.Chaddr()); got != tt.want {
			t.Errorf("%s: an append to the view would overwrite the message: capacity %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestPacketSetters(t *testing.T) {
	t.Parallel()
	p := header()
	want := slices.Clone(p)
	want[3] = 16
	copy(want[24:28], []byte{203, 0, 113, 1})

	p.SetHops(16)
	p.SetGiaddr(netip.MustParseAddr("203.0.113.1"))
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
}

func TestPacketValid(t *testing.T) {
	t.Parallel()
	badCookie := message()
	badCookie[239] = 98
	tests := []struct {
		name        string
		p           Packet
		valid, dhcp bool
	}{
		{"nil", nil, false, false},
		{"one octet short of a header", header()[:235], false, false},
		{"header", header(), true, false},
		{"a part of the cookie", message()[:239], true, false},
		{"cookie and no option", message(), true, true},
		{"wrong cookie", badCookie, true, false},
		{"R2131-20 vend field all zero", append(header(), make([]byte, 64)...), true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.p.Valid(); got != tt.valid {
				t.Errorf("Valid() = %v, want %v", got, tt.valid)
			}
			if got := tt.p.DHCP(); got != tt.dhcp {
				t.Errorf("DHCP() = %v, want %v", got, tt.dhcp)
			}
		})
	}
}

func TestTypeString(t *testing.T) {
	t.Parallel()
	want := []string{
		"bootp", "discover", "offer", "request", "decline", "ack", "nak", "release", "inform",
		"forcerenew", "leasequery", "leaseunassigned", "leaseunknown", "leaseactive",
		"bulkleasequery", "leasequerydone", "activeleasequery", "leasequerystatus", "tls",
		"unknown",
	}
	var got []string
	for typ := range Type(len(want)) {
		got = append(got, typ.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if got := Type(255).String(); got != "unknown" {
		t.Errorf("Type(255) = %q, want unknown", got)
	}
}

func TestChaddrWordsAreTheAddressAlone(t *testing.T) {
	t.Parallel()
	for hlen := range 256 {
		p := make(Packet, HeaderLen)
		for i := range p {
			p[i] = byte(0x80 + i)
		}
		p[offHlen] = byte(hlen)
		var want [maxHlen]byte
		copy(want[:], p.Chaddr())
		first, second := p.ChaddrWords()
		var got [maxHlen]byte
		binary.LittleEndian.PutUint64(got[:], first)
		binary.LittleEndian.PutUint64(got[8:], second)
		if got != want {
			t.Errorf("hlen %d: %x, want %x", hlen, got, want)
		}
	}
}
