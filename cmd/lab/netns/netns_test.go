package netns

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNamespaceIsNamedAndDeleted(t *testing.T) {
	Require(t)
	n, err := New(unique("x"), WithoutDAD())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(n.Name); !errors.Is(err, os.ErrExist) {
		t.Errorf("second New of the name: got %v, want %v", err, os.ErrExist)
	}
	var inside []string
	err = n.Do(func() error {
		links, err := net.Interfaces()
		for _, l := range links {
			inside = append(inside, l.Name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"lo"}, inside); diff != "" {
		t.Errorf("links inside (-want +got):\n%s", diff)
	}
	if err := errors.Join(n.Close(), n.Close()); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, n.Name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close: got %v, want no file", err)
	}
}

func TestSweepDeletesWhatDeadProcessesLeft(t *testing.T) {
	Require(t)
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	mark := rand.Text()[:6]
	name := func(pid int) string { return fmt.Sprintf("%s%d-x", mark, pid) }
	orphan, err := New(name(dead.ProcessState.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := New(name(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	if err := Sweep(regexp.MustCompile("^" + mark + `(\d+)-`)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, orphan.Name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("namespace of a dead process: got %v, want no file", err)
	}
	if err := kept.Close(); err != nil {
		t.Errorf("namespace of a living process: %v", err)
	}
}

func TestVethAndBridgeCarryTraffic(t *testing.T) {
	Require(t)
	a, r, b := Test(t, "a"), Test(t, "r"), Test(t, "b")
	err := errors.Join(
		Veth(a, "eth0", r, "pa"), Veth(b, "eth0", r, "pb"),
		r.Bridge("br0", "pa", "pb"), r.Addr("br0", "10.1.0.1/24"), r.Forward(),
		a.Addr("eth0", "10.1.0.2/24"), b.Addr("eth0", "10.1.0.3/24"),
		r.Addr("lo", "10.2.0.1/32"), a.Route("default", "10.1.0.1"),
	)
	if err != nil {
		t.Fatal(err)
	}
	var srv *net.UDPConn
	if err := r.Do(func() (err error) {
		srv, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(10, 2, 0, 1), Port: 5000})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeConn(t, srv) })
	if err := a.Do(func() error {
		c, err := net.Dial("udp4", "10.2.0.1:5000")
		if err != nil {
			return err
		}
		defer closeConn(t, c)
		_, err = c.Write([]byte("hello"))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := srv.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 16)
	k, from, err := srv.ReadFromUDPAddrPort(buf)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(buf[:k]), "hello"; got != want {
		t.Errorf("payload: got %q, want %q", got, want)
	}
	if got, want := from.Addr().Unmap(), netip.MustParseAddr("10.1.0.2"); got != want {
		t.Errorf("source: got %v, want %v", got, want)
	}
	got, err := b.Addrs("eth0")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("10.1.0.3/24", got[0].String()); diff != "" {
		t.Errorf("Addrs (-want +got):\n%s", diff)
	}
}

func closeConn(t *testing.T, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestRun(t *testing.T) {
	Require(t)
	n := Test(t, "x")
	out, err := n.Run(t.Context(), "cat", "/proc/net/dev")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(out), ":"); got != 1 {
		t.Errorf("links seen by the program: got %d, want 1:\n%s", got, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := n.Run(ctx, "sleep", "60"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run beyond its context: got %v, want %v", err, context.DeadlineExceeded)
	}
}

func TestCloseKillsTheProcessGroup(t *testing.T) {
	Require(t)
	n, err := New(unique("x"))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	p, err := n.Start("sh", []string{"-c", "sleep 60 & wait"}, &out)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if p.Wait() == nil {
		t.Error("the program ended by itself, want it killed")
	}
	// The shell's child is reaped by whoever inherits it, a moment later.
	deadline := time.Now().Add(patience)
	for syscall.Kill(-p.Pid(), 0) == nil {
		if time.Now().After(deadline) {
			t.Fatal("the process group is still there")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if _, err := n.Start("true", nil, &out); err == nil {
		t.Error("Start in a closed namespace: got no error")
	}
}
