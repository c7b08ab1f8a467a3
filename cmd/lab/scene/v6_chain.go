package scene

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"

	"dhcp-relay/cmd/lab/client6"
)

// chained6: three relays in a row of the given kinds, "" for dhcp-relay, from
// the client on (RFC 9915, section 19.1.2).
func chained6(kinds [3]string) Scene {
	names := kinds
	for i := range names {
		if names[i] == "" {
			names[i] = "dhcp-relay"
		}
	}
	return Scene{
		Number: 16, Title: fmt.Sprintf("DHCPv6: a chain of %s, %s and %s", names[0], names[1], names[2]), Family: IPv6, trio: &kinds,
		ownServer: "unwinds every chain for sure", ownClient: "can be told to release",
		play: func(ctx context.Context, st *stage) error {
			c1, err := st.Client6("c1", client6.Config{Prefix: true})
			if err != nil {
				return err
			}
			lease, err := c1.Login(ctx)
			if err != nil {
				return fmt.Errorf("client behind three relays: %w", err)
			}
			const up, down = " outer middle relay s1", " relay middle outer c1"
			st.want("c1 SOLICIT"+up, "s1 ADVERTISE"+down, "c1 REQUEST"+up, "s1 REPLY"+down,
				"c1 RENEW"+up, "s1 REPLY"+down, "c1 RELEASE"+up, "s1 REPLY"+down)
			_, errA := st.bound6("c1", lease.Addr)
			_, errP := st.delegated6("c1", lease.Prefix)
			if err := errors.Join(errA, errP); err != nil {
				return err
			}
			if _, err := c1.Renew(ctx); err != nil {
				return err
			}
			return c1.Release(ctx)
		},
	}
}

// bothFamilies: hosts that speak both, at once, on the same interfaces.
func bothFamilies() Scene {
	return Scene{
		Number: 17, Title: "both families on the same interfaces at once", Family: Both,
		play: func(ctx context.Context, st *stage) error {
			names := []string{"a1", "a2", "b1"}
			got, errs := make([]netip.Prefix, len(names)), make([]error, len(names))
			var wg sync.WaitGroup
			for i, n := range names {
				wg.Go(func() { got[i], errs[i] = st.Login(ctx, n, i%2 == 0) })
			}
			err := st.everyone6(ctx, false, names...)
			wg.Wait()
			for i, n := range names {
				errs[i] = errors.Join(errs[i], st.bound(n, got[i]))
				st.want(n+" DISCOVER relay s1+s2", n+" REQUEST relay s1+s2")
			}
			return errors.Join(append(errs, err)...)
		},
	}
}
