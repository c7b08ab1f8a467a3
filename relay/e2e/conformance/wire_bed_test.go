package conformance

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/wire"
)

// patience bounds every wait for the daemon.
const patience = 30 * time.Second

// A wireBed is the bench in three namespaces: C with the clients' ends of d0 and
// d1, R with the daemon, S with the servers' end of u0.
type wireBed struct {
	bin     string
	r, c, s *netns.NS
	taps    map[string]*wire.Tap // the far end of each link of R
	daemon  *daemon
}

// newWireBed builds the bench and the daemon, which has the race detector in it.
func newWireBed(t *testing.T) *wireBed {
	t.Helper()
	netns.Require(t)
	b := &wireBed{bin: filepath.Join(t.TempDir(), "dhcp-relay"), taps: make(map[string]*wire.Tap)}
	build := exec.Command("go", "build", "-race", "-o", b.bin, "dhcp-relay/cmd/dhcp-relay")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the daemon: %v\n%s", err, out)
	}
	b.r = netns.Test(t, "R", netns.WithoutIPv6())
	b.c = netns.Test(t, "C", netns.WithoutIPv6())
	b.s = netns.Test(t, "S", netns.WithoutIPv6())
	do(t,
		b.r.Sysctl("net/ipv4/conf/all/rp_filter", "0"),
		b.r.Sysctl("net/ipv4/conf/default/rp_filter", "0"),
		b.r.Forward(),
		netns.Veth(b.r, "u0", b.s, "s0"),
		netns.Veth(b.r, "d0", b.c, "c0"),
		netns.Veth(b.r, "d1", b.c, "c1"),
		b.s.Addr("s0", "203.0.113.2/30"),
		b.c.Addr("c0", "192.0.2.50/24"),
		b.c.Addr("c1", "198.51.101.66/24"),
		b.s.Route("default", addrU0NextHop(t, b)),
	)
	for _, a := range []string{server1, server2, server3, stray, "198.51.100.101"} {
		do(t, b.s.Addr("lo", a+"/32"))
	}
	for _, l := range []string{"u0", "d0", "d1"} {
		do(t, b.r.SetMAC(l, mac(l)))
	}
	for l, far := range map[string]struct {
		ns  *netns.NS
		dev string
	}{"u0": {b.s, "s0"}, "d0": {b.c, "c0"}, "d1": {b.c, "c1"}} {
		tap, err := wire.Open(far.ns, far.dev)
		do(t, err)
		t.Cleanup(func() { do(t, tap.Close()) })
		b.taps[l] = tap
	}
	sink(t, b.s, "udp4", 67, 68)
	sink(t, b.c, "udp4", 67, 68)
	return b
}

// addrU0NextHop gives R its address on u0, so that S can route by it.
func addrU0NextHop(t *testing.T, b *wireBed) string {
	t.Helper()
	do(t, b.r.Addr("u0", addrU0+"/30"), b.r.Route("198.51.100.0/24", "203.0.113.2"))
	return addrU0
}

// sink opens ports of a network, "udp4" or "udp6", so that the kernel answers nothing by
// ICMP.
func sink(t *testing.T, ns *netns.NS, network string, ports ...int) {
	t.Helper()
	for _, port := range ports {
		var c *net.UDPConn
		do(t, ns.Do(func() (err error) {
			c, err = net.ListenUDP(network, &net.UDPAddr{Port: port})
			return err
		}))
		t.Cleanup(func() { do(t, c.Close()) })
	}
}

