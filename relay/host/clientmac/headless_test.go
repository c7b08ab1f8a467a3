package clientmac

import (
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/host/udp"
)

// tun makes a device without link-layer headers and returns it with its index.
// What is written to the file comes in by the device.
func (s *space) tun(name string) (f *os.File, link int) {
	s.T.Helper()
	var missing error
	s.Do(func() error {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			missing = err
			return nil
		}
		f = os.NewFile(uintptr(fd), name)
		req, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		req.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		return unix.IoctlIfreq(fd, unix.TUNSETIFF, req)
	})
	netns.Need(s.T, "/dev/net/tun", missing)
	s.T.Cleanup(func() { _ = f.Close() })
	return f, s.Up(name)
}

// What a device without link-layer headers brings is noted nowhere, whatever is
// in it.
func TestNoEthernetHeader(t *testing.T) {
	r := newSpace(t)
	dev, link := r.tun("tun0")
	c := r.relay("", link)
	table := needTable(t, logSets)
	s := table.mustAttach(t, c)

	plain := nth(1)
	// Where the type of a frame would be, this has that of IPv6.
	sly := nth(2)
	a := sly.src.As16()
	a[4], a[5] = typeIPv6>>8, typeIPv6&0xff
	sly.src = netip.AddrFrom16(a)
	for _, cl := range []client{plain, sly} {
		_, err := dev.Write(packet(cl.src, datagram(cl.src, cl.message(typeSolicit)), 17))
		r.Must(err)
	}
	read(t, c, 2, func(d *udp.Datagram) {
		if m, ok := s.ask(d); ok {
			t.Errorf("%v came from %x", d.Src, m)
		}
	})
	if n := table.noted(); n != 0 {
		t.Errorf("%d notes", n)
	}
}

// What the host sends to itself has an address of zeros before it, or nothing.
func TestFromThisHost(t *testing.T) {
	r := newSpace(t)
	c := r.relay("", r.cable("client0").link)
	table := needTable(t, logSets)
	table.mustAttach(t, c)
	r.datagram(&unix.SockaddrInet6{Port: 547, Addr: [16]byte{15: 1}}, nth(1).message(typeSolicit))
	read(t, c, 1, func(*udp.Datagram) {})
	if n := table.noted(); n != 0 {
		t.Errorf("%d notes", n)
	}
}

// noted is the number of notes ever made.
func (t *Table) noted() (n uint64) {
	for i := range t.notes.sets {
		n += t.notes.sets[i].cursor
	}
	return n
}
