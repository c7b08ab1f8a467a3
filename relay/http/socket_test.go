package http

import (
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

// modeOf returns the permissions of a socket.
func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		t.Fatalf("%s is no socket", path)
	}
	return info.Mode().Perm()
}

func listen(t *testing.T, path string) net.Listener {
	t.Helper()
	l, err := Listen(t.Context(), path, 0o660, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// The umask of the tests would leave access to others, if the socket were made
// as sockets are.
func TestSocketIsMadeForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "control.sock")
	s, err := bind(t.Context(), path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if got := modeOf(t, path); got&0o077 != 0 {
		t.Errorf("mode %v before its owner is right", got)
	}
}

func TestListenMakesDirectoryAndSocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "run")
	path := filepath.Join(dir, "control.sock")
	group := ""
	if os.Geteuid() == 0 {
		group = "daemon"
		if _, err := user.LookupGroup(group); err != nil {
			t.Fatal(err)
		}
	}
	for _, mode := range []fs.FileMode{0o600, 0o660, 0o777} {
		l, err := Listen(t.Context(), path, mode, group)
		if err != nil {
			t.Fatal(err)
		}
		if got := modeOf(t, path); got != mode {
			t.Errorf("mode %v, want %v", got, mode)
		}
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("the socket stays: %v", err)
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o755 {
		t.Errorf("directory: mode %v, want 0755", got)
	}
}

func TestListenTakesThePlaceOfADeadOne(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "control.sock")
	dead := listen(t, path).(*socket)
	if err := dead.UnixListener.Close(); err != nil { // as if it had been killed
		t.Fatal(err)
	}
	modeOf(t, path)
	listen(t, path)
	_ = dead.Close() // must not take away what is another's now
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

func TestListenFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, used := filepath.Join(dir, "file"), filepath.Join(dir, "used.sock")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	listen(t, used)
	cases := []struct {
		name, path, group string
		want              string
	}{
		{"a live process", used, "", used + " is in use by another process"},
		{"a file", file, "", file + " exists and is no socket"},
		{"no such group", filepath.Join(dir, "a.sock"), "no-such-group", `the group "no-such-group": `},
		{"no way there", filepath.Join(dir, "no", "where", "a.sock"), "", "no such file or directory"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l, err := Listen(t.Context(), c.path, 0o660, c.group)
			if err == nil {
				_ = l.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q, want %q", err, c.want)
			}
		})
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "mine" {
		t.Errorf("the file is %q, %v", b, err)
	}
}
