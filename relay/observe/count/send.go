package count

import (
	"syscall"

	"dhcp-relay/relay/senderror"
)

// errors counts errors of sending towards one side.
type errors [senderror.NumErrors]Counter

func (e *errors) inc(errno syscall.Errno) { e[senderror.Of(errno)].Inc() }

// A SendError is how often the kernel refused to send for one reason.
type SendError struct {
	Error   senderror.Error
	Towards senderror.Towards
	Count   uint64
}

// SendErrors returns the errors that have happened.
func (t *Table) SendErrors() (all []SendError) {
	for to := range t.errors {
		for e := range t.errors[to] {
			if n := t.errors[to][e].Value(); n > 0 {
				all = append(all, SendError{senderror.Error(e), senderror.Towards(to), n})
			}
		}
	}
	return all
}
