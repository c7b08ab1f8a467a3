package scene

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"dhcp-relay/cmd/lab/client"
)

// collect is how long clients wait for the offers of both servers.
const collect = 300 * time.Millisecond

// firstLogin: both servers offer, the client takes one, the other server's
// address is free again (RFC 2131, section 3.1).
func firstLogin() Scene {
	return Scene{
		Number: 1, Title: "first login",
		play: func(ctx context.Context, st *stage) error {
			if st.opts.Client != Embedded {
				st.want("a1 DISCOVER relay s1+s2", "s1 OFFER relay a1", "a1 REQUEST relay s1+s2")
				p, err := st.Login(ctx, "a1", false)
				return errors.Join(err, st.bound("a1", p))
			}
			st.only = st.opts.Server == Embedded
			a1, offers, err := st.offers(ctx, "a1")
			if err != nil {
				return err
			}
			if err := a1.Request(ctx, offers[0]); err != nil {
				return err
			}
			chosen := nameOf(offers[0])
			st.want("a1 DISCOVER relay s1+s2", "s1 OFFER relay a1", "s2 OFFER relay a1",
				"a1 REQUEST relay s1+s2", chosen+" ACK relay a1")
			if err := st.bound("a1", a1.Lease().Addr); err != nil || st.opts.Server != Embedded {
				return err
			}
			return st.otherOffer(ctx, offers[1])
		},
	}
}

// otherOffer checks that the server not chosen gives the address that it
// offered to the next client.
func (st *stage) otherOffer(ctx context.Context, lost *dhcpv4.DHCPv4) error {
	a2, offers, err := st.offers(ctx, "a2")
	if err != nil {
		return err
	}
	i := slices.IndexFunc(offers, func(o *dhcpv4.DHCPv4) bool { return nameOf(o) == nameOf(lost) })
	if i < 0 || !offers[i].YourIPAddr.Equal(lost.YourIPAddr) {
		return fmt.Errorf("offers to a2: expected %s from %s, seen %v", lost.YourIPAddr, nameOf(lost), offers)
	}
	st.want("a2 DISCOVER relay s1+s2", "s1 OFFER relay a2", "s2 OFFER relay a2",
		"a2 REQUEST relay s1+s2", nameOf(lost)+" ACK relay a2")
	if err := a2.Request(ctx, offers[i]); err != nil {
		return err
	}
	return st.bound("a2", a2.Lease().Addr)
}

// secondLogin: a client that remembers its address asks for it alone (RFC 2131,
// section 3.2).
func secondLogin() Scene {
	return Scene{
		Number: 2, Title: "second login, with the address held before",
		ownClient: "can be told to start anew",
		play: func(ctx context.Context, st *stage) error {
			a1, err := st.Client("a1", client.Config{Scale: calm})
			if err != nil {
				return err
			}
			first, err := a1.Login(ctx)
			if err != nil {
				return err
			}
			again, err := a1.Reboot(ctx)
			if err != nil {
				return err
			}
			holder := st.holderName(first.Addr.Addr())
			st.want("a1 DISCOVER relay s1+s2", "a1 REQUEST relay s1+s2", "a1 REQUEST relay s1+s2",
				holder+" ACK relay a1", holder+" ACK relay a1")
			if again.Addr != first.Addr {
				return fmt.Errorf("address: expected %s again, seen %s", first.Addr, again.Addr)
			}
			return st.bound("a1", again.Addr)
		},
	}
}

// refused: the address held before is another client's by now.
func refused() Scene {
	return Scene{
		Number: 3, Title: "second login refused",
		ownServer: "forgets a lease on request", ownClient: "can be told to start anew",
		play: func(ctx context.Context, st *stage) error {
			a1, offers, err := st.offers(ctx, "a1")
			if err != nil {
				return err
			}
			if err := a1.Request(ctx, offers[0]); err != nil {
				return err
			}
			held, from := a1.Lease().Addr, nameOf(offers[0])
			if err := errors.Join(a1.Unplug(), st.take(ctx, "a2", held.Addr(), from)); err != nil {
				return err
			}
			if _, err := a1.Reboot(ctx); !errors.Is(err, client.ErrNak) {
				return fmt.Errorf("second login with %s: expected a Nak, seen: %w", held.Addr(), err)
			}
			st.want("a1 REQUEST relay s1+s2", from+" NAK relay a1", "a1 DISCOVER relay s1+s2")
			fresh, err := a1.Login(ctx)
			if err != nil {
				return err
			}
			if fresh.Addr == held {
				return fmt.Errorf("address after the Nak: expected another than %s", held)
			}
			return errors.Join(st.bound("a1", fresh.Addr), st.bound("a2", held))
		},
	}
}

