package relay_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/bootp"
)

// tun makes a link without link-layer addresses and returns the end from which
// its packets come and to which they go.
func (b *bed) tun(name, prefix string) *os.File {
	b.t.Helper()
	var fd int
	b.relay.Do(func() (err error) {
		if fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err != nil {
			return err
		}
		req, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		return unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	})
	f := os.NewFile(uintptr(fd), "tun")
	b.t.Cleanup(func() { _ = f.Close() })
	b.relay.Up(name)
	b.relay.Addr(name, prefix)
	return f
}

func TestLinkWithoutLinkLayerAddressGetsPlainUDP(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		netns.Need(t, "tun devices", fmt.Errorf("%w: %w", unix.EOPNOTSUPP, err))
	}
	b := newBed(t)
	v := listenAt(b.servers, "10.9.0.2:67")
	tun := b.tun("tun0", "10.5.0.1/24")
	d := b.start("[[interface]]\nname = \"tun0\"\nservers = [\"10.9.0.2\"]\n")
	for _, tc := range []struct {
		name   string
		client message
		dst    string
	}{
		{"to yiaddr", discover(1), "10.5.0.77:68"},
		{"broadcast flag", message{xid: 2, kind: bootp.Discover, broadcast: true}, "255.255.255.255:68"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := tun.Write(datagram(nobody, everyone, tc.client.request())); err != nil {
				t.Fatal(err)
			}
			h := v.want()
			reply := answer(h.Packet, bootp.Offer, "10.5.0.77")
			reply[10] = h.Packet[10] // the broadcast flag
			v.send(reply, addrPort("10.5.0.1:67"))
			buf := make([]byte, 2048)
			n, err := tun.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			f, ok := parseDatagram(buf[:n])
			if !ok || f.dst.String() != tc.dst || f.src.String() != "10.5.0.1:67" || f.message.Xid() != tc.client.xid {
				t.Errorf("reply from %v to %v, want from 10.5.0.1:67 to %s", f.src, f.dst, tc.dst)
			}
		})
	}
	d.awaitOutcome("relayed", 4)
	d.balanced()
}

func TestStartFailsWhereAnotherHasThePort(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.network("vlan10", "10.1.0.1/24")
	b.relay.ListenUDP("udp4", "0.0.0.0:67")
	d := b.launch("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	var exit *exec.ExitError
	if err := d.cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("end: %v, want status 1", err)
	}
	lines := strings.Split(strings.TrimSpace(d.log.String()), "\n")
	last := lines[len(lines)-1]
	for _, want := range []string{"dhcp-relay: listen on port 67: ", "address already in use", "held by relay.test (pid "} {
		if !strings.Contains(last, want) {
			t.Errorf("no %q in %q", want, last)
		}
	}
	if d.logged("interface relays", nil) {
		t.Error("nothing relays where the start has failed")
	}
}

// sharing opens a wildcard socket on port 67 as a program does that lets others
// have the port too.
func (s *space) sharing() net.PacketConn {
	s.T.Helper()
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		var err error
		return errors.Join(rc.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		}), err)
	}}
	var pc net.PacketConn
	s.Do(func() (err error) {
		pc, err = lc.ListenPacket(s.T.Context(), "udp4", "0.0.0.0:67")
		return err
	})
	s.T.Cleanup(func() { _ = pc.Close() })
	return pc
}

func TestT26_AnotherWildcardListener(t *testing.T) {
	t.Parallel()
	const config = "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n"
	for _, tc := range []struct {
		name  string
		older bool // the other listener is older than the relay's sockets
	}{
		{"older", true},
		{"younger", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBed(t)
			n := b.network("vlan10", "10.1.0.1/24")
			v := listenAt(b.servers, "10.9.0.2:67")
			if tc.older {
				b.relay.sharing()
			}
			d := b.start(config)
			if !tc.older {
				b.relay.sharing()
			}
			d.await("sockets of its own", func() bool { return d.logged("addresses have sockets of their own", nil) })
			n.broadcast(discover(1).request())
			h := v.want()
			const many = 100
			got := 0
			for range many {
				v.reply(h, bootp.Offer, "10.1.0.77")
			}
			for range many {
				if _, ok := n.hear(patient / 10); !ok {
					break
				}
				got++
			}
			// Of sockets that fit equally well, the kernel gives a unicast to the
			// youngest; one that is bound to the address fits better.
			if got != many {
				t.Errorf("the other listener has taken %d of %d replies", many-got, many)
			}
			check := exec.Command(daemonPath, "check", "--config", d.config)
			var said strings.Builder
			check.Stderr = &said
			b.relay.start(check)
			if err := check.Wait(); err != nil {
				t.Errorf("check: %v", err)
			}
			if !strings.Contains(said.String(), "held by relay.test (pid ") {
				t.Errorf("check says %q", said.String())
			}
		})
	}
}

// vrf makes a VRF device, or skips.
func (s *space) vrf(name string, table uint32) {
	s.T.Helper()
	s.Add(&netlink.Vrf{LinkAttrs: netns.Attrs(name), Table: table})
	s.Up(name)
}

func TestClientsAndServersInVRFs(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.relay.vrf("red", 10)
	b.relay.vrf("blue", 20)
	n := b.network("vlan10")
	for link, vrf := range map[string]string{"vlan10": "red", "up": "blue"} {
		b.relay.Must(b.relay.NL.LinkSetMaster(b.relay.Link(link), b.relay.Link(vrf)))
	}
	b.relay.Addr("vlan10", "10.1.0.1/24")
	// Replies to giaddr come in by blue, where the address is not local.
	b.relay.Addr("blue", "10.1.0.1/32")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start(`
[[server]]
address = "10.9.0.2"
vrf = "blue"
[[interface]]
name = "vlan10"
servers = ["10.9.0.2"]
`)
	n.broadcast(discover(1).request())
	h := v.want()
	if h.Giaddr() != netip.MustParseAddr("10.1.0.1") {
		t.Errorf("giaddr is %v", h.Giaddr())
	}
	v.reply(h, bootp.Offer, "10.1.0.77")
	n.want()
	d.awaitOutcome("relayed", 2)
}
