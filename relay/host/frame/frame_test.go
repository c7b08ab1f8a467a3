package frame

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func example() *header {
	return &header{
		to:   [6]byte{0x02, 0, 0, 0, 0, 0x50},
		from: [6]byte{0x02, 0, 0, 0, 0, 0x01},
		src:  netip.MustParseAddrPort("192.0.2.1:67"),
		dst:  netip.MustParseAddrPort("192.0.2.50:68"),
		id:   0xffff1234, // the upper half is none of IPv4's
	}
}

func frameOf(h *header, payload []byte) []byte {
	f := make([]byte, sizeHeaders+len(payload))
	for i := range f {
		f[i] = 0xaa // what an earlier frame has left
	}
	copy(f[sizeHeaders:], payload)
	putHeaders(f, h)
	return f
}

func TestPutHeaders(t *testing.T) {
	want := []byte{
		0x02, 0, 0, 0, 0, 0x50, // Ethernet destination
		0x02, 0, 0, 0, 0, 0x01, // source
		0x08, 0x00, // IPv4

		0x45, 0x00, 0x00, 0x1f, // version, IHL, TOS; 31 octets
		0x12, 0x34, 0x00, 0x00, // identification; no flags, no offset
		0x40, 0x11, 0xe4, 0x66, // TTL 64, UDP, checksum
		192, 0, 2, 1,
		192, 0, 2, 50,

		0x00, 0x43, 0x00, 0x44, // ports 67, 68
		0x00, 0x0b, 0x73, 0x1c, // 11 octets, checksum

		2, 1, 6, // payload of an odd length
	}
	if diff := cmp.Diff(want, frameOf(example(), []byte{2, 1, 6})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// words adds up as RFC 1071, section 1 says, 16 bits at a time.
func words(b []byte) uint16 {
	var s uint32
	for i := 0; i < len(b); i += 2 {
		w := uint32(b[i]) << 8
		if i+1 < len(b) {
			w |= uint32(b[i+1])
		}
		s += w
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// checkSums fails unless both checksums of a frame are right and present.
func checkSums(t interface {
	Helper()
	Errorf(string, ...any)
}, f []byte,
) {
	t.Helper()
	if s := words(f[offIP:offUDP]); s != 0xffff {
		t.Errorf("IPv4 header adds up to %#x, want 0xffff", s)
	}
	udp := f[offUDP:]
	pseudo := append([]byte{}, f[offIP+12:offUDP]...) // addresses
	pseudo = append(pseudo, 0, protocolUDP)
	pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(udp)))
	if s := words(append(pseudo, udp...)); s != 0xffff {
		t.Errorf("UDP datagram adds up to %#x, want 0xffff", s)
	}
	if binary.BigEndian.Uint16(udp[6:]) == 0 {
		t.Errorf("UDP checksum is 0, which says that there is none")
	}
}

func TestChecksumsOfAnyPayload(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := example()
		h.id = rapid.Uint32().Draw(t, "id")
		h.dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "dst"))), 68)
		checkSums(t, frameOf(h, rapid.SliceOfN(rapid.Byte(), 0, 1500).Draw(t, "payload")))
	})
}

func TestR1122_2_ChecksumOf0IsSentAs0xffff(t *testing.T) {
	f := frameOf(example(), []byte{0, 0})
	c := binary.BigEndian.Uint16(f[offUDP+6:])
	// With its own checksum for payload, a datagram adds up to 0.
	f = frameOf(example(), binary.BigEndian.AppendUint16(nil, c))
	if got := binary.BigEndian.Uint16(f[offUDP+6:]); got != 0xffff {
		t.Errorf("checksum %#x, want 0xffff", got)
	}
	checkSums(t, f)
}