// take lets a client get an address that its server has forgotten.
func (st *stage) take(ctx context.Context, node string, a netip.Addr, from string) error {
	st.embedded(serverIndex(from)).Forget(a)
	c, err := st.Client(node, client.Config{Scale: calm, Collect: collect})
	if err != nil {
		return err
	}
	offers, err := c.Discover(ctx, a)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(offers, func(o *dhcpv4.DHCPv4) bool { return nameOf(o) == from })
	if i < 0 || !offers[i].YourIPAddr.Equal(a.AsSlice()) {
		return fmt.Errorf("offers to %s: expected %s from %s, seen %v", node, a, from, offers)
	}
	return c.Request(ctx, offers[i])
}

// twoNetworks: all clients of both networks at once.
func twoNetworks() Scene {
	return Scene{
		Number: 4, Title: "two client networks at once",
		play: func(ctx context.Context, st *stage) error {
			names := []string{"a1", "a2", "a3", "a4", "b1"}
			got, errs := make([]netip.Prefix, len(names)), make([]error, len(names))
			var wg sync.WaitGroup
			for i, n := range names {
				wg.Go(func() { got[i], errs[i] = st.Login(ctx, n, i%2 == 0) })
				st.want(n+" DISCOVER relay s1+s2", n+" REQUEST relay s1+s2")
			}
			wg.Wait()
			for i, n := range names {
				errs = append(errs, st.bound(n, got[i]))
				if slices.Contains(got[:i], got[i]) {
					errs = append(errs, fmt.Errorf("%s: expected an address of its own, seen %s twice", n, got[i]))
				}
			}
			return errors.Join(errs...)
		},
	}
}

// offers makes a client that asks for broadcasts and lets it collect the offers
// of both servers.
func (st *stage) offers(ctx context.Context, node string) (*client.Client, []*dhcpv4.DHCPv4, error) {
	c, err := st.Client(node, client.Config{Broadcast: true, Scale: calm, Collect: collect})
	if err != nil {
		return nil, nil, err
	}
	offers, err := c.Discover(ctx)
	if err != nil {
		return nil, nil, err
	}
	if len(offers) != 2 {
		return nil, nil, fmt.Errorf("offers to %s: expected 2, seen %d", node, len(offers))
	}
	return c, offers, nil
}

// bound checks that a client's address is of its own network, and that a server
// has leased it to the client.
func (st *stage) bound(node string, p netip.Prefix) error {
	want := map[string]netip.Prefix{
		clientsA: netip.MustParsePrefix("10.1.0.0/24"),
		clientsB: netip.MustParsePrefix("10.2.0.0/24"),
		clientsC: netip.MustParsePrefix("10.3.0.0/24"),
	}[network(node)]
	if p.Masked() != want {
		return fmt.Errorf("address of %s: expected one of %s, seen %s", node, want, p)
	}
	// Servers that are programs write their files in their own time.
	var mac string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		_, seen, err := st.holder(p.Addr())
		if err != nil {
			return err
		}
		if mac = seen; mac == st.macOf(node) {
			return nil
		}
	}
	return fmt.Errorf("lease of %s: expected bound to %s, seen %q", p.Addr(), st.macOf(node), mac)
}

func (st *stage) holderName(a netip.Addr) string {
	i, _, err := st.holder(a)
	if err != nil || i < 0 {
		return "nobody"
	}
	return [...]string{"s1", "s2"}[i]
}

func serverIndex(name string) int { return int(name[1] - '1') }

// nameOf returns the name of the server that sent an offer, by the address that
// it offers: its identifier may be overridden.
func nameOf(m *dhcpv4.DHCPv4) string {
	a, _ := netip.AddrFromSlice(m.YourIPAddr.To4())
	for i, name := range []string{"s1", "s2"} {
		for _, s := range subnets(i) {
			if s.First.Compare(a) <= 0 && a.Compare(s.Last) <= 0 {
				return name
			}
		}
	}
	return "?"
}
