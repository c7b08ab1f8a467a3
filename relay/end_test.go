package relay_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/load"
	"dhcp-relay/relay/wire/bootp"
)

func TestSIGTERMEndsWithinASecond(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	s := n.stream(1000)
	d.await("it relays", func() bool { return d.scrape().outcome("relayed") > 0 })
	began := time.Now()
	d.signal(syscall.SIGTERM)
	err := d.cmd.Wait()
	took := time.Since(began)
	s.stop()
	if err != nil {
		t.Errorf("exit: %v", err)
	}
	if took > load.Bound(time.Second) {
		t.Errorf("ended after %v, want within 1s", took)
	}
	if log := d.log.String(); strings.Contains(log, `"level":"ERROR"`) || strings.Contains(log, `"level":"WARN"`) {
		t.Errorf("a regular end is no reason to complain")
	}
}

// An engine is a process of the tests that runs nothing but an engine.
type engine struct {
	t   *testing.T
	cmd *exec.Cmd
	out *bufio.Reader
}

func (b *bed) engine(t *testing.T, config string) *engine {
	t.Helper()
	file := filepath.Join(t.TempDir(), "relay.toml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	e := &engine{t: t, cmd: exec.Command(os.Args[0])}
	e.cmd.Env = append(os.Environ(), childVariable+"="+file)
	e.cmd.Stderr = t.Output()
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	e.out = bufio.NewReader(out)
	b.relay.start(e.cmd)
	if l := e.line(); l != "ready" {
		t.Fatalf("engine says %q", l)
	}
	return e
}

func (e *engine) line() string {
	e.t.Helper()
	l, err := e.out.ReadString('\n')
	if err != nil {
		e.t.Fatalf("output of the engine: %v", err)
	}
	return strings.TrimSpace(l)
}

// allocations returns how many there have been so far.
func (e *engine) allocations() int {
	e.t.Helper()
	if err := e.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		e.t.Fatal(err)
	}
	n, err := strconv.Atoi(e.line())
	if err != nil {
		e.t.Fatal(err)
	}
	return n
}

func TestNoAllocationPerMessageFromSocketToSocket(t *testing.T) {
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	e := b.engine(t, "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\", \"10.9.0.3\"]\n")
	// Part by part, so that a busy machine sheds no more than parts.
	const part = 500
	come := func(hears func(time.Duration) bool) (n int) {
		for n < part && hears(time.Second) {
			n++
		}
		return n
	}
	relayed := func(count int) {
		t.Helper()
		got := 0
		for range count / part {
			n.flood(part)
			got += come(v.hears)
		}
		if got < count/2 {
			t.Fatalf("%d of %d requests have come", got, count)
		}
	}
	// The arrays of headers grow to the largest batch.
	relayed(5000)
	// What looks at the host now and then allocates by time, not by message.
	// Of a server that does not answer the kernel is asked for the neighbour each second.
	const many, bySecond = 20000, 300
	before, began := e.allocations(), time.Now()
	relayed(many)
	made, took := float64(e.allocations()-before), time.Since(began)
	t.Logf("%.0f allocations for %d requests in %v", made, many, took)
	if most := many/100 + bySecond*took.Seconds(); made > most {
		t.Errorf("%.0f allocations for %d requests in %v, want none for a request: at most %.0f", made, many, took, most)
	}

	n.broadcast(discover(1).request())
	offer := answer(v.want().Packet, bootp.Offer, "10.1.0.77")
	replied := func(count int) {
		t.Helper()
		got := 0
		for i := range count {
			binary.BigEndian.PutUint32(offer[4:], uint32(i))
			v.send(offer, addrPort("10.1.0.1:67"))
			if i%128 == 127 { // let the kernel bring them
				time.Sleep(200 * time.Microsecond)
			}
			if i%part == part-1 {
				got += come(n.hears)
			}
		}
		if got < count/2 {
			t.Fatalf("%d of %d replies have come", got, count)
		}
	}
	replied(1000)
	before = e.allocations()
	const replies = 5000
	replied(replies)
	perReply := float64(e.allocations()-before) / replies
	t.Logf("%.2f allocations for a reply", perReply)
	// All are those of mdlayher/raw: 4 for a write, and some for a deadline, which is
	// set anew every few milliseconds.
	if perReply > 4.5 {
		t.Errorf("%.2f allocations for a reply, want no more than mdlayher/raw makes", perReply)
	}

	if err := e.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := e.cmd.Wait(); err != nil {
		t.Error(fmt.Errorf("the engine's end: %w; status 3 is a goroutine left over", err))
	}
}
