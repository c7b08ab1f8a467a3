// Package fdstore keeps descriptors open beyond the end of this process. Systemd,
// or another supervisor that speaks its protocol, holds them (FDSTORE=1 on
// NOTIFY_SOCKET) and hands them to the next process (LISTEN_FDS); so does this
// process to a program that takes its place. It does not know what they are for.
package fdstore

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// variable names the descriptors that a program has left to the one that takes its
// place: the process's number, and for each descriptor its number and name.
const variable = "DHCP_RELAY_DESCRIPTORS"

// timeout is how long the supervisor may take to read what it is told.
const timeout = 2 * time.Second

// A Store holds descriptors under names: printable ASCII without colon, at most
// 255 octets. Several may have one name. It is safe for concurrent use.
type Store struct {
	supervisor string // its socket, "" if there is none

	mu   sync.Mutex
	left map[string][]*os.File // of the former process, and not taken yet
	kept map[string][]int      // copies of what is kept
}

// Open returns a store with what a former process has left.
func Open() *Store {
	s := &Store{supervisor: os.Getenv("NOTIFY_SOCKET"), left: make(map[string][]*os.File), kept: make(map[string][]int)}
	for _, f := range append(activation.Files(true), inPlace()...) {
		if !slices.ContainsFunc(s.left[f.Name()], func(o *os.File) bool { return same(f, o) }) {
			s.left[f.Name()] = append(s.left[f.Name()], f)
			continue
		}
		_ = f.Close() // the other one is the same
	}
	return s
}

// same reports whether two descriptors are of one open file.
func same(a, b *os.File) bool {
	x, xerr := a.Stat()
	y, yerr := b.Stat()
	return xerr == nil && yerr == nil && os.SameFile(x, y)
}

// inPlace returns what the program has left that ran in this process before.
func inPlace() (fs []*os.File) {
	all := strings.Split(os.Getenv(variable), ":")
	_ = os.Unsetenv(variable) // it is of no use to others
	if all[0] != strconv.Itoa(os.Getpid()) {
		return nil
	}
	for _, one := range all[1:] {
		number, name, ok := strings.Cut(one, "=")
		fd, err := strconv.Atoi(number)
		if !ok || err != nil || fd < 3 {
			continue
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err == nil {
			fs = append(fs, os.NewFile(uintptr(fd), name))
		}
	}
	return fs
}

// Take returns what a former process has left under a name. It is the caller's to
// close.
func (s *Store) Take(name string) []*os.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	fs := s.left[name]
	delete(s.left, name)
	return fs
}

// Rest closes and forgets what was not taken, and returns its names.
func (s *Store) Rest() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, fs := range s.left {
		names = append(names, name)
		for _, f := range fs {
			_ = f.Close() // nothing was written to it
		}
		_ = s.tell("FDSTOREREMOVE=1\nFDNAME="+name, -1) // the next start finds it superfluous again
	}
	clear(s.left)
	slices.Sort(names)
	return names
}

// Keep has a descriptor stay open. The error says that the supervisor could not be
// told; a program that takes the place of this one gets it nevertheless.
func (s *Store) Keep(name string, fd int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	s.kept[name] = append(s.kept[name], own)
	// Not polled: the kernel reports an error for each map of BPF, and systemd would
	// drop it at once.
	if err := s.tell("FDSTORE=1\nFDPOLL=0\nFDNAME="+name, fd); err != nil {
		return fmt.Errorf("keep %s: %w", name, err)
	}
	return nil
}

// Forget gives up all that is kept under a name. Until Sync returns the supervisor
// may still have it.
func (s *Store) Forget(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fd := range s.kept[name] {
		_ = unix.Close(fd) // nothing was written to it
	}
	delete(s.kept, name)
	_ = s.tell("FDSTOREREMOVE=1\nFDNAME="+name, -1) // whoever cannot be told keeps nothing
}

// Sync waits until the supervisor has done what it was told.
func (s *Store) Sync() error {
	if s.supervisor == "" {
		return nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("wait for the supervisor: %w", err)
	}
	defer func() { _ = r.Close() }() // nothing comes by it
	// It closes what it has no use for once it has come to that.
	err = s.tell("BARRIER=1", int(w.Fd()))
	if err := errors.Join(err, w.Close(), r.SetReadDeadline(time.Now().Add(timeout))); err != nil {
		return fmt.Errorf("wait for the supervisor: %w", err)
	}
	if _, err := r.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("wait for the supervisor: %w", err)
	}
	return nil
}

// tell tells the supervisor, if there is one, with a descriptor unless that is
// negative.
func (s *Store) tell(what string, fd int) error {
	if s.supervisor == "" {
		return nil
	}
	c, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(c) }() // what was written has arrived
	tv := unix.NsecToTimeval(int64(timeout))
	if err := unix.SetsockoptTimeval(c, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &tv); err != nil {
		return err
	}
	var rights []byte
	if fd >= 0 {
		rights = unix.UnixRights(fd)
	}
	for {
		err := unix.Sendmsg(c, []byte(what), rights, &unix.SockaddrUnix{Name: s.supervisor}, unix.MSG_NOSIGNAL)
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("sendmsg", err)
		}
	}
}

// Replace has another program take the place of this one, in the same process,
// with all that is kept. It returns only if that fails; then all that was kept can
// be taken again.
func (s *Store) Replace(path string, args, env []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []string{strconv.Itoa(os.Getpid())}
	for name, fds := range s.kept {
		for _, fd := range fds {
			list = append(list, strconv.Itoa(fd)+"="+name)
			_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0) // it is open
		}
	}
	err := unix.Exec(path, args, append(slices.Clone(env), variable+"="+strings.Join(list, ":")))
	for name, fds := range s.kept {
		for _, fd := range fds {
			_, _ = unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC) // it is open
			s.left[name] = append(s.left[name], os.NewFile(uintptr(fd), name))
		}
	}
	clear(s.kept)
	return fmt.Errorf("run %s: %w", path, err)
}
