package relay_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/wire/bootp"
)

// A second relay on a host ends at once and says why, and the first one serves on.
func TestASecondRelayDoesNotStart(t *testing.T) {
	t.Parallel()
	const config = "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n"
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start(config)
	second := b.launch(config)
	var exit *exec.ExitError
	if err := second.cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(second.log.String(), "dhcp-relay already runs here") {
		t.Errorf("end: %v, want status 1 and why; log:\n%s", err, second.log)
	}
	n.broadcast(discover(1).request())
	v.reply(v.want(), bootp.Offer, "10.1.0.77")
	n.want()
	d.awaitOutcome("relayed", 2)
}

// A log that takes nothing, as of a journal that hangs, keeps nobody from being served,
// on interfaces that come either.
func TestTheLogTakesNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	path := filepath.Join(t.TempDir(), "log")
	b.relay.Must(unix.Mkfifo(path, 0o600))
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NONBLOCK, 0)
	b.relay.Must(err)
	log := os.NewFile(uintptr(fd), path)
	defer func() { _ = log.Close() }()
	for err = nil; err == nil; { // there is no room in it
		_, err = unix.Write(fd, make([]byte, 1<<12))
	}
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.launchBy([]string{"sh", "-c", `exec "$@" 2>"$LOG"`, "sh"}, "log.level = \"debug\"\n[[interface]]\nname = \"vlan*\"\nservers = [\"10.9.0.2\"]\n", "LOG="+path)
	for i, link := range []string{"vlan10", "vlan20", "vlan30"} {
		n := b.network(link, fmt.Sprintf("10.%d.0.1/24", i+1))
		d.await("a client of "+link+" is heard", func() bool {
			n.broadcast(discover(uint32(i)).request())
			_, ok := v.hear(50 * time.Millisecond)
			return ok
		})
	}
	d.signal(syscall.SIGTERM)
	if err := d.cmd.Wait(); err != nil {
		t.Errorf("end: %v", err)
	}
}

// Where the disk is full captures are not written, which is told, and clients are
// served.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	dir := t.TempDir()
	b.relay.Must(unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4k,nr_inodes=2"))
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) }) // it goes with the test's directory
	n := b.network("vlan10", "10.1.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n", "STATE_DIRECTORY="+dir)
	serve := func(xid uint32) {
		t.Helper()
		n.broadcast(discover(xid).request())
		v.reply(v.want(), bootp.Offer, "10.1.0.77")
		n.want()
	}
	for xid := range uint32(100) { // more than there is room for
		serve(xid)
	}
	d.signal(syscall.SIGUSR1)
	d.await("it is told", func() bool { return d.logged("recorded messages not written", nil) })
	if s := d.log.String(); !strings.Contains(s, "no space left on device") {
		t.Errorf("it does not say why")
	}
	serve(200)
	d.balanced()
}
