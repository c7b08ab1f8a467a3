package conformance

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/load"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/wire"
	"dhcp-relay/relay/agent"
)

// testHeaders looks at the ports and checksums of what leaves.
func testHeaders(t *testing.T, b *wireBed) {
	b.become(t, bench())
	b.start(t, least)
	p := newPlayer(t, b)
	t.Run("R1542-35 R1122-2 R1542-34 up", func(t *testing.T) {
		p.play(t, &tcase{src: "0.0.0.0:40000", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))})
	})
	t.Run("R1542-31 R1542-35 R1122-2 T25 down, whatever port the client has", func(t *testing.T) {
		p.play(t, &tcase{msg: offer(), down: unicast("d0", "192.0.2.77", offer())})
	})
}

// testHash has one client's requests go to one server, also after a restart.
func testHash(t *testing.T, b *wireBed) {
	b.become(t, bench())
	seen := make(map[int]netip.Addr)
	for range 2 {
		t.Run("run", func(t *testing.T) {
			b.start(t, hashed)
			for n := range 12 {
				for _, m := range []message{client(n), client(n, options(53, 1, tRequest), secs(9))} {
					b.inject(t, "d0", addrPort("0.0.0.0", 68), addrPort("255.255.255.255", 67), m.bytes())
					f, err := b.taps["u0"].Find(patience, func(f *wire.Frame) bool { return f.DHCP4() })
					do(t, err)
					if old, ok := seen[n]; ok && old != f.IPDst {
						t.Errorf("client %d: %v, then %v", n, old, f.IPDst)
					}
					seen[n] = f.IPDst
				}
			}
		})
	}
	count := make(map[netip.Addr]bool)
	for _, a := range seen {
		count[a] = true
	}
	if len(count) < 2 {
		t.Errorf("twelve clients went to %v alone", count)
	}
}

// testLog has identifiers of subscribers pass, which are nobody's business.
func testLog(t *testing.T, b *wireBed) {
	b.become(t, bench())
	b.start(t, least)
	p := newPlayer(t, b)
	id := opt(82, sub(1, text("subscriber-17")...)...)
	for _, c := range []tcase{
		{msg: discover(id), drop: agent.UntrustedOption82},
		{msg: offer(id), down: unicast("d0", "192.0.2.77", offer())},
		{msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))},
		{msg: offer(giaddrOf("10.1.1.1"), id), dst: addrU0, drop: agent.BogusGiaddr},
	} {
		p.play(t, &c)
	}
	for _, bad := range []string{"subscriber", net.HardwareAddr(macC).String(), "0200000000c0"} {
		if strings.Contains(strings.ToLower(b.daemon.log.String()), bad) {
			t.Errorf("the log has %q:\n%s", bad, b.daemon.log)
		}
	}
}

// testNoInterface starts the daemon without an interface: nothing listens.
func testNoInterface(t *testing.T, b *wireBed) {
	b.become(t, bench())
	conf := filepath.Join(t.TempDir(), "relay.toml")
	do(t, os.WriteFile(conf, []byte(noSocket+"[log]\nlevel = \"info\"\n"), 0o600))
	out := newLog()
	p, err := b.r.Start(b.bin, []string{"run", "--config", conf}, out)
	do(t, err)
	defer p.Stop()
	out.wait("msg=relaying", p.Done())
	do(t, b.r.Do(func() error {
		socks, err := netlink.SocketDiagUDP(unix.AF_INET)
		for _, s := range socks {
			if s.ID.SourcePort == 67 {
				t.Errorf("port 67 is open:\n%s", out)
			}
		}
		return err
	}))
	b.drain(t)
	b.inject(t, "d0", addrPort("0.0.0.0", 68), addrPort("255.255.255.255", 67), discover().bytes())
	// The kernel answers this one, and what it did with the one before is known then.
	b.inject(t, "d0", addrPort("192.0.2.50", 68), addrPort(server1, 67), discover().bytes())
	f, err := b.taps["u0"].Find(patience, func(f *wire.Frame) bool { return f.DHCP4() })
	do(t, err)
	if f.IPSrc != addr("192.0.2.50") {
		t.Errorf("relayed from %v", f.IPSrc)
	}
}

