package netns

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestIPv6AddressesAreThoseGiven(t *testing.T) {
	Require(t)
	a, b := Test(t, "a", WithoutDAD(), WithoutLinkLocal()), Test(t, "b", WithoutDAD(), WithoutLinkLocal())
	err := errors.Join(
		Veth(a, "v0", b, "v0"),
		b.Forward6(),
		a.Addr("v0", "fe80::a/64"), a.Addr("v0", "2001:db8::a/64"),
		b.Addr("v0", "2001:db8::b/64"), b.Addr("lo", "2001:db8:1::1/128"),
		a.Route("default", "2001:db8::b"),
	)
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.Addrs6("v0")
	if err != nil {
		t.Fatal(err)
	}
	want := map[netip.Prefix]bool{netip.MustParsePrefix("fe80::a/64"): true, netip.MustParsePrefix("2001:db8::a/64"): true}
	have := map[netip.Prefix]bool{}
	for _, p := range got {
		have[p] = true
	}
	opt := cmp.Comparer(func(x, y netip.Prefix) bool { return x == y })
	if diff := cmp.Diff(want, have, opt); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
	if _, err := a.Run(t.Context(), "ip", "-6", "route", "get", "2001:db8:1::1"); err != nil {
		t.Errorf("route: %v", err)
	}
}

// A client is started as soon as its link is there; one in ten failed when it
// trusted the first address shown.
func TestLinkLocalAddressIsReadyForASocket(t *testing.T) {
	Require(t)
	a, b := Test(t, "a", WithoutDAD()), Test(t, "b", WithoutDAD())
	for i := range 100 {
		dev := fmt.Sprintf("v%d", i)
		if err := Veth(a, dev, b, dev); err != nil {
			t.Fatal(err)
		}
		addr, err := a.LinkLocal(dev)
		if err != nil {
			t.Fatal(err)
		}
		index, err := a.Index(dev)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Do(func() error { return bind6(addr, index) }); err != nil {
			t.Errorf("%s: %v", dev, err)
		}
	}
}

// bind6 shows that a socket can be bound to a link-local address.
func bind6(a netip.Addr, index int) error {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return errors.Join(unix.Bind(fd, &unix.SockaddrInet6{ZoneId: uint32(index), Addr: a.As16()}), unix.Close(fd))
}
