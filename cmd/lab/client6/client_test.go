package client6

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv6"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/rkap"
	"dhcp-relay/cmd/lab/server"
	"dhcp-relay/cmd/lab/server6"
	"dhcp-relay/cmd/lab/wire"
)

// A bed is a client and, at the other end of its link, a relay made of a tap: it
// wraps what the client sends for a server in a third namespace, twice.
type bed struct {
	client *netns.NS
	server *server6.Server
}

// newBed joins a client's link and a server's by a relay of the test's own.
func newBed(t *testing.T, conf server6.Config) *bed {
	t.Helper()
	netns.Require(t)
	opts := []netns.Option{netns.WithoutDAD(), netns.WithoutLinkLocal()}
	c, r, s := netns.Test(t, "c", opts...), netns.Test(t, "r", opts...), netns.Test(t, "s", opts...)
	must(t,
		netns.Veth(c, "eth0", r, "down"), netns.Veth(s, "eth0", r, "up"),
		c.Addr("eth0", "fe80::c/64"), r.Addr("down", "fe80::1/64"),
		s.Addr("eth0", "2001:db8:9::2/64"), r.Addr("up", "2001:db8:9::1/64"),
	)
	srv, err := server6.Start(s, "eth0", conf)
	must(t, err)
	t.Cleanup(func() { must(t, srv.Close()) })
	relay(t, c, r, s)
	return &bed{client: c, server: srv}
}

// relay carries messages between the links until the test ends.
func relay(t *testing.T, c, r, s *netns.NS) {
	t.Helper()
	down, err := wire.Open(r, "down")
	must(t, err)
	up, err := wire.Open(r, "up")
	must(t, err)
	macC, err1 := c.MAC("eth0")
	macS, err2 := s.MAC("eth0")
	must(t, err1, err2)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{}, 2)
	carry := func(from, to *wire.Tap, p wire.Packet, change func([]byte) ([]byte, error)) {
		defer func() { done <- struct{}{} }()
		for ctx.Err() == nil {
			f, err := from.Find(20*time.Millisecond, (*wire.Frame).DHCP6)
			if err != nil || f.Outgoing {
				continue
			}
			if p.Payload, err = change(f.Payload); err == nil {
				err = to.Send(p.Frame())
			}
			if err != nil {
				t.Error(err)
			}
		}
	}
	ports := func(src, dst string) wire.Packet {
		return wire.Packet{Src: netip.MustParseAddrPort(src), Dst: netip.MustParseAddrPort(dst)}
	}
	toS, toC := ports("[2001:db8:9::1]:547", "[2001:db8:9::2]:547"), ports("[fe80::1]:547", "[fe80::c]:546")
	toS.EtherDst, toC.EtherDst = macS, macC
	go carry(down, up, toS, wrapTwice)
	go carry(up, down, toC, unwrapTwice)
	t.Cleanup(func() {
		cancel()
		<-done
		<-done
		must(t, down.Close(), up.Close())
	})
}

func wrapTwice(b []byte) ([]byte, error) {
	m, err := dhcpv6.FromBytes(b)
	if err != nil {
		return nil, err
	}
	first, err := dhcpv6.EncapsulateRelay(m, dhcpv6.MessageTypeRelayForward, addr("2001:db8:1::1"), addr("fe80::c"))
	if err != nil {
		return nil, err
	}
	first.AddOption(dhcpv6.OptInterfaceID([]byte("port 7")))
	second, err := dhcpv6.EncapsulateRelay(first, dhcpv6.MessageTypeRelayForward, addr("::"), addr("2001:db8:1::1"))
	if err != nil {
		return nil, err
	}
	second.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionEchoRequest, OptionData: []byte{0, 38}})
	second.AddOption(&dhcpv6.OptionGeneric{OptionCode: 38, OptionData: []byte("subscriber")})
	return second.ToBytes(), nil
}

func unwrapTwice(b []byte) ([]byte, error) {
	d, err := dhcpv6.RelayMessageFromBytes(b)
	if err != nil {
		return nil, err
	}
	inner, ok := d.Options.RelayMessage().(*dhcpv6.RelayMessage)
	if !ok || d.HopCount != 1 || d.GetOneOption(38) == nil || inner.HopCount != 0 ||
		inner.MessageType != dhcpv6.MessageTypeRelayReply || string(inner.Options.InterfaceID()) != "port 7" {
		return nil, errors.New("the server has unwound wrongly: " + d.Summary())
	}
	return inner.Options.RelayMessage().ToBytes(), nil
}

