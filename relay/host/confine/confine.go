// Package confine takes from this process what it does not need once it relays:
// capabilities, files and system calls, on all of its threads. What was taken cannot
// be had back, nor by a program that takes the place of this one. It does not know
// what the process is for.
package confine

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"sync"

	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// variable tells a program that takes the place of this one how it is confined.
const variable = "DHCP_RELAY_CONFINED"

// Needs are what the process goes on to need. What is not there to read is left out.
type Needs struct {
	Capabilities []cap.Value
	Read         []string // directories of files to read
	Files        []string // to read
	Write        []string // directories of files and sockets to make, read and remove; sockets alone, if it is yet to be made
	Run          string   // the program that may be run, with those beside it
	Group        string   // to which files are given, "" for none
	Listen       []uint16 // TCP ports
	BPF          bool     // the system call bpf
	Abstract     bool     // Unix sockets of other processes that have no path
}

// A State says how the process is confined. The zero value says that it is not.
type State struct {
	On         bool     // it was to be confined
	Former     bool     // the program before this one in the process was
	NoNewPrivs bool     // no program that it runs has more privileges
	Seccomp    bool     // system calls are filtered
	Landlock   int      // version of Landlock that bounds files, 0 if none does
	Missing    []string // what could not be done, and why
}

// A Box confines this process. Make one with Open; it is safe for concurrent use.
type Box struct {
	mu    sync.Mutex
	state State
	sums  []string // of the needs to which it is confined
}

// A will is what a program leaves to the one that takes its place.
type will struct {
	PID   int
	State State
	Sums  []string
}

// Open returns a box that knows how a former program in this process was confined.
func Open() *Box {
	b := new(Box)
	var w will
	if json.Unmarshal([]byte(os.Getenv(variable)), &w) == nil && w.PID == os.Getpid() {
		b.state, b.sums = w.State, w.Sums
		b.state.Former = true
	}
	_ = os.Unsetenv(variable) // it is of no use to others
	return b
}

// State returns how the process is confined.
func (b *Box) State() State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// Apply confines the process to what it needs, as far as this kernel can, and
// returns how it is. A second call can only take away more.
func (b *Box) Apply(n Needs) State {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state.On, b.state.Missing = true, nil
	sum := n.sum()
	if slices.Contains(b.sums, sum) {
		// Each layer makes each system call dearer, and there are 16 at most. What is
		// handed on by Leave is handed on again.
		b.step("capabilities given up", func() error { return keep(n.Capabilities) }, func() {})
		return b.state
	}
	b.sums = append(b.sums, sum)
	b.step("no new privileges", noNewPrivs, func() { b.state.NoNewPrivs = true })
	version := landlockVersion()
	b.step("in the group "+n.Group, func() error { return enter(n.Group) }, func() {})
	b.step("files bounded by Landlock", func() error { return n.boundFiles(version) }, func() { b.state.Landlock = version })
	b.step("capabilities given up", func() error { return keep(n.Capabilities) }, func() {})
	// The last one: those before need what it takes.
	b.step("system calls filtered by seccomp", n.filter, func() { b.state.Seccomp = true })
	return b.state
}

// step notes what cannot be done.
func (b *Box) step(what string, do func() error, done func()) {
	if err := do(); err != nil {
		b.state.Missing = append(b.state.Missing, fmt.Sprintf("%s: %v", what, err))
		return
	}
	done()
}

// Leave prepares that another program takes the place of this one: it gets the
// capabilities that are left, and env in its environment.
func (b *Box) Leave() (env []string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.sums) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(will{os.Getpid(), b.state, b.sums})
	if err != nil {
		return nil, err
	}
	return []string{variable + "=" + string(text)}, bequeath()
}

// sum identifies needs and what this version of the program makes of them.
func (n Needs) sum() string {
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Append(nil, n, allowed())))[:16]
}
