//go:build !small

package capture

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// hopLimit is the TTL of what is rebuilt: the recorder does not know the true one.
const hopLimit = 64

// headersOf returns the octets of the headers in front of a payload that goes to
// an address (RFC 791, section 3.1; RFC 8200, section 3).
func headersOf(dst netip.Addr) int {
	if dst.Is4() {
		return 20 + headerUDP
	}
	return headerIPv6 + headerUDP
}

// sizeCooked is the size of a cooked header, see Packet.cooked.
const sizeCooked = 16

// Packet types of cooked headers.
const (
	toThisHost = 0
	toAll      = 1
	toGroup    = 2
)

const ethernetARPHRD = 1

// cooked returns a cooked header without a link-layer address.
func cooked(out bool, dst netip.Addr) (h [sizeCooked]byte) {
	typ := uint16(toThisHost)
	switch {
	case out:
		typ = packetOutgoing
	case dst == broadcast():
		typ = toAll
	case dst.IsMulticast():
		typ = toGroup
	}
	ether := uint16(typeIPv4)
	if dst.Is6() {
		ether = typeIPv6
	}
	binary.BigEndian.PutUint16(h[0:], typ)
	binary.BigEndian.PutUint16(h[2:], ethernetARPHRD)
	binary.BigEndian.PutUint16(h[14:], ether)
	return h
}

// datagram returns the payload with a cooked, an IP and a UDP header. Of a payload of
// size octets it may be but the beginning.
func datagram(cooked [sizeCooked]byte, src, dst netip.AddrPort, payload []byte, size int) ([]byte, error) {
	udp := layers.UDP{SrcPort: layers.UDPPort(src.Port()), DstPort: layers.UDPPort(dst.Port()), Length: uint16(headerUDP + size)}
	from, to := addresses(src.Addr(), dst.Addr())
	var ip interface {
		gopacket.SerializableLayer
		gopacket.NetworkLayer
	}
	if dst.Addr().Is4() {
		ip = &layers.IPv4{
			Version: 4, IHL: 5, Length: uint16(headersOf(dst.Addr()) + size), TTL: hopLimit, Protocol: layers.IPProtocolUDP,
			SrcIP: from, DstIP: to,
		}
	} else {
		ip = &layers.IPv6{Version: 6, Length: udp.Length, HopLimit: hopLimit, NextHeader: layers.IPProtocolUDP, SrcIP: from, DstIP: to}
		// The checksum of what was cut is not known, and over IPv6 there must be
		// one (RFC 8200, section 8.1).
		udp.Checksum = 0xffff
	}
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		return nil, err
	}
	b := gopacket.NewSerializeBufferExpectedSize(headersOf(dst.Addr()), len(payload))
	if err := gopacket.Payload(payload).SerializeTo(b, gopacket.SerializeOptions{}); err != nil {
		return nil, err
	}
	if err := udp.SerializeTo(b, gopacket.SerializeOptions{ComputeChecksums: len(payload) == size}); err != nil {
		return nil, err
	}
	if err := ip.SerializeTo(b, gopacket.SerializeOptions{ComputeChecksums: true}); err != nil {
		return nil, err
	}
	return slices.Concat(cooked[:], b.Bytes()), nil
}

// addresses returns the octets of both, in the family of the destination.
func addresses(src, dst netip.Addr) (from, to []byte) {
	if src.Is4() != dst.Is4() {
		src = netip.IPv6Unspecified()
		if dst.Is4() {
			src = netip.IPv4Unspecified()
		}
	}
	return src.AsSlice(), dst.AsSlice()
}
