package count

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/wire/icmp"
)

func TestTroubleEnds(t *testing.T) {
	t.Parallel()
	s := New().Server(netip.MustParseAddrPort("10.9.0.2:67"), "")
	now := time.Unix(1000, 0)
	closed := Trouble{Error: icmp.Error{Kind: icmp.PortClosed, Offender: netip.MustParseAddr("10.9.0.2"), To: s.Addr}}
	far := Trouble{Error: icmp.Error{Kind: icmp.NoRoute, Offender: netip.MustParseAddr("10.9.7.1"), To: s.Addr}}
	is := func(when time.Time, want icmp.Kind, count uint64, since time.Time) {
		t.Helper()
		got, ok := s.Trouble(when)
		if !ok || got.Error.Kind != want || got.Count != count || !got.Since.Equal(since) {
			t.Errorf("%v, %d times since %v (%v)", got.Error.Kind, got.Count, got.Since, ok)
		}
	}
	none := func(when time.Time) {
		t.Helper()
		if got, ok := s.Trouble(when); ok {
			t.Errorf("still %v", got)
		}
	}
	none(now)
	if !s.Troubled(closed, now) || s.Troubled(closed, now.Add(50*time.Second)) {
		t.Error("only the first one is new")
	}
	is(now.Add(109*time.Second), icmp.PortClosed, 2, now)
	none(now.Add(110 * time.Second))

	later := now.Add(time.Hour)
	if !s.Troubled(closed, later) || !s.Troubled(far, later) {
		t.Error("each is new")
	}
	is(later, icmp.NoRoute, 1, later)
	s.Replied()
	none(later)
	if !s.Troubled(far, later) {
		t.Error("it is new after a reply")
	}
	is(later, icmp.NoRoute, 1, later)
	if n := s.ICMP[icmp.NoRoute].Value(); n != 2 {
		t.Errorf("%d of no_route", n)
	}
}

func TestTroubleSays(t *testing.T) {
	t.Parallel()
	addr := netip.MustParseAddr
	says := func(k icmp.Kind, offender string) Trouble {
		return Trouble{Error: icmp.Error{Kind: k, Type: 3, Code: 5, MTU: 1400, Offender: addr(offender), To: netip.MustParseAddrPort("10.9.0.2:67")}}
	}
	local := func(k icmp.Kind, hop, link string) Trouble {
		t := says(k, "10.1.0.1")
		t.Local, t.Link = true, link
		if hop != "" {
			t.NextHop = addr(hop)
		}
		return t
	}
	six := local(icmp.HostUnreachable, "", "uplink")
	six.Error.To = netip.MustParseAddrPort("[2001:db8:9::2]:547")
	for _, c := range []struct {
		of   Trouble
		want string
	}{
		{says(icmp.PortClosed, "10.9.0.2"), "10.9.0.2 says that nothing listens on port 67"},
		{says(icmp.PortClosed, "10.9.7.1"), "10.9.7.1 says that nothing listens on port 67 of 10.9.0.2, as some firewalls do"},
		{says(icmp.HostUnreachable, "10.9.7.1"), "10.9.7.1 says that it cannot reach 10.9.0.2: host unreachable"},
		{says(icmp.NoRoute, "10.9.7.1"), "10.9.7.1 says that it has no route to 10.9.0.2"},
		{says(icmp.Prohibited, "10.9.7.1"), "10.9.7.1 says: administratively prohibited"},
		{says(icmp.TooBig, "10.9.7.1"), "10.9.7.1 says that requests are too big for the way on (MTU 1400)"},
		{says(icmp.HopsExceeded, "10.9.7.1"), "10.9.7.1 says that requests have gone through too many routers"},
		{says(icmp.Other, "10.9.7.1"), "10.9.7.1 answers requests with ICMP type 3, code 5"},
		{local(icmp.HostUnreachable, "10.9.0.2", "uplink"), "10.9.0.2 does not answer ARP on uplink"},
		{local(icmp.HostUnreachable, "", ""), "10.9.0.2 does not answer ARP"},
		{local(icmp.HostUnreachable, "10.8.0.1", "uplink"), "10.8.0.1, the next router on the way, does not answer ARP on uplink"},
		{six, "2001:db8:9::2 does not answer neighbour discovery on uplink"},
		{local(icmp.PortClosed, "", ""), "a firewall on this host rejects what goes to port 67 of 10.9.0.2"},
		{local(icmp.Prohibited, "", ""), "a firewall on this host rejects what goes to port 67 of 10.9.0.2"},
	} {
		if diff := cmp.Diff(c.want, c.of.String()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if c.of.Remedy() == "" {
			t.Errorf("%s: no remedy", c.of)
		}
	}
}
