// Package capture reads UDP datagrams out of capture files, pcap and pcapng, with what
// the headers around each tell, and writes what the recorder kept as such files, from
// which what identifies clients may be blanked. It decides nothing, and reads nothing
// but what it is given.
package capture

import (
	"net/netip"
	"time"
)

// A Packet is one captured frame. If Skip is not Datagram there is no Payload, and
// Src and Dst are there only if the frame shows them.
type Packet struct {
	Number    int       // of the frame in the file, from 1, as Wireshark counts
	Time      time.Time // zero if the file does not say
	Interface string    // name of the capturing interface; "" if the file does not say
	Index     int       // kernel index of that interface; 0 if the file does not say
	VLANs     []uint16  // VLAN identifiers of the frame's tags, the outermost first
	MAC       []byte    // link-layer source, 6 octets; nil if the file does not say
	Outgoing  bool      // the capturing host sent it; false also if the file does not say
	Skip      Skip      // why there is no datagram

	Src, Dst netip.AddrPort
	Payload  []byte // of the datagram
}

// A Skip says why a frame holds no datagram that a host would hand to a program.
type Skip uint8

// The kinds of frames.
const (
	Datagram   Skip = iota // a whole UDP datagram
	Other                  // not UDP over IP
	Fragment               // a fragment of a UDP datagram
	CutOff                 // the capture holds a part of the frame only
	BadLength              // IP or UDP claim more octets than there are
	NoChecksum             // UDP over IPv6 without a checksum (RFC 8200, section 8.1)
	numSkips   = int(iota)
)

// String says in a sentence what a frame is, "" for a Datagram.
func (s Skip) String() string {
	return [numSkips]string{
		Datagram:   "",
		Other:      "it is not UDP over IP",
		Fragment:   "it is a fragment: the kernel hands a program the whole datagram alone",
		CutOff:     "the capture holds a part of it only; capture whole frames, with tcpdump -s 0",
		BadLength:  "its lengths claim more octets than there are, so the kernel drops it",
		NoChecksum: "it has no UDP checksum, so the kernel drops it (RFC 8200, section 8.1)",
	}[s]
}

// Options say how to write.
type Options struct {
	Names       func(index int) string  // names of interfaces, "" if it is not known; must not be nil
	Paths       map[netip.AddrPort]Path // how servers are reached, as far as that is known
	Redact      bool                    // blank what identifies clients; lengths stay
	Application string                  // what writes, such as "dhcp-relay 1.2.0"
}

// A Path is how the kernel's routes lead to a server.
type Path struct {
	Source netip.Addr // that it chooses for whoever names none
	Link   int        // index of the interface, 0 if several lead there
}
