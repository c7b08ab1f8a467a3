package scene

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/insomniacslk/dhcp/dhcpv6"

	"dhcp-relay/cmd/lab/client6"
)

// firstLogin6: both servers advertise, the client takes one, and every client of
// both networks gets an address (RFC 9915, section 5).
func firstLogin6() Scene {
	return Scene{
		Number: 9, Title: "DHCPv6: Solicit, Advertise, Request, Reply", Family: IPv6,
		play: func(ctx context.Context, st *stage) error {
			if st.opts.Client != Embedded {
				return st.everyone6(ctx, false, "a1", "a2", "b1")
			}
			st.only = st.opts.Server == Embedded
			a1, err := st.Client6("a1", client6.Config{Collect: collect})
			if err != nil {
				return err
			}
			offers, err := a1.Solicit(ctx)
			if err != nil {
				return err
			}
			if len(offers) != 2 {
				return fmt.Errorf("advertises to a1: expected 2, seen %d", len(offers))
			}
			if err := a1.Request(ctx, offers[0]); err != nil {
				return err
			}
			st.want("a1 SOLICIT relay s1+s2", "s1 ADVERTISE relay a1", "s2 ADVERTISE relay a1", "a1 REQUEST relay s1+s2")
			name, err := st.bound6("a1", a1.Lease().Addr)
			st.want(name + " REPLY relay a1")
			return errors.Join(err, st.everyone6(ctx, false, "a2", "b1"))
		},
	}
}

// everyone6 lets clients log in at once, with a prefix if they are to have one.
func (st *stage) everyone6(ctx context.Context, prefix bool, names ...string) error {
	addrs, prefixes, errs := make([]netip.Addr, len(names)), make([]netip.Prefix, len(names)), make([]error, len(names))
	var wg sync.WaitGroup
	for i, n := range names {
		wg.Go(func() { addrs[i], prefixes[i], errs[i] = st.Login6(ctx, n, prefix) })
		st.want(n+" SOLICIT relay s1+s2", n+" REQUEST relay s1+s2")
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for i, n := range names {
		by, err := st.bound6(n, addrs[i])
		errs = append(errs, err)
		st.want(by+" ADVERTISE relay "+n, by+" REPLY relay "+n)
		if slices.Contains(addrs[:i], addrs[i]) {
			errs = append(errs, fmt.Errorf("%s: expected an address of its own, seen %s twice", n, addrs[i]))
		}
		if prefix {
			_, err := st.delegated6(n, prefixes[i])
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// rapidCommit: a Solicit is answered by a Reply (RFC 9915, section 5.1).
func rapidCommit() Scene {
	return Scene{
		Number: 10, Title: "DHCPv6: rapid commit", Family: IPv6,
		ownServer: "commits at once for sure", ownClient: "asks for rapid commit for sure",
		play: func(ctx context.Context, st *stage) error {
			st.only = true
			a1, err := st.Client6("a1", client6.Config{Rapid: true})
			if err != nil {
				return err
			}
			if _, err := a1.Login(ctx); err != nil {
				return err
			}
			// Both servers commit; the client heeds the first.
			st.want("a1 SOLICIT relay s1+s2", "s1 REPLY relay a1", "s2 REPLY relay a1")
			_, err = st.bound6("a1", a1.Lease().Addr)
			return err
		},
	}
}

// delegation: prefixes for routers among the clients (RFC 9915, section 6.3).
func delegation() Scene {
	return Scene{
		Number: 13, Title: "DHCPv6: prefix delegation", Family: IPv6,
		ownServer: "delegates prefixes for sure",
		play: func(ctx context.Context, st *stage) error {
			if err := st.everyone6(ctx, true, "a1", "a2", "b1"); err != nil || st.opts.Client != Embedded {
				return err
			}
			a3, err := st.Client6("a3", client6.Config{Prefix: true})
			if err != nil {
				return err
			}
			first, err := a3.Login(ctx)
			if err != nil {
				return err
			}
			again, err := a3.Renew(ctx)
			if err != nil {
				return err
			}
			if again.Prefix != first.Prefix {
				return fmt.Errorf("prefix after the renewal: expected %s again, seen %s", first.Prefix, again.Prefix)
			}
			by, err := st.delegated6("a3", again.Prefix)
			st.want("a3 RENEW relay s1+s2", by+" REPLY relay a3", by+" REPLY relay a3")
			return err
		},
	}
}

// reconfigured: a server asks a client to renew, and to ask for information,
// unasked (RFC 9915, section 18.3.11). Nothing in the relay remembers the client.
func reconfigured() Scene {
	return Scene{
		Number: 14, Title: "DHCPv6: the server sends a Reconfigure", Family: IPv6,
		ownServer: "sends it on request", ownClient: "accepts it for sure",
		play: func(ctx context.Context, st *stage) error {
			a1, err := st.Client6("a1", client6.Config{Reconfigure: true})
			if err != nil {
				return err
			}
			lease, err := a1.Login(ctx)
			if err != nil {
				return err
			}
			by, err := st.bound6("a1", lease.Addr)
			if err != nil {
				return err
			}
			st.want(by+" RECONFIGURE relay a1", "a1 RENEW relay s1+s2", by+" REPLY relay a1", by+" REPLY relay a1",
				by+" RECONFIGURE relay a1", "a1 INFO-REQUEST relay s1+s2", "s1 REPLY relay a1", "s2 REPLY relay a1")
			for _, t := range []dhcpv6.MessageType{dhcpv6.MessageTypeRenew, dhcpv6.MessageTypeInformationRequest} {
				if err := st.reconfigure(ctx, a1, by, t); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// reconfigure has a server ask for a message, and the client send it.
func (st *stage) reconfigure(ctx context.Context, c *client6.Client, by string, t dhcpv6.MessageType) error {
	if err := st.embedded6(serverIndex(by)).Reconfigure(c.ID(), t); err != nil {
		return err
	}
	asked, err := c.Reconfigured(ctx, patience)
	if err != nil {
		return err
	}
	if asked != t {
		return fmt.Errorf("reconfigure: expected to be asked for %s, seen %s", t, asked)
	}
	if t == dhcpv6.MessageTypeInformationRequest {
		return st.informed(ctx, c)
	}
	_, err = c.Renew(ctx)
	return err
}

// informed lets a client ask for information alone.
func (st *stage) informed(ctx context.Context, c *client6.Client) error {
	dns, err := c.Inform(ctx)
	if err != nil {
		return err
	}
	if want := netip.MustParseAddr(dnsAddr); !slices.Equal(dns, []netip.Addr{want}) {
		return fmt.Errorf("dns servers: expected %s, seen %v", want, dns)
	}
	return nil
}
