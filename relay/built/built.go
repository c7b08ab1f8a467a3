// Package built says what is left out of this program: the build tag small leaves out
// what a router of 64 MiB can do without. It decides nothing else.
package built

import "fmt"

// SendBuffers is how large a send buffer may be, in MiB.
const SendBuffers = 8

// A Part is one that a small program lacks.
type Part string

// The parts.
const (
	Captures Part = "the part that reads and writes capture files (record, SIGUSR1, explain FILE)"
	Import   Part = "the command import"
	Serving  Part = "the status page and the metrics on [metrics] listen"
)

// Lacks returns the parts that this program lacks.
func Lacks() []Part {
	if Small {
		return []Part{Serving, Captures, Import}
	}
	return nil
}

// A Lacking is the error that a part was left out.
type Lacking struct{ Part Part }

// Error says what is left out, and what to do instead.
func (l Lacking) Error() string {
	return fmt.Sprintf("this program was built small, without %s; use the whole program, on another host if this one has no room for it", string(l.Part))
}
