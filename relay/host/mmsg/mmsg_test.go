package mmsg_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/host/mmsg"
)

// messages returns messages with room for, or with, these octets.
func messages(bs ...[]byte) []mmsg.Message {
	ms := make([]mmsg.Message, len(bs))
	for i, b := range bs {
		ms[i].Header.Iov = &unix.Iovec{Base: &b[0]}
		ms[i].Header.Iov.SetLen(len(b))
		ms[i].Header.SetIovlen(1)
	}
	return ms
}

func TestSendAndReceive(t *testing.T) {
	t.Parallel()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = unix.Close(fds[0]), unix.Close(fds[1]) }()
	near, far := uintptr(fds[0]), uintptr(fds[1])
	if n, errno := mmsg.Receive(far, messages(make([]byte, 9))); n != 0 || errno != unix.EAGAIN {
		t.Errorf("Receive of nothing: %d, %v, want EAGAIN", n, errno)
	}
	if n, errno := mmsg.Send(near, messages([]byte("one"), []byte("second"))); n != 2 || errno != 0 {
		t.Errorf("Send: %d, %v, want 2", n, errno)
	}
	one, two := make([]byte, 9), make([]byte, 9)
	ms := messages(one, two, make([]byte, 9))
	if n, errno := mmsg.Receive(far, ms); n != 2 || errno != 0 {
		t.Fatalf("Receive: %d, %v, want 2", n, errno)
	}
	if got := string(one[:ms[0].N]) + " " + string(two[:ms[1].N]); got != "one second" {
		t.Errorf("received %q", got)
	}
	huge := messages([]byte("first"), make([]byte, 1<<24), []byte("last")) // of which one is too large
	if n, errno := mmsg.Send(near, huge); n != 1 || errno != 0 {
		t.Errorf("Send: %d, %v, want 1", n, errno)
	}
	if n, errno := mmsg.Send(near, huge[1:]); n != 0 || errno != unix.EMSGSIZE {
		t.Errorf("Send: %d, %v, want EMSGSIZE", n, errno)
	}
}

func TestDoesNotAllocate(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = unix.Close(fds[0]), unix.Close(fds[1]) }()
	out, in := messages([]byte("one"), []byte("second")), messages(make([]byte, 9), make([]byte, 9))
	if n := testing.AllocsPerRun(100, func() {
		_, _ = mmsg.Send(uintptr(fds[0]), out)
		_, _ = mmsg.Receive(uintptr(fds[1]), in)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
