package http

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dialTimeout is how long a process behind a socket has to show that it lives.
const dialTimeout = time.Second

// A socket is a listener that takes its file away at the end.
type socket struct {
	*net.UnixListener
	path string
	pin  *os.File // the socket's file: while it is open, no other one gets its number
}

// Listen makes a Unix socket at path with these permissions, owned by the group,
// or by the process's own if that is "". At no time has anybody else access to
// it. It makes the directory if there is none, takes the place of a socket that
// nobody listens on, and fails if somebody does. Close removes the socket.
func Listen(ctx context.Context, path string, mode fs.FileMode, group string) (net.Listener, error) {
	gid, err := groupID(group)
	if err != nil {
		return nil, err
	}
	if err := makeDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	l, err := bind(ctx, path, mode)
	if err != nil {
		return nil, err
	}
	if err := admit(path, mode, gid); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// bind makes the socket, for its owner only.
func bind(ctx context.Context, path string, mode fs.FileMode) (*socket, error) {
	// The socket's file gets the permissions that the socket has before, less the
	// umask (unix(7)), so that it is never open to others.
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		gone := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), uint32(mode.Perm()&0o700)) })
		return errors.Join(gone, err)
	}}
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	u, ok := l.(*net.UnixListener)
	if !ok {
		return nil, errors.Join(errors.ErrUnsupported, l.Close())
	}
	u.SetUnlinkOnClose(false)
	pin, err := os.OpenFile(path, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, errors.Join(err, u.Close())
	}
	return &socket{u, path, pin}, nil
}

// admit lets in those that the mode names, once the group is right.
func admit(path string, mode fs.FileMode, gid int) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return fmt.Errorf("give the socket to its group: %w", err)
	}
	// Where it has the group already, the system call may be forbidden.
	if gid >= 0 && st.Gid != uint32(gid) {
		if err := os.Lchown(path, -1, gid); err != nil {
			return fmt.Errorf("give the socket to its group: %w", err)
		}
	}
	return os.Chmod(path, mode.Perm())
}

// Close ends listening and removes the socket, unless another one has taken its
// place.
func (s *socket) Close() error {
	if s.ours() {
		_ = os.Remove(s.path) // the next start finds it stale
	}
	_ = s.pin.Close() // it was never written
	return s.UnixListener.Close()
}

// Lost reports whether a listener's Unix socket can no longer be found at its
// path.
func Lost(ln net.Listener) bool {
	s, ok := ln.(*socket)
	return ok && !s.ours()
}

// ours reports whether the path still leads to this socket.
func (s *socket) ours() bool {
	mine, err := s.pin.Stat()
	if err != nil {
		return false // closed already
	}
	now, err := os.Lstat(s.path)
	return err == nil && os.SameFile(mine, now)
}

// CheckGroup reports whether a socket can be given to the group, "" for the
// process's own: an error says that this host does not know it.
func CheckGroup(name string) error {
	_, err := groupID(name)
	return err
}

// groupID returns the number of a group, or -1 for "".
func groupID(name string) (int, error) {
	if name == "" {
		return -1, nil
	}
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, fmt.Errorf("the group %q: %w", name, err)
	}
	return strconv.Atoi(g.Gid)
}

// makeDir makes the last part of a path, whatever the umask.
func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o755) //nolint:gosec // the socket has permissions of its own
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(dir, 0o755) //nolint:gosec // as above
}

// removeStale removes the socket of a process that has ended.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s exists and is no socket", path)
	}
	d := net.Dialer{Timeout: dialTimeout}
	c, err := d.DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		_ = c.Close() // it has told that somebody is there
		return fmt.Errorf("%s is in use by another process", path)
	case !errors.Is(err, unix.ECONNREFUSED):
		return fmt.Errorf("see whether a process uses the socket: %w", err)
	}
	return os.Remove(path)
}
