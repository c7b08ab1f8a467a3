package scene

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"dhcp-relay/cmd/lab/client6"
	"dhcp-relay/cmd/lab/server"
)

// renewals6: at the server that has the lease, at any, and whether the address
// is still right. All of it passes the relay (RFC 9915, section 18.2).
func renewals6() Scene {
	return Scene{
		Number: 11, Title: "DHCPv6: renewal, rebinding, confirm", Family: IPv6,
		ownServer: "is silent about other servers' leases", ownClient: "can be told when to renew",
		play: func(ctx context.Context, st *stage) error {
			b1, err := st.Client6("b1", client6.Config{})
			if err != nil {
				return err
			}
			first, err := b1.Login(ctx)
			if err != nil {
				return err
			}
			by, err := st.bound6("b1", first.Addr)
			if err != nil {
				return err
			}
			for what, move := range map[string]func(context.Context) (client6.Lease, error){"renewal": b1.Renew, "rebinding": b1.Rebind} {
				got, err := move(ctx)
				if err != nil {
					return fmt.Errorf("%s: %w", what, err)
				}
				if got.Addr != first.Addr {
					return fmt.Errorf("address after the %s: expected %s again, seen %s", what, first.Addr, got.Addr)
				}
			}
			st.want("b1 RENEW relay s1+s2", "b1 REBIND relay s1+s2", "b1 CONFIRM relay s1+s2",
				by+" REPLY relay b1", by+" REPLY relay b1", by+" REPLY relay b1", "s1 REPLY relay b1", "s2 REPLY relay b1")
			return b1.Confirm(ctx)
		},
	}
}

// otherMessages6: what there is beside logins.
func otherMessages6() Scene {
	return Scene{
		Number: 12, Title: "DHCPv6: Release, Decline, Information-request", Family: IPv6,
		ownServer: "shows declined addresses", ownClient: "declines and informs when told",
		play: func(ctx context.Context, st *stage) error {
			a1, err := st.Client6("a1", client6.Config{})
			if err != nil {
				return err
			}
			bad, err := a1.Login(ctx)
			if err != nil {
				return err
			}
			by, err := st.bound6("a1", bad.Addr)
			if err != nil {
				return err
			}
			st.want("a1 DECLINE relay s1+s2", by+" REPLY relay a1")
			if err := errors.Join(a1.Decline(ctx), st.becomes6(by, bad.Addr, server.Declined)); err != nil {
				return err
			}
			good, err := a1.Login(ctx)
			if err != nil {
				return err
			}
			if good.Addr == bad.Addr {
				return fmt.Errorf("address after Decline: expected another than %s", bad.Addr)
			}
			if by, err = st.bound6("a1", good.Addr); err != nil {
				return err
			}
			st.want("a1 RELEASE relay s1+s2", by+" REPLY relay a1",
				"a1 INFO-REQUEST relay s1+s2", "s1 REPLY relay a1", "s2 REPLY relay a1")
			return errors.Join(a1.Release(ctx), st.becomes6(by, good.Addr, 0), st.informed(ctx, a1))
		},
	}
}

// becomes6 checks that a server holds an address in the given state. Its Reply
// has come, so it does already.
func (st *stage) becomes6(name string, a netip.Addr, want server.State) error {
	if seen := st.embedded6(serverIndex(name)).Lease(netip.PrefixFrom(a, 128)).State; seen != want {
		return fmt.Errorf("%s at %s: expected %s, seen %s", a, name, want, seen)
	}
	return nil
}

// sameRouters: two networks without any global address, whose routers and clients
// have the same link-local addresses. Only the Interface-Id tells them apart
// (RFC 9915, section 19.1.1).
func sameRouters() Scene {
	return Scene{
		Number: 15, Title: "DHCPv6: two client networks with the same link-local addresses", Family: IPv6, byID: true,
		ownServer: "chooses the network by Interface-Id", ownClient: "is on a link with a given address",
		config: basic6 + "[interface.dhcpv6]\nlink_address = \"link-local\"\n",
		play: func(ctx context.Context, st *stage) error {
			relay, b1 := st.ns[relayNode], st.ns["b1"]
			err := errors.Join(
				relay.DelAddr(clientsA, host6(clientsA, routerHost).String()+"/64"),
				relay.DelAddr(clientsB, host6(clientsB, routerHost).String()+"/64"),
				b1.DelAddr("eth0", linkLocal("b1").String()+"/64"),
				b1.Addr("eth0", linkLocal("a1").String()+"/64"),
			)
			if err != nil {
				return err
			}
			for _, l := range []string{clientsA, clientsB} {
				if err := st.linkAddress(ctx, l, "fe80::1"); err != nil {
					return err
				}
			}
			return st.everyone6(ctx, true, "a1", "b1")
		},
	}
}

// linkAddress waits until the relay has a link-address for a link, or none.
func (st *stage) linkAddress(ctx context.Context, link, want string) error {
	var seen Counters
	labels, n := []string{"interface", link}, 0
	if want != "" {
		labels, n = append(labels, "link_address", want), 1
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var err error
		if seen, err = st.relays[relayNode].Counters(ctx); err != nil {
			return err
		}
		if seen.Sum("dhcp_relay_link_address_info", labels...) == n {
			return nil
		}
	}
	return fmt.Errorf("link-address of %s: expected %q, seen %v", link, want, seen)
}
