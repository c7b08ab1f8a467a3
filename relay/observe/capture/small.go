//go:build small

package capture

import (
	"io"

	"dhcp-relay/relay/built"
	"dhcp-relay/relay/observe/recorder"
)

// A Reader reads nothing in a small program.
type Reader struct{}

// NewReader says that nothing can be read.
func NewReader(io.Reader) (*Reader, error) { return nil, built.Lacking{Part: built.Captures} }

// Next says that nothing can be read.
func (*Reader) Next() (Packet, error) { return Packet{}, built.Lacking{Part: built.Captures} }

// Write says that nothing can be written.
func Write(io.Writer, []recorder.Message, Options) error {
	return built.Lacking{Part: built.Captures}
}

// Copy says that nothing can be read.
func Copy(io.Writer, io.Reader) (packets int, octets int64, err error) {
	return 0, 0, built.Lacking{Part: built.Captures}
}
