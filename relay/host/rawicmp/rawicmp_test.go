package rawicmp

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/icmp"
)

// patient bounds every wait for something that must come.
const patient = 30 * time.Second

// A bed is a host with a neighbour on the link up: 10.9.0.1 and 2001:db8:9::1 beside
// 10.9.0.2 and 2001:db8:9::2.
func newBed(t *testing.T) (host, other *netns.Space) {
	t.Helper()
	host, other = netns.NewSpace(t), netns.NewSpace(t)
	host.Veth("up", other, "s")
	host.Addr("up", "10.9.0.1/24", "2001:db8:9::1/64")
	other.Addr("s", "10.9.0.2/24", "2001:db8:9::2/64")
	return host, other
}

func listen(t *testing.T, s *netns.Space, f dhcp.Family, ports ...uint16) *Listener {
	t.Helper()
	var l *Listener
	s.Do(func() (err error) { l, err = Listen(f, ports...); return err })
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// want reads the next error.
func (l *Listener) want(t *testing.T) (icmp.Error, int) {
	t.Helper()
	_ = l.conn.SetReadDeadline(time.Now().Add(patient))
	e, link, err := l.Read()
	if err != nil {
		t.Fatal(err)
	}
	return e, link
}

// TestHears has a closed port, and a neighbour that does not answer, in both families.
func TestHears(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		family   dhcp.Family
		from, to string
		kind     icmp.Kind
		offender string
	}{
		{"closed port", dhcp.V4, "10.9.0.1:67", "10.9.0.2:67", icmp.PortClosed, "10.9.0.2"},
		{"closed port, IPv6", dhcp.V6, "[2001:db8:9::1]:547", "[2001:db8:9::2]:547", icmp.PortClosed, "2001:db8:9::2"},
		{"no ARP", dhcp.V4, "10.9.0.1:67", "10.9.0.99:67", icmp.HostUnreachable, "10.9.0.1"},
		{"no neighbour", dhcp.V6, "[2001:db8:9::1]:547", "[2001:db8:9::99]:547", icmp.HostUnreachable, "2001:db8:9::1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			host, _ := newBed(t)
			from, to := netip.MustParseAddrPort(c.from), netip.MustParseAddrPort(c.to)
			l := listen(t, host, c.family, from.Port(), 4067)
			network := "udp4"
			if c.family == dhcp.V6 {
				network = "udp6"
			}
			// What comes from another port is left out.
			stranger := host.ListenUDP(network, netip.AddrPortFrom(from.Addr(), 4711).String())
			conn := host.ListenUDP(network, c.from)
			for _, s := range []*net.UDPConn{stranger, conn} {
				if _, err := s.WriteToUDPAddrPort(make([]byte, 300), to); err != nil {
					t.Fatal(err)
				}
			}
			e, link := l.want(t)
			if e.Kind != c.kind || e.From != from || e.To != to || e.Offender != netip.MustParseAddr(c.offender) || link == 0 {
				t.Errorf("%+v on link %d", e, link)
			}
		})
	}
}

// TestPortsChange hears of another port once it is asked for.
func TestPortsChange(t *testing.T) {
	t.Parallel()
	host, _ := newBed(t)
	l := listen(t, host, dhcp.V4, 67)
	host.Must(l.Ports(4067))
	for _, from := range []string{"10.9.0.1:67", "10.9.0.1:4067"} {
		if _, err := host.ListenUDP("udp4", from).WriteToUDPAddrPort([]byte("x"), netip.MustParseAddrPort("10.9.0.2:67")); err != nil {
			t.Fatal(err)
		}
	}
	if e, _ := l.want(t); e.From.Port() != 4067 {
		t.Errorf("%+v", e)
	}
}

func TestCloseEndsRead(t *testing.T) {
	t.Parallel()
	host, _ := newBed(t)
	l := listen(t, host, dhcp.V6)
	ended := make(chan error)
	go func() { _, _, err := l.Read(); ended <- err }()
	host.Must(l.Close())
	select {
	case err := <-ended:
		if !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	case <-time.After(patient):
		t.Error("still reads")
	}
}
