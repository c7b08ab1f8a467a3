//go:build !small

package capture

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

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

// Copy copies a pcapng file, and counts the packets that are in it.
func Copy(w io.Writer, file io.Reader) (packets int, octets int64, err error) {
	counted := &counter{Writer: w}
	// Each message has an interface of its own.
	r, err := pcapgo.NewNgReader(io.TeeReader(file, counted), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	for err == nil {
		if _, _, err = r.ZeroCopyReadPacketData(); err == nil {
			packets++
		}
	}
	if errors.Is(err, io.EOF) && r != nil {
		_, err = io.Copy(counted, file) // the reader takes every error between two packets for the end
	}
	return packets, counted.octets, err
}

// A counter counts what is written.
type counter struct {
	io.Writer
	octets int64
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.octets += int64(n)
	return n, err
}