// testOtherListener has another program listen on port 67 of every address.
func testOtherListener(t *testing.T, b *wireBed) {
	b.become(t, bench())
	var other net.PacketConn
	share := 0
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		cerr := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, share) })
		if err == nil {
			err = cerr
		}
		return err
	}}
	listen := func() {
		do(t, b.r.Do(func() (err error) {
			other, err = lc.ListenPacket(t.Context(), "udp4", "0.0.0.0:67")
			return err
		}))
	}
	conf := filepath.Join(t.TempDir(), "relay.toml")
	do(t, os.WriteFile(conf, []byte(noSocket+least), 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	check := func(want string) {
		t.Helper()
		out, err := b.r.Run(ctx, b.bin, "check", "--config", conf)
		do(t, err)
		if said := string(out); !strings.Contains(said, "warning: port 67 is held by") || !strings.Contains(said, want) {
			t.Errorf("check does not warn of %q:\n%s", want, said)
		}
	}
	listen()
	check("it does not share the port, so the relay cannot start beside it")
	do(t, other.Close())
	share = 1
	listen()
	defer func() { do(t, other.Close()) }()
	check("answers each client a second time")
	// The daemon says that it may lose replies.
	log := newLog()
	p, err := b.r.Start(b.bin, []string{"run", "--config", conf}, log)
	do(t, err)
	defer p.Stop()
	if !log.wait(`msg="another program listens on the port"`, p.Done()) {
		t.Errorf("the daemon says nothing of it:\n%s", log)
	}
}

// testOffload has a local program send through a link that leaves checksums to
// the device: the packet carries a partial one.
func testOffload(t *testing.T, b *wireBed) {
	b.become(t, bench())
	do(t, netns.Veth(b.r, "d2", b.c, "c2"))
	defer func() { do(t, b.r.Delete("d2")) }()
	do(t, b.c.Offload("c2", true), b.r.Addr("d2", "192.0.3.1/24"), b.c.Addr("c2", "192.0.3.2/24"))
	b.start(t, least)
	var c *net.UDPConn
	do(t, b.c.Do(func() (err error) {
		c, err = net.DialUDP("udp4", net.UDPAddrFromAddrPort(addrPort("192.0.3.2:1068", 0)), net.UDPAddrFromAddrPort(addrPort("192.0.3.1", 67)))
		return err
	}))
	defer func() { do(t, c.Close()) }()
	m := discover()
	_, err := c.Write(m.bytes())
	do(t, err)
	f, err := b.taps["u0"].Find(patience, func(f *wire.Frame) bool { return f.DHCP4() })
	do(t, err)
	same(t, m.up("192.0.3.1", cid("d2")...), f.Payload)
	checkHeaders(t, &f)
}

// testAddressComes gives a link its address while the daemon runs, and takes it.
func testAddressComes(t *testing.T, b *wireBed) {
	b.become(t, bench().have("d1"))
	b.start(t, least)
	p := newPlayer(t, b)
	p.play(t, &tcase{on: "d1", msg: discover(), drop: agent.NoGiaddr})
	do(t, b.r.Addr("d1", addrD1+"/24"))
	b.eventually(t, "d1", 1)
	p.play(t, &tcase{on: "d1", msg: discover(), up: toS(discover().up(addrD1, cid("d1")...))})
	do(t, b.r.DelAddr("d1", addrD1+"/24"))
	b.eventually(t, "d1", 0)
	p.play(t, &tcase{on: "d1", msg: discover(), drop: agent.NoGiaddr})
}

// eventually repeats a request until it is relayed, or no longer is. The counter
// tells, so that the next case finds the daemon quiet.
func (b *wireBed) eventually(t *testing.T, on string, relayed float64) {
	t.Helper()
	for end := time.Now().Add(load.Bound(time.Second)); ; {
		before := b.daemon.http.scrape(t)
		b.inject(t, on, addrPort("0.0.0.0", 68), addrPort("255.255.255.255", 67), discover().bytes())
		d := b.daemon.http.settled(t, before, 1).minus(before)
		if d.sum(messagesTotal, `outcome="relayed"`) == relayed {
			b.drain(t)
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not followed within a second: %v", d.only(messagesTotal))
		}
	}
}

// testAddressGoesUnderLoad takes addresses away and gives them back while
// requests and replies flow. The daemon survives and accounts for each message.
func testAddressGoesUnderLoad(t *testing.T, b *wireBed) {
	b.become(t, bench())
	b.start(t, least)
	before := b.daemon.http.scrape(t)
	reply := offer(giaddrOf(addrD1), yiaddr("198.51.101.9"))
	const rounds, each = 20, 20
	for i := range rounds {
		for range each {
			b.inject(t, "d1", addrPort("0.0.0.0", 68), addrPort("255.255.255.255", 67), discover().bytes())
			b.inject(t, "d0", addrPort("0.0.0.0", 68), addrPort("255.255.255.255", 67), discover().bytes())
			b.inject(t, "u0", addrPort(server1, 67), addrPort(addrU0, 67), reply.bytes())
		}
		if i%2 == 0 {
			do(t, b.r.DelAddr("d1", addrD1+"/24"))
		} else {
			do(t, b.r.Addr("d1", addrD1+"/24"))
		}
	}
	after := b.daemon.http.settled(t, before, 3*rounds*each)
	if err := after.balanced(); err != nil {
		t.Error(err)
	}
	d := after.minus(before)
	if n := d.sum(messagesTotal, `interface="d0"`, `outcome="relayed"`); n != rounds*each {
		t.Errorf("%v of %d requests of the undisturbed link were relayed", n, rounds*each)
	}
	ok := d.sum(messagesTotal, `outcome="relayed"`) + d.sum(messagesTotal, `outcome="no_giaddr"`) + d.sum(messagesTotal, `outcome="bogus_giaddr"`)
	if ok != 3*rounds*each {
		t.Errorf("other outcomes than expected: %v, %v", d.only(messagesTotal), d.only("dhcp_relay_send_errors_total"))
	}
	b.drain(t)
}

// outcomes are the names of the closed list.
func outcomes() []string {
	var out []string
	for r := range agent.NumReasons {
		out = append(out, agent.Reason(r).String())
	}
	return out
}

// testCorpus sends the generated corpus in one go. The daemon survives, and its
// counters show what the core decides.
func testCorpus(t *testing.T, b *wireBed) {
	b.become(t, bench())
	b.start(t, least)
	snap := compile(t, least, bench())
	want := make(map[string]float64)
	before := b.daemon.http.scrape(t)
	var sent int
	for _, on := range []string{"d0", "u0"} {
		for _, s := range corpus() {
			if len(s.raw) > 1400 {
				continue // the MTU decides on those, which the core does not know
			}
			src, dst := addrPort("192.0.2.50", 68), addrPort("255.255.255.255", 67)
			if on == "u0" {
				src, dst = addrPort(server1, 67), addrPort(addrD0, 67)
			}
			want[snap.Relay4(store(s.raw), agent.Ingress{Link: index(on), Src: src, Dst: dst.Addr()}).Reason.String()]++
			b.inject(t, on, src, dst, s.raw)
			if sent++; sent%500 == 0 {
				b.daemon.http.settled(t, before, sent)
				b.drain(t)
			}
		}
	}
	after := b.daemon.http.settled(t, before, sent)
	if err := after.balanced(); err != nil {
		t.Error(err)
	}
	d := after.minus(before)
	for _, outcome := range outcomes() {
		if got := d.sum(messagesTotal, `outcome="`+outcome+`"`); got != want[outcome] {
			t.Errorf("%s: %v, want %v", outcome, got, want[outcome])
		}
	}
	if errs := d.only("dhcp_relay_send_errors_total"); len(errs) > 0 {
		t.Errorf("send errors: %v", errs)
	}
	if got := d.sum(messagesTotal); got != float64(sent) {
		t.Errorf("%v outcomes of %d messages", got, sent)
	}
	b.drain(t)
	newPlayer(t, b).play(t, &tcase{msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))})
}
