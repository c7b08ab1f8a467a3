package scene

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"dhcp-relay/cmd/lab/client"
	"dhcp-relay/cmd/lab/server"
)

// bootpAddr is the address of the BOOTP client a3 in the servers' tables.
const bootpAddr = "10.1.0.33"

// renewals: by unicast past the relay, by unicast to the relay, by broadcast.
func renewals() Scene {
	return Scene{
		Number: 5, Title: "renewal past the relay, through it, and rebinding",
		config: `[[interface]]
name = "clients-a"
servers = ["10.9.0.2", "10.9.0.3"]

[[interface]]
name = "clients-b"
servers = ["10.9.0.2", "10.9.0.3"]
[interface.dhcpv4.option82]
server_id_override = true
`,
		ownServer: "knows server identifier override for sure",
		ownClient: "can be told when to renew",
		play: func(ctx context.Context, st *stage) error {
			a1, errA := st.Client("a1", client.Config{Scale: calm})
			b1, errB := st.Client("b1", client.Config{Scale: calm})
			if err := errors.Join(errA, errB); err != nil {
				return err
			}
			past, err := a1.Login(ctx)
			if err != nil {
				return err
			}
			through, err := b1.Login(ctx)
			if err != nil {
				return err
			}
			if override := netip.MustParseAddr("10.2.0.1"); through.Server != override {
				return fmt.Errorf("server identifier for b1: expected %s, the relay's, seen %s", override, through.Server)
			}
			if _, err := a1.Renew(ctx); err != nil {
				return fmt.Errorf("renewal past the relay: %w", err)
			}
			if _, err := b1.Renew(ctx); err != nil {
				return fmt.Errorf("renewal through the relay: %w", err)
			}
			if _, err := a1.Rebind(ctx); err != nil {
				return fmt.Errorf("rebinding: %w", err)
			}
			sa, sb := st.holderName(past.Addr.Addr()), st.holderName(through.Addr.Addr())
			st.want("a1 REQUEST "+sa, sa+" ACK a1",
				"b1 REQUEST relay s1+s2", "b1 REQUEST relay s1+s2", sb+" ACK relay b1", sb+" ACK relay b1",
				"a1 REQUEST relay s1+s2", "a1 REQUEST relay s1+s2", sa+" ACK relay a1", sa+" ACK relay a1")
			return errors.Join(st.bound("a1", past.Addr), st.bound("b1", through.Addr))
		},
	}
}

// otherMessages: what there is beside logins.
func otherMessages() Scene {
	return Scene{
		Number: 6, Title: "Decline, Release, Inform and plain BOOTP",
		ownServer: "shows declined addresses", ownClient: "declines and informs when told",
		play: func(ctx context.Context, st *stage) error {
			return errors.Join(st.declineAndRelease(ctx), st.inform(ctx), st.bootp(ctx))
		},
	}
}

func (st *stage) declineAndRelease(ctx context.Context) error {
	a1, err := st.Client("a1", client.Config{Broadcast: true, Scale: calm})
	if err != nil {
		return err
	}
	bad, err := a1.Login(ctx)
	if err != nil {
		return err
	}
	by := st.holderName(bad.Addr.Addr())
	st.want("a1 DECLINE relay s1+s2", "a1 RELEASE relay s1+s2")
	if err := errors.Join(a1.Decline(), st.becomes(by, bad.Addr.Addr(), server.Declined)); err != nil {
		return err
	}
	good, err := a1.Login(ctx)
	if err != nil {
		return err
	}
	if good.Addr == bad.Addr {
		return fmt.Errorf("address after Decline: expected another than %s", bad.Addr)
	}
	by = st.holderName(good.Addr.Addr())
	if err := errors.Join(a1.Release(true), st.becomes(by, good.Addr.Addr(), 0)); err != nil {
		return err
	}
	again, err := a1.Login(ctx)
	if err != nil {
		return err
	}
	by = st.holderName(again.Addr.Addr())
	st.want("a1 RELEASE " + by)
	return errors.Join(a1.Release(false), st.becomes(by, again.Addr.Addr(), 0))
}

