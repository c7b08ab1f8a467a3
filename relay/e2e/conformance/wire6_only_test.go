package conformance

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/wire"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp6"
)

// file reads a file of R's /proc/thread-self/net.
func (b *wireBed) file(t *testing.T, name string) string {
	t.Helper()
	var out []byte
	do(t, b.r.Do(func() (err error) {
		out, err = os.ReadFile("/proc/thread-self/net/" + name)
		return err
	}))
	return string(out)
}

// testSockets6 looks at what R listens to.
func testSockets6(t *testing.T, b *wireBed) {
	b.start(t, least6)
	if s := b.file(t, "udp6"); !strings.Contains(s, fmt.Sprintf(":%04X ", 547)) {
		t.Errorf("no socket on port 547:\n%s", s)
	}
	groups := map[string]string{}
	for line := range strings.Lines(b.file(t, "igmp6")) {
		if f := strings.Fields(line); len(f) > 2 {
			groups[f[1]] += f[2] + " "
		}
	}
	const relays, servers = "ff020000000000000000000000010002", "ff050000000000000000000000010003"
	for link, want := range map[string]bool{"d0": true, "d1": true, "u0": false, "lo": false} {
		if strings.Contains(groups[link], relays) != want || strings.Contains(groups[link], servers) {
			t.Errorf("groups of %s: %s, want ff02::1:2 %v and no ff05::1:3", link, groups[link], want)
		}
	}
}

// testMulticast6 sends to all servers by a link that is named.
func testMulticast6(t *testing.T, b *wireBed) {
	b.start(t, "[[server]]\naddress = \"ff05::1:3\"\ninterface = \"u0\"\n[[interface]]\nname = \"d0\"\nservers = [\"ff05::1:3\"]\n")
	c := case6{msg: solicit6()}
	(&player6{wireBed: b}).send(t, &c)
	got := b.heard6(t, "u0", 1)
	if len(got) != 1 {
		t.Fatalf("%d frames on u0, want 1:%s", len(got), describe(got))
	}
	f := got[0]
	checkFrame6(t, &f, "["+addrU6+"]:547", delivery6{"u0", "[ff05::1:3]:547", up6(solicit6())})
	if f.TTL != 8 || !bytes.Equal(f.EtherDst, []byte{0x33, 0x33, 0, 1, 0, 3}) {
		t.Errorf("hop limit %d to %v, want 8 to 33:33:00:01:00:03", f.TTL, f.EtherDst)
	}
}

// testNoState6 kills the daemon while a client waits.
func testNoState6(t *testing.T, b *wireBed) {
	b.start(t, least6)
	p := &player6{wireBed: b}
	p.send(t, &case6{msg: solicit6()})
	if got := b.heard6(t, "u0", 1); len(got) != 1 {
		t.Fatalf("%d frames on u0, want 1:%s", len(got), describe(got))
	}
	first := b.daemon
	do(t, first.proc.Signal(syscall.SIGKILL))
	<-first.proc.Done()
	first.killed = true
	b.start(t, least6)
	p.send(t, &case6{on: "u0", msg: down6(advertise6())})
	got := b.heard6(t, "d0", 1)
	if len(got) != 1 {
		t.Fatalf("%d frames on d0, want 1:%s", len(got), describe(got))
	}
	checkFrame6(t, &got[0], "["+routerLL+"]:547", *toClient6(advertise6()))
}

// testZeroSum6 finds a message whose Relay-forward has a sum that comes out as
// zero.
func testZeroSum6(t *testing.T, b *wireBed) {
	b.start(t, least6)
	p := newPlayer6(t, b)
	for n := range 1 << 16 {
		m := msg6(dhcp6.Solicit, clientID, opt6(65000, byte(n>>8), byte(n)))
		q := wire.Packet{Src: addrPort(addrU6, 547), Dst: addrPort(server6, 547), Payload: up6(m)}
		if f, err := wire.Decode(q.Frame()); err != nil || f.UDPSum != 0xffff {
			continue
		}
		p.play(t, &case6{msg: m, up: up6(m)})
		return
	}
	t.Fatal("no message has such a sum")
}

// testNoAddress6 takes the global address of a link, and gives it back. Nothing
// is said of the link meanwhile: by its link-local address servers would take its
// clients for strangers.
func testNoAddress6(t *testing.T, b *wireBed) {
	b.start(t, least6)
	p := newPlayer6(t, b)
	t.Cleanup(func() { do(t, b.r.Addr("d0", addrD06+"/64")) })
	do(t, b.r.DelAddr("d0", addrD06+"/64"))
	b.linkAddress(t, "")
	p.play(t, &case6{msg: solicit6(), drop: agent.NoLinkAddress})
	do(t, b.r.Addr("d0", addrD06+"/64"))
	b.linkAddress(t, addrD06)
	p.play(t, &case6{msg: solicit6(), up: up6(solicit6())})
}

