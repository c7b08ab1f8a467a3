package fdstore

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// A supervisor hears what a store tells.
type supervisor struct {
	t    *testing.T
	conn *net.UnixConn
}

func listen(t *testing.T) supervisor {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return supervisor{t, c}
}

// hears returns the next message and the descriptors that came with it.
func (s supervisor) hears() (string, []int) {
	s.t.Helper()
	b, oob := make([]byte, 1024), make([]byte, 1024)
	if err := s.conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
	n, oobn, _, _, err := s.conn.ReadMsgUnix(b, oob)
	if err != nil {
		s.t.Fatal(err)
	}
	var fds []int
	msgs, _ := unix.ParseSocketControlMessage(oob[:oobn])
	for _, m := range msgs {
		some, _ := unix.ParseUnixRights(&m)
		fds = append(fds, some...)
	}
	return string(b[:n]), fds
}

// file returns an open file that holds a text.
func file(t *testing.T, text string) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// text returns what a file holds.
func text(t *testing.T, fd int) string {
	t.Helper()
	b := make([]byte, 100)
	n, err := unix.Pread(fd, b, 0)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func TestTellsTheSupervisor(t *testing.T) {
	v := listen(t)
	s := Open()
	if err := s.Keep("a", int(file(t, "of a").Fd())); err != nil {
		t.Fatal(err)
	}
	said, fds := v.hears()
	if want := "FDSTORE=1\nFDPOLL=0\nFDNAME=a"; said != want || len(fds) != 1 || text(t, fds[0]) != "of a" {
		t.Errorf("heard %q with %d descriptors, want %q with the file", said, len(fds), want)
	}
	s.Forget("a")
	if said, fds := v.hears(); said != "FDSTOREREMOVE=1\nFDNAME=a" || len(fds) != 0 {
		t.Errorf("heard %q with %d descriptors", said, len(fds))
	}
	settled := make(chan error)
	go func() { settled <- s.Sync() }()
	said, fds = v.hears()
	if said != "BARRIER=1" || len(fds) != 1 {
		t.Fatalf("heard %q with %d descriptors", said, len(fds))
	}
	select {
	case err := <-settled:
		t.Errorf("settled before the supervisor had come to that: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	if err := unix.Close(fds[0]); err != nil {
		t.Fatal(err)
	}
	if err := <-settled; err != nil {
		t.Error(err)
	}
}

func TestWithoutSupervisor(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	s := Open()
	if err := s.Keep("a", int(file(t, "of a").Fd())); err != nil {
		t.Error(err)
	}
	if err := s.Sync(); err != nil {
		t.Error(err)
	}
	s.Forget("a")
}

func TestASupervisorThatIsGone(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "none"))
	s := Open()
	if err := s.Keep("a", int(file(t, "of a").Fd())); err == nil {
		t.Error("it is kept by nobody")
	}
	if err := s.Sync(); err == nil {
		t.Error("nobody has settled anything")
	}
}

// What was left is there by name, once, and what nobody takes is given up.
func TestTakesWhatWasLeft(t *testing.T) {
	v := listen(t)
	a, b := file(t, "of a"), file(t, "of b")
	list := strconv.Itoa(os.Getpid())
	for _, one := range []struct {
		f    *os.File
		name string
	}{{a, "a"}, {a, "a"}, {b, "b"}} {
		fd, err := unix.Dup(int(one.f.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		list += ":" + strconv.Itoa(fd) + "=" + one.name
	}
	t.Setenv(variable, list+":nonsense:x=y:1=stdout")
	s := Open()
	if os.Getenv(variable) != "" {
		t.Error("the variable is left")
	}
	fs := s.Take("a")
	if len(fs) != 1 || text(t, int(fs[0].Fd())) != "of a" {
		t.Fatalf("%d files under a, want one", len(fs))
	}
	_ = fs[0].Close()
	if fs := s.Take("a"); len(fs) != 0 {
		t.Error("it can be taken twice")
	}
	if diff := cmp.Diff([]string{"b"}, s.Rest()); diff != "" {
		t.Errorf("rest (-want +got):\n%s", diff)
	}
	if said, _ := v.hears(); said != "FDSTOREREMOVE=1\nFDNAME=b" {
		t.Errorf("heard %q", said)
	}
}

func TestIgnoresWhatWasLeftToAnother(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	t.Setenv(variable, "1:3=a")
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "1")
	if fs := Open().Take("a"); len(fs) != 0 {
		t.Error("it takes what is another's")
	}
}

// A program that cannot be run leaves all as it was.
func TestReplaceFails(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	s := Open()
	if err := s.Keep("a", int(file(t, "of a").Fd())); err != nil {
		t.Fatal(err)
	}
	err := s.Replace(filepath.Join(t.TempDir(), "none"), []string{"none"}, nil)
	if err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("error %v", err)
	}
	fs := s.Take("a")
	if len(fs) != 1 || text(t, int(fs[0].Fd())) != "of a" {
		t.Fatalf("%d files, want one", len(fs))
	}
	if flags, err := unix.FcntlInt(fs[0].Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("it would go to every child: %v", err)
	}
	_ = fs[0].Close()
	if len(s.kept) != 0 {
		t.Errorf("kept twice: %v", s.kept)
	}
}