func (st *stage) inform(ctx context.Context) error {
	a2, err := st.Client("a2", client.Config{Broadcast: true, Scale: calm})
	if err != nil {
		return err
	}
	m, err := a2.Inform(ctx, netip.MustParsePrefix("10.1.0.22/24"))
	if err != nil {
		return err
	}
	if len(m.Router()) == 0 || !m.YourIPAddr.IsUnspecified() {
		return fmt.Errorf("answer to Inform: expected a router and no address, seen %s", m.Summary())
	}
	st.want("a2 INFORM relay s1+s2", "s1 ACK relay a2", "s2 ACK relay a2")
	return nil
}

func (st *stage) bootp(ctx context.Context) error {
	a3, err := st.Client("a3", client.Config{Broadcast: true, Scale: calm})
	if err != nil {
		return err
	}
	a, err := a3.Bootp(ctx)
	if err != nil {
		return err
	}
	if want := netip.MustParseAddr(bootpAddr); a != want {
		return fmt.Errorf("address by BOOTP: expected %s, seen %s", want, a)
	}
	st.want("a3 BOOTP relay s1+s2", "s1 BOOTP relay a3", "s2 BOOTP relay a3")
	return nil
}

// becomes waits until a server holds an address in the given state.
func (st *stage) becomes(name string, a netip.Addr, want server.State) error {
	var seen server.State
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if seen = st.embedded(serverIndex(name)).Lease(a).State; seen == want {
			return nil
		}
	}
	return fmt.Errorf("%s at %s: expected %s, seen %s", a, name, want, seen)
}

// chained: two relays in a row; option 82 from a switch that is trusted, and
// from a client that is not (RFC 3046, section 2.1).
func chained() Scene {
	return Scene{
		Number: 7, Title: "a chain of relays, a trusted switch, an untrusted client", chain: true,
		config: `[[interface]]
name = "clients-a"
servers = ["10.9.0.2", "10.9.0.3"]

[[interface]]
name = "clients-b"
servers = ["10.9.0.2", "10.9.0.3"]
trusted = true
`,
		ownServer: "echoes option 82 for sure", ownClient: "can play a switch",
		play: func(ctx context.Context, st *stage) error {
			return errors.Join(st.behindTwo(ctx), st.behindSwitch(ctx), st.untrusted(ctx))
		},
	}
}

func (st *stage) behindTwo(ctx context.Context) error {
	c1, err := st.Client("c1", client.Config{Scale: calm})
	if err != nil {
		return err
	}
	lease, err := c1.Login(ctx)
	if err != nil {
		return fmt.Errorf("client behind two relays: %w", err)
	}
	// Replies go straight to the first relay, whose address is giaddr.
	st.want("c1 DISCOVER outer relay s1+s2", "c1 REQUEST outer relay s1+s2",
		st.holderName(lease.Addr.Addr())+" ACK outer c1")
	return st.bound("c1", lease.Addr)
}

// behindSwitch lets b1 send what an access switch with DHCP snooping makes of a
// client's messages: option 82, but no giaddr.
func (st *stage) behindSwitch(ctx context.Context) error {
	port := []byte{1, 5, 'p', 'o', 'r', 't', '7'} // agent circuit ID
	st.keeps82 = []string{"b1"}
	b1, err := st.Client("b1", client.Config{Scale: calm, AgentInfo: port})
	if err != nil {
		return err
	}
	lease, err := b1.Login(ctx)
	if err != nil {
		return fmt.Errorf("client behind a trusted switch: %w", err)
	}
	st.want("b1 DISCOVER relay s1+s2", "b1 REQUEST relay s1+s2", st.holderName(lease.Addr.Addr())+" ACK relay b1")
	info := st.embedded(serverIndex(st.holderName(lease.Addr.Addr()))).Lease(lease.Addr.Addr()).AgentInfo
	if !bytes.Equal(info, port) {
		return fmt.Errorf("option 82 of the switch at the server: expected %q, seen %q", port, info)
	}
	return st.bound("b1", lease.Addr)
}

