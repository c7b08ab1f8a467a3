package agent

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"

	"dhcp-relay/relay/text"
)

// Facts are what a Template can say of a link and of this host. Giaddr is the
// address that stands for the link's clients.
type Facts struct {
	Interface, Alias, Hostname string
	VLAN, Outer                uint16 // Outer: of the VLAN interface that the link is on, 0 if it is on none
	MAC                        []byte
	Giaddr                     netip.Addr
}

// appendPrintable appends at most limit octets of s, with '_' for each that is
// not printable ASCII.
func appendPrintable(dst []byte, s string, limit int) []byte {
	for i := range min(len(s), limit) {
		c := s[i]
		if unprintable(rune(c)) {
			c = '_'
		}
		dst = append(dst, c)
	}
	return dst
}

func appendInterface(dst []byte, f *Facts) []byte {
	return appendPrintable(dst, f.Interface, maxInterface)
}

func appendAlias(dst []byte, f *Facts) []byte {
	return appendPrintable(dst, f.Alias, maxText)
}

func appendHostname(dst []byte, f *Facts) []byte {
	return appendPrintable(dst, f.Hostname, maxText)
}

// A vlan is one of the VLANs of a link, 0 if it has none.
type vlan func(f *Facts) uint16

func innerTag(f *Facts) uint16 { return f.VLAN }

func outerTag(f *Facts) uint16 { return f.Outer }

// firstTag and secondTag are the VLANs of a frame on the wire.
func firstTag(f *Facts) uint16 {
	if f.Outer != 0 {
		return f.Outer
	}
	return f.VLAN
}

func secondTag(f *Facts) uint16 {
	if f.Outer != 0 {
		return f.VLAN
	}
	return 0
}

// text is a VLAN as a number.
func (of vlan) text() *form {
	return known(1, 5, false, func(dst []byte, f *Facts) []byte { return strconv.AppendUint(dst, uint64(of(f)), 10) })
}

// raw is a VLAN as two octets.
func (of vlan) raw() *form {
	return known(2, 2, true, func(dst []byte, f *Facts) []byte { return binary.BigEndian.AppendUint16(dst, of(f)) })
}

// digits is a VLAN as a number of four digits at least.
func (of vlan) digits() *form {
	return known(4, 5, false, func(dst []byte, f *Facts) []byte { return fmt.Appendf(dst, "%04d", of(f)) })
}

func appendColonVLAN(dst []byte, f *Facts) []byte {
	if f.VLAN == 0 {
		return dst
	}
	return fmt.Appendf(dst, ":%d", f.VLAN)
}

func appendColonVLANs(dst []byte, f *Facts) []byte {
	if f.Outer == 0 {
		return appendColonVLAN(dst, f)
	}
	return fmt.Appendf(dst, ":%d-%d", f.Outer, f.VLAN)
}

func appendMACPlain(dst []byte, f *Facts) []byte { return hex.AppendEncode(dst, mac(f)) }

func appendMAC(dst []byte, f *Facts) []byte { return text.AppendOctets(dst, mac(f)) }

func appendMACRaw(dst []byte, f *Facts) []byte { return append(dst, mac(f)...) }

func mac(f *Facts) []byte { return f.MAC[:min(len(f.MAC), maxMAC)] }

func appendGiaddr(dst []byte, f *Facts) []byte {
	if !f.Giaddr.Is4() {
		return dst
	}
	return f.Giaddr.AppendTo(dst)
}

func appendGiaddrRaw(dst []byte, f *Facts) []byte {
	if !f.Giaddr.Is4() {
		return dst
	}
	return append(dst, f.Giaddr.AsSlice()...)
}
