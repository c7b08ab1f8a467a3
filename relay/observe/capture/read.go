// Package capture reads UDP datagrams out of capture files, pcap and pcapng, with what
// the headers around each tell, and writes what the recorder kept as such files, from
// which what identifies clients may be blanked. It decides nothing, and reads nothing
// but what it is given.
package capture

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
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

// A Reader reads the frames of one file in turn. NewReader makes one; the zero
// value is not usable.
type Reader struct {
	next func() (data []byte, info gopacket.CaptureInfo, p Packet, link layers.LinkType, err error)
	n    int
}

// errFormat says that a file is no capture file.
var errFormat = errors.New("this is neither pcap nor pcapng; write such a file with tcpdump -w or Wireshark")

const (
	magicNG   = 0x0a0d0d0a // type of the first block of pcapng, the same in both byte orders
	magicGzip = 0x1f8b
)

// NewReader returns a Reader of a file in pcap or pcapng format, which may be
// compressed with gzip.
func NewReader(r io.Reader) (*Reader, error) {
	b := bufio.NewReader(r)
	if head, _ := b.Peek(2); len(head) == 2 && binary.BigEndian.Uint16(head) == magicGzip {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, errFormat
		}
		b = bufio.NewReader(z)
	}
	head, _ := b.Peek(4)
	if len(head) < 4 {
		return nil, errFormat
	}
	if binary.BigEndian.Uint32(head) == magicNG {
		return newNG(b)
	}
	return newClassic(b)
}

func newClassic(r io.Reader) (*Reader, error) {
	p, err := pcapgo.NewReader(r)
	if err != nil {
		return nil, errFormat
	}
	c := &Reader{}
	c.next = func() ([]byte, gopacket.CaptureInfo, Packet, layers.LinkType, error) {
		data, info, err := p.ReadPacketData()
		// The high bits tell of checksums at the end of frames.
		return data, info, Packet{}, p.LinkType() & 0xffff, err
	}
	return c, nil
}

func newNG(r io.Reader) (*Reader, error) {
	p, err := pcapgo.NewNgReader(r, pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true})
	if err != nil {
		return nil, errFormat
	}
	c := &Reader{}
	c.next = func() (data []byte, info gopacket.CaptureInfo, k Packet, link layers.LinkType, err error) {
		data, info, opts, err := p.ReadPacketDataWithOptions()
		if err != nil {
			return data, info, k, 0, err
		}
		i, err := p.Interface(info.InterfaceIndex)
		k.Interface = i.Name
		k.Outgoing = opts.Flags != nil && opts.Flags.Direction == pcapgo.NgEpbFlagDirectionOutbound
		return data, info, k, i.LinkType, err
	}
	return c, nil
}

// Next returns the next frame, or io.EOF after the last. Another error names the
// frame; nothing can be read after it.
func (r *Reader) Next() (Packet, error) {
	data, info, p, link, err := r.next()
	if errors.Is(err, io.EOF) && info.CaptureLength == 0 {
		return Packet{}, io.EOF
	}
	r.n++
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Packet{}, fmt.Errorf("frame %d: the file ends in the middle of it; capture again, or keep the frames before with editcap", r.n)
	case err != nil:
		return Packet{}, fmt.Errorf("frame %d: the file is damaged: %w; capture again, or keep the frames before with editcap", r.n, err)
	}
	p.Number, p.Time = r.n, info.Timestamp
	if !p.decode(data, info.Length > len(data), link) {
		return Packet{}, fmt.Errorf("frame %d: link type %d cannot be read; capture on Ethernet, or with tcpdump -i any", r.n, link)
	}
	return p, nil
}