func (st *stage) untrusted(ctx context.Context) error {
	a1, err := st.Client("a1", client.Config{Scale: hasty, Tries: 1, AgentInfo: []byte{1, 4, 'f', 'a', 'k', 'e'}})
	if err != nil {
		return err
	}
	if _, err := a1.Login(ctx); !errors.Is(err, client.ErrSilence) {
		return fmt.Errorf("untrusted client with option 82: expected silence, seen: %w", err)
	}
	st.want("a1 DISCOVER relay")
	st.silenced = []string{"a1"}
	st.drops = map[string]int{"request discover untrusted_option82": 1}
	return nil
}

// failover: a server dies after its offer; another client holds a lease of it.
func failover() Scene {
	return Scene{
		Number: 8, Title: "a server dies, the other takes over",
		play: func(ctx context.Context, st *stage) error {
			if st.opts.Client != Embedded {
				if err := st.servers[0].Close(); err != nil {
					return err
				}
				p, err := st.Login(ctx, "a1", false)
				st.want("a1 DISCOVER relay s1+s2", "s2 OFFER relay a1", "s2 ACK relay a1")
				return errors.Join(err, st.bound("a1", p))
			}
			return st.dies(ctx)
		},
	}
}

func (st *stage) dies(ctx context.Context) error {
	conf := client.Config{Broadcast: true, Scale: hasty, Tries: 2, Collect: collect}
	a1, err1 := st.Client("a1", conf)
	a2, err2 := st.Client("a2", conf)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if _, err := a1.Login(ctx); err != nil {
		return err
	}
	dead := st.holderName(a1.Lease().Addr.Addr())
	alive := map[string]string{"s1": "s2", "s2": "s1"}[dead]
	offers, err := a2.Discover(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(offers, func(o *dhcpv4.DHCPv4) bool { return nameOf(o) == dead })
	if i < 0 {
		return fmt.Errorf("offers to a2: expected one of %s, seen %v", dead, offers)
	}
	if err := st.servers[serverIndex(dead)].Close(); err != nil {
		return err
	}
	if err := a2.Request(ctx, offers[i]); !errors.Is(err, client.ErrSilence) {
		return fmt.Errorf("request to the dead server: expected silence, seen: %w", err)
	}
	if _, err := a2.Login(ctx); err != nil {
		return err
	}
	st.want("a2 REQUEST relay s1+s2", "a2 DISCOVER relay s1+s2", alive+" OFFER relay a2", alive+" ACK relay a2")
	return errors.Join(st.heldBy("a2", a2.Lease().Addr, alive), st.orphan(ctx, a1, dead, alive))
}

// orphan lets a client whose lease is the dead server's lose it and start anew.
func (st *stage) orphan(ctx context.Context, a1 *client.Client, dead, alive string) error {
	if _, err := a1.Renew(ctx); !errors.Is(err, client.ErrSilence) {
		return fmt.Errorf("renewal at the dead server: expected silence, seen: %w", err)
	}
	if _, err := a1.Rebind(ctx); st.opts.Server == Embedded && !errors.Is(err, client.ErrSilence) {
		return fmt.Errorf("rebinding: expected silence of %s, seen: %w", alive, err)
	}
	if _, err := a1.Login(ctx); err != nil {
		return err
	}
	st.want("a1 REQUEST "+dead, "a1 REQUEST relay s1+s2", "a1 DISCOVER relay s1+s2", alive+" ACK relay a1")
	return st.heldBy("a1", a1.Lease().Addr, alive)
}

func (st *stage) heldBy(node string, p netip.Prefix, want string) error {
	if err := st.bound(node, p); err != nil {
		return err
	}
	if seen := st.holderName(p.Addr()); seen != want {
		return fmt.Errorf("address of %s: expected from %s, seen from %s", node, want, seen)
	}
	return nil
}
