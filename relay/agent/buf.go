package agent

// Headroom is how many octets Relay6 needs at most in front of a message, for
// the header and the options that it puts there.
const Headroom = 1024

// A Buf holds one message in a store with room to grow at both ends, so that it
// is edited where it was received. The message is Store[Off:Off+Len].
type Buf struct {
	Store    []byte
	Off, Len int
}

// Bytes returns the message. Its capacity ends with the store.
func (b *Buf) Bytes() []byte { return b.Store[b.Off : b.Off+b.Len : len(b.Store)] }

// set notes that the message is now m, which lies at Off.
func (b *Buf) set(m []byte) { b.Len = len(m) }
