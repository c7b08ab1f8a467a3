package http

import (
	"crypto/rand"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/capture"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/observe/transaction"
)

// A Source is the relay that is watched.
type Source interface {
	Recorder() *recorder.Log // nil: it records nothing
	LinkName(index int) string
	Paths() map[netip.AddrPort]capture.Path
}

// kept is how many transactions are held to be asked for.
const kept = 5000

// ErrRecorderOff says that there is no recorder to read.
var ErrRecorderOff = errors.New("the flight recorder is off; set recorder.messages to more than 0, such as 1000, and restart the daemon")

// A Recording answers, from what the recorder of a relay kept, what happened to
// messages: as transactions, as a stream of what happens now, and as a capture file. It
// reads copies and keeps nobody waiting but who asked. It is safe for concurrent use.
type Recording struct {
	source Source
	name   string // of what writes captures
	pseudo *transaction.Redactor
	redact atomic.Bool

	mu     sync.Mutex // for Last: what was read so far
	log    *recorder.Log
	reader *recorder.Reader
	joined *transaction.Joiner
	hidden bool
}

// NewRecording returns the Recording of a relay. application is what captures say that they were
// written by, such as "dhcp-relay 1.2.0". With redact, clients have pseudonyms
// that hold until the process ends, and captures are blanked.
func NewRecording(s Source, application string, redact bool) *Recording {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	v := &Recording{source: s, name: application, pseudo: transaction.NewRedactor(key)}
	v.redact.Store(redact)
	return v
}

// SetRedact changes whether clients are shown, from now on.
func (v *Recording) SetRedact(on bool) { v.redact.Store(on) }

// Redacts reports whether clients' identifiers are not shown.
func (v *Recording) Redacts() bool { return v.redact.Load() }

// options returns how transactions are made now.
func (v *Recording) options(redact bool) transaction.Options {
	o := transaction.Options{Names: v.source.LinkName, Keep: kept}
	if redact {
		o.Redact = v.pseudo
	}
	return o
}

// Last returns the last n transactions that the filter lets pass, oldest first;
// none if nothing is recorded. It reads only what is new since the last call.
func (v *Recording) Last(f transaction.Filter, n int) []api.Transaction {
	v.mu.Lock()
	defer v.mu.Unlock()
	log, redact := v.source.Recorder(), v.redact.Load()
	if v.reader == nil || log != v.log || redact != v.hidden {
		v.log, v.reader, v.hidden = log, log.Reader(), redact
		v.joined = transaction.NewJoiner(v.options(redact))
	}
	ms, _ := v.reader.Read()
	for i := range ms {
		v.joined.Add(&ms[i])
	}
	return v.joined.Last(time.Now(), f, n)
}
