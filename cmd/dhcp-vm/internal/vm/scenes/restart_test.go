package scenes

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"

	"dhcp-relay/cmd/dhcp-vm/internal/vm"
	"dhcp-relay/cmd/lab/wire"
)

// A passage is how often each message, by family and xid, passed where.
type passage map[uint64]map[string]bool

func (p passage) note(family, xid uint32, where string) {
	k := uint64(family)<<32 | uint64(xid)
	if p[k] == nil {
		p[k] = make(map[string]bool)
	}
	p[k][where] = true
}

// missing counts the messages of a family that passed one place and not another.
func (p passage) missing(family uint32, from, to string) (n int) {
	for k, where := range p {
		if k>>32 == uint64(family) && where[from] && !where[to] {
			n++
		}
	}
	return n
}

// count counts the messages of a family that passed a place.
func (p passage) count(family uint32, where string) (n int) {
	for k, w := range p {
		if k>>32 == uint64(family) && w[where] {
			n++
		}
	}
	return n
}

// hear takes what the taps have heard, for as long as some comes.
func (b *booted) hear(p passage) {
	b.t.Helper()
	for _, tap := range []*ear{b.h.tap, b.h6.tap, b.d.tap, b.d6.tap} {
		frames, err := tap.Drain()
		must(b.t, err)
		atServer := tap == b.d.tap || tap == b.d6.tap
		for i := range frames {
			f := &frames[i]
			switch {
			case f.DHCP4() && len(f.Payload) >= 8 && tap != b.h6.tap && tap != b.d6.tap:
				p.note(4, binary.BigEndian.Uint32(f.Payload[4:]), place(f.Payload[0] == 2, atServer))
			case f.DHCP6() && tap != b.h.tap && tap != b.d.tap:
				m, err := dhcpv6.FromBytes(f.Payload)
				if err != nil {
					continue
				}
				inner, err := m.GetInnerMessage()
				if err != nil {
					continue
				}
				id := inner.TransactionID
				p.note(6, uint32(id[0])<<16|uint32(id[1])<<8|uint32(id[2]), place(inner.Type() == dhcpv6.MessageTypeAdvertise, atServer))
			}
		}
	}
}

func place(reply, atServer bool) string {
	return map[bool]string{false: "request", true: "reply"}[reply] + map[bool]string{false: " at the client", true: " at the server"}[atServer]
}

// ask sends a Discover and a Solicit of the xid by the clients' taps.
func (b *booted) ask(p passage, xid uint32) error {
	id := [4]byte{}
	binary.BigEndian.PutUint32(id[:], xid)
	m4, err := dhcpv4.NewDiscovery(b.h.MAC(), dhcpv4.WithTransactionID(dhcpv4.TransactionID(id)))
	if err != nil {
		return err
	}
	m6, err := dhcpv6.NewSolicit(b.h6.MAC())
	if err != nil {
		return err
	}
	copy(m6.TransactionID[:], id[1:])
	m6.AddOption(dhcpv6.OptElapsedTime(0))
	p4 := wire.Packet{EtherSrc: b.h.MAC(), Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddrPort("255.255.255.255:67"), Payload: m4.ToBytes()}
	p6 := wire.Packet{EtherSrc: b.h6.MAC(), Src: netip.AddrPortFrom(b.h6.Local(), 546), Dst: netip.MustParseAddrPort("[ff02::1:2]:547"), Payload: m6.ToBytes()}
	p.note(4, xid, "request at the client")
	p.note(6, xid&0xffffff, "request at the client")
	return errors.Join(b.h.tap.Send(p4.Frame()), b.h6.tap.Send(p6.Frame()))
}

// quiet is how long nothing comes once all has come.
const quiet = 3 * time.Second

// restarts restarts and upgrades the service while clients of both families ask, 100
// times a second each.
func (b *booted) restarts() {
	b.hear(passage{}) // and forget it
	sent, p := passage{}, passage{}
	quit := make(chan struct{})
	var wg sync.WaitGroup
	var failed error
	wg.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for xid := uint32(0xa00001); failed == nil; xid++ {
			select {
			case <-quit:
				return
			case <-tick.C:
				failed = b.ask(sent, xid)
			}
		}
	})
	for i, act := range []func() error{
		func() error { _, err := ctl("restart", service); return err },
		b.install,
		func() error { _, err := ctl("restart", service); return err },
		func() error { return syscall.Kill(b.pid(), syscall.SIGUSR2) },
		func() error { return syscall.Kill(b.pid(), syscall.SIGKILL) },
	} {
		before := strings.Count(b.log(), "msg=relaying")
		must(b.t, act())
		b.daemon.awaitFor(startTime, "the service relays again", func() bool {
			return strings.Count(b.log(), "msg=relaying") > before && b.show("ActiveState") == "active"
		})
		b.t.Logf("restart %d: %s descriptors are kept", i+1, b.show("NFileDescriptorStore"))
	}
	close(quit)
	wg.Wait()
	must(b.t, failed)
	lost := func() (all [4]int) {
		b.hear(p)
		for k := range sent {
			p.note(uint32(k>>32), uint32(k), "request at the client")
		}
		for i, f := range []uint32{4, 6} {
			all[2*i] = p.missing(f, "request at the client", "request at the server")
			all[2*i+1] = p.missing(f, "reply at the server", "reply at the client")
		}
		return all
	}
	got, replies := lost(), func() int { return p.count(4, "reply at the server") + p.count(6, "reply at the server") }
	for last := -1; replies() > last; got = lost() { // the servers are behind
		last = replies()
		time.Sleep(quiet)
	}
	b.t.Logf("asked %d times over each family, replies %d and %d; lost requests and replies of DHCPv4 %d and %d, of DHCPv6 %d and %d",
		p.count(4, "request at the client"), p.count(4, "reply at the server"), p.count(6, "reply at the server"), got[0], got[1], got[2], got[3])
	// One of them was killed, with what it had in hand.
	for _, n := range got {
		if n > 2 {
			b.t.Errorf("lost %v: requests and replies of each family, want at most 2", got)
		}
	}
	if said := b.log(); !strings.Contains(said, `msg="sockets taken over, with what waited in them" sockets=2 of=2`) {
		b.t.Errorf("the log does not tell that sockets were taken over:\n%s", said)
	}
	b.active(0)
	// How often the clients have to ask is not told: the machine has much to do yet.
	_, err4 := b.h.Login(within(b.t, startTime))
	_, err6 := b.h6.Login(within(b.t, startTime))
	must(b.t, err4, err6)
	b.rebase()
}

// install installs the package's other version, which restarts the service.
func (b *booted) install() error {
	next := vm.Package(1)
	if b.packaged() == "0.0.0~git1.scenes-1" {
		next = vm.Package(2)
	}
	_, err := dpkg("--install", next)
	return err
}

// packaged returns the version of the package that is installed.
func (b *booted) packaged() string {
	b.t.Helper()
	version, err := exec.Command("dpkg-query", "--show", "--showformat=${Version}", "dhcp-relay").Output()
	must(b.t, err)
	return string(version)
}

// dpkg runs dpkg and returns what it says.
func dpkg(args ...string) (string, error) {
	out, err := exec.Command("dpkg", args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("dpkg %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