// testLinkLocal6 has the configuration ask for a link-local link-address.
func testLinkLocal6(t *testing.T, b *wireBed) {
	b.start(t, "[defaults.dhcpv6]\nlink_address = \"link-local\"\n"+least6)
	p := newPlayer6(t, b)
	b.linkAddress(t, routerLL)
	p.play(t, &case6{msg: solicit6(), up: fwd6(0, routerLL, client6, solicit6(), id6("d0"), mac6())})
	p.play(t, &case6{on: "u0", msg: rep6(0, routerLL, client6, advertise6(), id6("d0")), down: toClient6(advertise6())})
}

// testNoLinkLocal6 takes the link-local address of a link, and gives it back: the
// daemon says at once that it does not relay, and that it does.
func testNoLinkLocal6(t *testing.T, b *wireBed) {
	b.start(t, least6)
	p := newPlayer6(t, b)
	t.Cleanup(func() { do(t, b.r.Addr("d0", routerLL+"/64")) })
	do(t, b.r.DelAddr("d0", routerLL+"/64"))
	b.state6(t, "no_link_local")
	do(t, b.r.Addr("d0", routerLL+"/64"))
	b.state6(t, "relaying")
	p.play(t, &case6{msg: solicit6(), up: up6(solicit6())})
}

// state6 waits until the daemon shows a state of d0.
func (b *wireBed) state6(t *testing.T, state string) {
	t.Helper()
	labels := []string{`interface="d0"`, `family="ipv6"`, fmt.Sprintf("state=%q", state)}
	for end := time.Now().Add(patience); time.Now().Before(end); {
		for k, v := range b.daemon.http.scrape(t) {
			if strings.HasPrefix(k, "dhcp_relay_interface_state{") && containsAll(k, labels) && v == 1 {
				return
			}
		}
	}
	t.Fatalf("d0 is not shown as %s", state)
}

// testForeignLinkAddress6 writes a link-address of the clients' prefix that no
// host has: replies find their way by Interface-Id, and by link-address.
func testForeignLinkAddress6(t *testing.T, b *wireBed) {
	const foreign = "2001:db8:1::ffff"
	b.start(t, "[[interface]]\nname = \"d0\"\nservers = [\""+server6+"\"]\n[interface.dhcpv6]\nlink_address = \""+foreign+"\"\n")
	p := newPlayer6(t, b)
	p.play(t, &case6{msg: solicit6(), up: fwd6(0, foreign, client6, solicit6(), id6("d0"), mac6())})
	p.play(t, &case6{on: "u0", msg: rep6(0, foreign, client6, advertise6(), id6("d0")), down: toClient6(advertise6())})
	p.play(t, &case6{on: "u0", msg: rep6(0, foreign, client6, advertise6()), down: toClient6(advertise6())})
}

// linkAddress waits until the daemon shows an address as that of d0, or none.
func (b *wireBed) linkAddress(t *testing.T, want string) {
	t.Helper()
	label, n := "link_address=", 0.0
	if want != "" {
		label, n = fmt.Sprintf("link_address=%q", want), 1
	}
	for end := time.Now().Add(patience); ; {
		c := b.daemon.http.scrape(t)
		if c.sum("dhcp_relay_link_address_info", `interface="d0"`, label) == n {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the link-address of d0 is not %s", want)
		}
	}
}

// testFragments6 has a Relay-forward that does not fit a frame: the kernel cuts
// it, since nothing of it may be left out.
func testFragments6(t *testing.T, b *wireBed) {
	b.start(t, least6)
	m := msg6(dhcp6.Solicit, opt6(65000, bytes.Repeat([]byte{0xee}, 1440)...))
	(&player6{wireBed: b}).send(t, &case6{msg: m})
	var data []byte
	for len(data) < 8+len(up6(m)) {
		f, err := b.taps["u0"].Find(patience, func(f *wire.Frame) bool { return !f.Outgoing && f.Fragment() })
		do(t, err)
		const headers = 14 + 40 + 8 // Ethernet, IPv6, Fragment
		if int(f.FragOffset) != len(data) {
			t.Fatalf("fragment at %d, want %d", f.FragOffset, len(data))
		}
		data = append(data, f.Raw[headers:]...)
	}
	if !bytes.Equal(data[8:], up6(m)) {
		t.Errorf("octets differ:\nwant % x\ngot  % x", up6(m), data[8:])
	}
}
