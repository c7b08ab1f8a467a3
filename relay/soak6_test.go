package relay_test

import (
	"encoding/binary"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/load"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp6"
)

// solicitation is when a DHCPv6 client asks again, at the latest, at first (RFC 9915,
// section 15: SOL_TIMEOUT of 1 s and RAND).
const solicitation = 1100 * time.Millisecond

// prefixes6 returns the relay's IPv6 addresses in a soak, by link.
func prefixes6() map[string]string {
	return map[string]string{"stir": "2001:db8:a1::1/64", "calm": "2001:db8:a2::1/64", "up": "2001:db8:9::1/64"}
}

// again6 gives links the IPv6 addresses that the kernel has taken from them with the
// link, or with an MTU that is too small for IPv6.
func (s *soak) again6() {
	for link, prefix := range prefixes6() {
		has, err := s.relay.NL.AddrList(s.relay.Link(link), netlink.FAMILY_V6)
		s.relay.Must(err)
		missing := true
		for _, a := range has {
			missing = missing && a.IPNet.String() != prefix
		}
		if missing {
			s.relay.ipv6(link, prefix)
		}
	}
	s.acquaint("2001:db8:9::1", "2001:db8:9::2")
}

// served6 has a DHCPv6 client ask each 50 ms until it is answered, and returns how long
// that took.
func (s *soak) served6(n *network6, when string) time.Duration {
	t := s.t
	t.Helper()
	for began := time.Now(); time.Since(began) < patient; {
		if s.ask6(n, 50*time.Millisecond) {
			return time.Since(began)
		}
	}
	t.Fatalf("%s: no DHCPv6 client is served", when)
	return 0
}

// ask6 sends a Solicit and waits for its answer. The link may be down.
func (s *soak) ask6(n *network6, wait time.Duration) bool {
	s.xid++
	c, began, b := client6Of(s.xid), time.Now(), make([]byte, 1<<12)
	if unix.Sendto(n.fd, c.frame(c.message(dhcp6.Solicit, 60)), 0, &n.to) != nil {
		time.Sleep(wait)
		return false
	}
	for time.Since(began) < wait {
		f := n.hear(b)
		if len(f) >= 70 && f[0] == c.mac[0] && dhcp6.Type(f[62]) == dhcp6.Advertise && binary.BigEndian.Uint32(f[62:])&0xffffff == s.xid {
			return true
		}
	}
	return false
}

// within fails if clients of either family are served later than one retransmission
// after a fault.
func (s *soak) within(n *network, n6 *network6, fault string) {
	s.t.Helper()
	if took, most := s.served(n, fault), load.Bound(retransmission); took > most {
		s.t.Errorf("%s: clients are served after %v, want within %v", fault, took, most)
	}
	if took, most := s.served6(n6, fault), load.Bound(solicitation); took > most {
		s.t.Errorf("%s: DHCPv6 clients are served after %v, want within %v", fault, took, most)
	}
}

// kernelFaults are of the kernel's other guests: a firewall that forbids to send, and more
// news of addresses than the socket holds that tells of them.
func (s *soak) kernelFaults() []fault {
	r := s.relay
	nft := func(rules string) {
		s.t.Helper()
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader(rules)
		r.Must(r.In(func() error { return cmd.Run() }))
	}
	all := []fault{{"news of addresses overrun", false, func() {
		s.suspend()
		a := &netlink.Addr{IPNet: &net.IPNet{IP: net.IPv4(10, 99, 0, 1).To4(), Mask: net.CIDRMask(32, 32)}}
		link := r.Link("stir")
		for range 1500 {
			r.Must(r.NL.AddrAdd(link, a))
			r.Must(r.NL.AddrDel(link, a))
		}
	}, s.resume}}
	if _, err := exec.LookPath("nft"); err != nil {
		netns.Need(s.t, "nft (Debian: nftables)", err)
	}
	return append(all, fault{"a firewall forbids to send", false, func() {
		nft("table inet soak { chain output { type filter hook output priority 0; udp dport { 67, 547 } drop; }; }")
	}, func() { nft("delete table inet soak") }})
}

// A relay that is killed at random moments under load serves clients of both families
// within one retransmission after it has started again. With RELAY_TEST_SOAK that
// happens 100 times.
func TestKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	times := 4
	if os.Getenv("RELAY_TEST_SOAK") != "" {
		times = 100
	}
	s := newSoak(t)
	began := time.Now()
	for range times {
		time.Sleep(time.Duration(s.IntN(300)) * time.Millisecond) // the moment
		s.restart(syscall.SIGKILL)
		s.within(s.stirred, s.stirred6, "killed")
		s.within(s.calm, s.calm6, "killed")
	}
	t.Logf("killed %d times in %v", times, time.Since(began).Round(time.Second))
	s.rest()
	if n := s.scrape().sum("dhcp_relay_socket_drops_total"); n != 0 {
		t.Errorf("%d messages were lost in a full buffer", n)
	}
}