func addr(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// serves is a server's configuration; the network goes by link-address.
func serves() server6.Config {
	return server6.Config{
		ID:  []byte{0, 3, 0, 1, 2, 0, 0, 0, 0, 9},
		DNS: netip.MustParseAddr("2001:db8:9::53"),
		Subnets: []server6.Subnet{{
			Prefix: netip.MustParsePrefix("2001:db8:1::/64"),
			First:  netip.MustParseAddr("2001:db8:1::100"), Last: netip.MustParseAddr("2001:db8:1::101"),
			Delegated: netip.MustParsePrefix("2001:db8:100::/40"), Bits: 56,
		}},
	}
}

func open(t *testing.T, b *bed, conf Config) *Client {
	t.Helper()
	conf.Scale = 2
	c, err := New(b.client, "eth0", conf)
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

func TestLifeOfALease(t *testing.T) {
	b := newBed(t, serves())
	c := open(t, b, Config{Prefix: true, Reconfigure: true})
	ctx := t.Context()
	l, err := c.Login(ctx)
	must(t, err)
	want := Lease{
		Addr: netip.MustParseAddr("2001:db8:1::100"), Prefix: netip.MustParsePrefix("2001:db8:100::/56"),
		Server: serves().ID, T1: 30 * time.Minute, T2: 48 * time.Minute,
	}
	same := cmp.Options{
		cmp.Comparer(func(x, y netip.Addr) bool { return x == y }), cmp.Comparer(func(x, y netip.Prefix) bool { return x == y }),
	}
	if diff := cmp.Diff(want, l, same); diff != "" {
		t.Errorf("lease (-want +got):\n%s", diff)
	}
	address := netip.PrefixFrom(l.Addr, 128)
	for _, p := range []netip.Prefix{address, l.Prefix} {
		if got := b.server.Lease(p); got.State != server.Bound || !bytes.Equal(got.Client, c.ID()) {
			t.Errorf("%s at the server: %+v", p, got)
		}
	}
	for name, move := range map[string]func() error{
		"renew":   func() error { _, err := c.Renew(ctx); return err },
		"rebind":  func() error { _, err := c.Rebind(ctx); return err },
		"confirm": func() error { return c.Confirm(ctx) },
	} {
		if err := move(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, b.server.Reconfigure(c.ID(), dhcpv6.MessageTypeRenew))
	if asked, err := c.Reconfigured(ctx, 5*time.Second); err != nil || asked != dhcpv6.MessageTypeRenew {
		t.Errorf("reconfigure: %s, %v", asked, err)
	}
	must(t, c.Release(ctx))
	if got := b.server.Leases(); len(got) != 0 {
		t.Errorf("after the release: %+v", got)
	}
	must(t, func() error { _, err := c.Login(ctx); return err }(), c.Decline(ctx))
	if got := b.server.Lease(address); got.State != server.Declined {
		t.Errorf("after the decline: %+v", got)
	}
}

func TestRapidCommit(t *testing.T) {
	conf := serves()
	conf.Rapid = true
	b := newBed(t, conf)
	c := open(t, b, Config{Rapid: true})
	if offers, err := c.Solicit(t.Context()); err != nil || len(offers) != 0 || c.State() != Bound {
		t.Errorf("got %d offers, %v, %s", len(offers), err, c.State())
	}
	if got := b.server.Lease(netip.PrefixFrom(c.Lease().Addr, 128)); got.State != server.Bound {
		t.Errorf("at the server: %+v", got)
	}
}

func TestInformationAlone(t *testing.T) {
	b := newBed(t, serves())
	got, err := open(t, b, Config{}).Inform(t.Context())
	if err != nil || len(got) != 1 || got[0] != serves().DNS {
		t.Errorf("got %v, %v", got, err)
	}
	if list := b.server.Leases(); len(list) != 0 {
		t.Errorf("leases: %+v", list)
	}
}

func TestWrongStatesAndSilence(t *testing.T) {
	conf := serves()
	conf.Subnets[0].InterfaceID = "another port"
	b := newBed(t, conf)
	c := open(t, b, Config{})
	c.conf.Scale, c.conf.Tries = 0.02, 2
	if _, err := c.Renew(t.Context()); !errors.Is(err, ErrState) {
		t.Errorf("renew while idle: %v", err)
	}
	if _, err := c.Reconfigured(t.Context(), time.Millisecond); !errors.Is(err, ErrState) {
		t.Errorf("reconfigure without a key: %v", err)
	}
	if _, err := c.Login(t.Context()); !errors.Is(err, ErrSilence) {
		t.Errorf("login on a network that is not served: %v", err)
	}
	c.key = &rkap.Key{}
	if _, err := c.Reconfigured(t.Context(), time.Millisecond); !errors.Is(err, ErrSilence) {
		t.Errorf("no reconfigure: %v", err)
	}
}