// do fails the test on the first error.
func do(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// become makes R look like the host.
func (b *wireBed) become(t *testing.T, h host) {
	t.Helper()
	for _, l := range append(links(), "all") {
		do(t, b.r.Sysctl("net/ipv4/conf/"+l+"/rp_filter", "0"))
	}
	for _, l := range links() {
		mtu := 1500
		if n := h.mtu[l]; n != 0 {
			mtu = n
		}
		if l != "lo" {
			do(t, b.r.MTU(l, mtu), b.r.Up(l))
		}
		have, err := b.r.Addrs(l)
		do(t, err)
		var now []string
		for _, a := range have {
			if a.Addr().String() != "127.0.0.1" {
				now = append(now, a.String())
			}
		}
		if slices.Equal(now, h.addrs[l]) {
			continue
		}
		for _, a := range slices.Backward(now) {
			do(t, b.r.DelAddr(l, a))
		}
		for _, a := range h.addrs[l] {
			do(t, b.r.Addr(l, a))
		}
	}
	do(t, b.r.Route("198.51.100.0/24", "203.0.113.2"))
	if h.down != "" {
		do(t, b.r.Down(h.down))
	}
}

// A daemon is dhcp-relay running in R.
type daemon struct {
	proc *netns.Proc
	log  *logOf
	http *metricsClient

	killed bool // by the test, so stop has nothing to do
}

// noSocket begins a configuration: tests that run at the same time must not meet
// at the socket of the commands.
const noSocket = "control.socket = \"\"\n"

// start runs the daemon with a configuration until the test's end, or stop.
func (b *wireBed) start(t *testing.T, toml string) {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "relay.toml")
	do(t, os.WriteFile(conf, []byte(noSocket+toml), 0o600))
	d := &daemon{log: newLog(), http: newMetricsClient(b.r)}
	var err error
	cmd := exec.Command(b.bin, "run", "--config", conf)
	cmd.Stdout, cmd.Stderr = d.log, d.log
	// The race detector would sleep a second before the end.
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	d.proc, err = b.r.StartCmd(cmd)
	do(t, err)
	t.Cleanup(func() { d.stop(t) })
	if !d.log.wait("msg=relaying", d.proc.Done()) {
		t.Fatalf("the daemon is not ready:\n%s", d.log)
	}
	b.daemon = d
	b.drain(t)
}

// stop ends the daemon and looks at how it lived.
func (d *daemon) stop(t *testing.T) {
	t.Helper()
	d.http.close()
	if d.killed {
		return
	}
	if err := d.proc.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("the daemon had ended: %v\n%s", d.proc.Wait(), d.log)
		return
	}
	select {
	case <-d.proc.Done():
	case <-time.After(patience):
		d.proc.Stop()
		t.Errorf("the daemon did not end in time:\n%s", d.log)
	}
	if err := d.proc.Wait(); err != nil {
		t.Errorf("the daemon ended with %v:\n%s", err, d.log)
	}
	for _, bad := range []string{"DATA RACE", "panic:", "level=ERROR"} {
		if strings.Contains(d.log.String(), bad) {
			t.Errorf("the daemon's log has %q:\n%s", bad, d.log)
			return
		}
	}
}

// drain forgets what the taps have heard.
func (b *wireBed) drain(t *testing.T) {
	t.Helper()
	for _, tap := range b.taps {
		_, err := tap.Drain()
		do(t, err)
	}
}

// inject puts a message onto a link of R, from outside.
func (b *wireBed) inject(t *testing.T, on string, src, dst netip.AddrPort, payload []byte) {
	t.Helper()
	b.injectPacket(t, on, wire.Packet{Src: src, Dst: dst, Payload: payload})
}

// injectPacket puts any packet onto a link of R; what is too large for a frame
// goes in fragments.
func (b *wireBed) injectPacket(t *testing.T, on string, p wire.Packet) {
	t.Helper()
	a := p.Dst.Addr().As4()
	if a[3] != 255 && p.EtherDst == nil {
		p.EtherDst = mac(on)
	}
	if p.EtherSrc == nil {
		p.EtherSrc = macC
	}
	if len(p.Payload) <= 1472 {
		do(t, b.taps[on].Send(p.Frame()))
		return
	}
	p.ID = uint16(len(p.Payload))
	for _, f := range p.Fragments(1480) {
		do(t, b.taps[on].Send(f))
	}
}

// A logOf collects a program's output and tells when a text has come.
type logOf struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	more chan struct{}
}

func newLog() *logOf { return &logOf{more: make(chan struct{}, 1)} }

// Write appends output.
func (l *logOf) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
	return l.buf.Write(b)
}

// String returns the output so far.
func (l *logOf) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// wait waits until the output holds the text. It gives up when the program ends
// or patience does.
func (l *logOf) wait(text string, done <-chan struct{}) bool {
	end := time.After(patience)
	for {
		if strings.Contains(l.String(), text) {
			return true
		}
		select {
		case <-l.more:
		case <-done:
			return strings.Contains(l.String(), text)
		case <-end:
			return false
		}
	}
}

// describe writes frames for people.
func describe(fs []wire.Frame) string {
	var s strings.Builder
	for _, f := range fs {
		fmt.Fprintf(&s, "\n%v > %v, %v > %v: %s", f.EtherSrc, f.EtherDst, f.Src(), f.Dst(), dump(f.Payload))
	}
	return s.String()
}
