package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"dhcp-relay/relay/host/confine"
	"dhcp-relay/relay/host/fdstore"
	"dhcp-relay/relay/observe/status"
)

// keptNote is the name under which a process leaves a note to the next one.
const keptNote = "note"

// maxNote bounds a note, in octets.
const maxNote = 4096

// A note says who has left sockets.
type note struct {
	PID     int       `json:"pid"`
	Version string    `json:"version"`
	Ended   time.Time `json:"ended"` // zero: it was killed
}

// inherit has the process take over what a former one has left, and leave the same.
func (p *process) inherit(store *fdstore.Store) {
	p.store = store
	p.engine.Inherit(store)
	p.former = readNote(store)
	store.Forget(keptNote)
	fd, err := unix.MemfdCreate("dhcp-relay note", unix.MFD_CLOEXEC)
	if err != nil {
		p.log.Debug("the next process is told nothing of this one", "err", err)
		return
	}
	p.note = os.NewFile(uintptr(fd), keptNote)
	p.write(note{PID: os.Getpid(), Version: p.version})
	if err := store.Keep(keptNote, fd); err != nil {
		p.log.Debug("the next process is told nothing of this one", "err", err)
	}
}

// readNote returns the former process's note, nil if there is none that can be read.
func readNote(store *fdstore.Store) (n *note) {
	for _, f := range store.Take(keptNote) {
		b, err := io.ReadAll(io.NewSectionReader(f, 0, maxNote))
		_ = f.Close() // it was only read
		var one note
		if err == nil && json.Unmarshal(b, &one) == nil && one.PID > 0 {
			n = &one
		}
	}
	return n
}

// write writes the note for the next process. What cannot be written is not told.
func (p *process) write(n note) {
	b, err := json.Marshal(n)
	if err != nil || p.note == nil {
		return
	}
	_ = p.note.Truncate(0)
	_, _ = p.note.WriteAt(b, 0)
}

// leave tells the next process that this one has ended in order.
func (p *process) leave() {
	if p.note != nil {
		p.write(note{PID: os.Getpid(), Version: p.version, Ended: time.Now()})
		_ = p.note.Close() // the store has it
	}
}

// takeover tells whose sockets were taken over, nil if none were.
func (p *process) takeover() *status.Takeover {
	adopted, all := p.engine.Adopted()
	if adopted == 0 {
		return nil
	}
	t := &status.Takeover{Sockets: adopted, Of: all}
	if f := p.former; f != nil {
		t.PID, t.Version = f.PID, f.Version
		if !f.Ended.IsZero() {
			t.Gap = max(0, p.started.Sub(f.Ended).Seconds())
		}
	}
	return t
}

// tellTakeover logs whose sockets were taken over.
func (p *process) tellTakeover() {
	if t := p.takeover(); t != nil {
		p.log.Info("sockets taken over, with what waited in them", "sockets", t.Sockets, "of", t.Of, "from_pid", t.PID, "from_version", t.Version)
	}
}

// A successor is a program that is to take the place of this one. As an error it
// says why the process ends.
type successor struct{ path string }

func (s *successor) Error() string { return s.path + " takes its place" }

// run runs the successor in this process. It returns only if that fails.
func (s *successor) run(store *fdstore.Store, box *confine.Box) error {
	env, err := box.Leave()
	if err != nil {
		return fmt.Errorf("leave it the capabilities: %w", err)
	}
	// Until it listens to them, they would end it.
	signal.Ignore(syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	return store.Replace(s.path, os.Args, append(os.Environ(), env...))
}

// checkTime bounds how long a successor may look at the configuration.
const checkTime = 30 * time.Second

// replaces makes place for the program file as it is then, at each signal, if that
// takes the configuration.
func (p *process) replaces(ctx context.Context, usr2 <-chan os.Signal, end context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-usr2:
		}
		path, err := p.findSuccessor(ctx)
		if err == nil {
			p.log.Info("the program file takes the place of this process", "program", path)
			p.notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
			end(&successor{path})
			return
		}
		p.log.Error("the program file cannot take the place of this process", "err", err)
	}
}

// programFile returns where the program was started from.
func programFile() (string, error) {
	if path := os.Args[0]; strings.Contains(path, "/") {
		return path, nil
	}
	return exec.LookPath(os.Args[0])
}

// findSuccessor returns the program file, once that has found the configuration good.
func (p *process) findSuccessor(ctx context.Context) (path string, err error) {
	if path, err = programFile(); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "check", "--config", p.file).CombinedOutput() //nolint:gosec // G204: it is this program
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		return "", fmt.Errorf("%s check --config %s: %w: %s", path, p.file, err, strings.TrimSpace(string(out)))
	}
	return path, p.barred(err)
}
