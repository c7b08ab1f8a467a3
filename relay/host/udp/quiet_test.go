package udp

import (
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

// wakes reports whether what has arrived wakes whoever waits for the socket.
func (q *quiet) wakes(t *testing.T) bool {
	t.Helper()
	ps := []unix.PollFd{{Fd: int32(q.epoll.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(ps, 0)
	if err != nil {
		t.Fatal(err)
	}
	return n == 1
}

// What comes while the reader rests wakes nobody, and is read after the rest, be it
// followed by others or not.
func TestNobodyIsWokenWhileTheReaderRests(t *testing.T) {
	s := netns.NewSpace(t)
	p := listen(s, Config{Family: dhcp.V4, Port: 67})
	s.Up("lo")
	c, q := s.ListenUDP("udp4", "127.0.0.1:68"), p.Requests.rx.quiet
	send := func(n int) {
		for range n {
			sendTo(t, c, request, "127.0.0.1:67")
		}
	}
	ds := NewBatch(64)
	read := func(want int) {
		t.Helper()
		if n, err := p.Requests.Read(ds); err != nil || n != want {
			t.Fatalf("read %d, %v, want %d", n, err, want)
		}
	}

	send(1)
	if !q.wakes(t) {
		t.Error("the first request wakes nobody")
	}
	read(1)
	send(many)
	read(many)
	send(1)
	read(1) // after a rest
	send(1)
	if q.wakes(t) {
		t.Error("a request wakes somebody before the next read")
	}
	read(1)

	waits := reads(p.Requests)
	for deadline := time.Now().Add(patient); !q.isArmed(t); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the reader does not wait to be woken")
		}
	}
	send(1)
	wantRead(t, waits, nil)
}

// isArmed reports whether the kernel would wake the reader.
func (q *quiet) isArmed(t *testing.T) bool {
	t.Helper()
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", q.epoll.fd))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`events: +([0-9a-f]+)`).FindSubmatch(info)
	if m == nil {
		t.Fatalf("no events in %q", info)
	}
	events, err := strconv.ParseUint(string(m[1]), 16, 32)
	return err == nil && events&unix.EPOLLIN != 0
}

func TestAReaderThatWaitsAfterARestIsWokenAndEnded(t *testing.T) {
	s := netns.NewSpace(t)
	p := listen(s, Config{Family: dhcp.V6, Port: 547})
	s.Up("lo")
	c := s.ListenUDP("udp6", "[::1]:546")
	for range many {
		sendTo(t, c, request, "[::1]:547")
	}
	ds := NewBatch(64)
	if n, err := p.Requests.Read(ds); err != nil || n != many {
		t.Fatalf("read %d, %v, want %d", n, err, many)
	}
	waits := reads(p.Requests)
	p.Requests.Wake()
	wantRead(t, waits, ErrWoken)
	s.Must(p.Close())
	wantRead(t, waits, net.ErrClosed)
	if _, err := p.Requests.Read(ds); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read of a closed socket: %v", err)
	}
}
