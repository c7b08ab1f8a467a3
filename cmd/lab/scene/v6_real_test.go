package scene

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/client6"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/real"
)

// realServers6 plays a scene with each real server that is to be had.
func realServers6(t *testing.T, tag string, s Scene, kinds ...string) {
	t.Helper()
	netns.Require(t)
	relay := relayProgram(t)
	for i, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			if err := real.CheckServer6(kind); err != nil {
				netns.Skip(t, err.Error())
			}
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 180*time.Second)
			defer cancel()
			o := Options{Prefix: prefix(fmt.Sprintf("%s%d", tag, i)), Relay: relay, Server: kind, Client: Embedded}
			report(t, s.Play(ctx, o))
		})
	}
}

// TestR9915_16_BackupDoesNoHarm has the only global address of a client network
// move to another router, as a virtual one does, while a client renews through this
// relay. No server may learn of a link by which it would declare the lease void.
func TestR9915_16_BackupDoesNoHarm(t *testing.T) {
	const tries = 3
	virtual := host6(clientsA, routerHost).String() + "/64"
	realServers6(t, "b", Scene{Title: "VRRP backup", Family: IPv6, play: func(ctx context.Context, st *stage) error {
		a1, err := st.Client6("a1", client6.Config{Scale: 0.2, Tries: tries})
		if err != nil {
			return err
		}
		first, err := a1.Login(ctx)
		for n := 0; errors.Is(err, client6.ErrSilence) && n < 3; n++ {
			first, err = a1.Login(ctx)
		}
		if err != nil {
			return err
		}
		relay := st.ns[relayNode]
		if err := errors.Join(relay.DelAddr(clientsA, virtual), st.linkAddress(ctx, clientsA, "")); err != nil {
			return err
		}
		st.drops = map[string]int{"request renew no_link_address": tries}
		if _, err := a1.Renew(ctx); !errors.Is(err, client6.ErrSilence) {
			return fmt.Errorf("renewal through the backup: expected silence, seen %w", orNone(err))
		}
		if err := errors.Join(relay.Addr(clientsA, virtual), st.linkAddress(ctx, clientsA, host6(clientsA, routerHost).String())); err != nil {
			return err
		}
		again, err := a1.Renew(ctx)
		if err != nil {
			return fmt.Errorf("renewal through the master: %w", err)
		}
		if again.Addr != first.Addr {
			return fmt.Errorf("address after it: expected %s again, seen %s", first.Addr, again.Addr)
		}
		return nil
	}}, "isc", "kea")
}

var errAnswer = errors.New("an answer")

func orNone(err error) error {
	if err == nil {
		return errAnswer
	}
	return err
}

// TestR9915_6_LinkLocalServers reaches real servers at their link-local addresses,
// written in both ways.
func TestR9915_6_LinkLocalServers(t *testing.T) {
	config := fmt.Sprintf(`[[server]]
address = "fe80::52"
interface = %q
[[interface]]
name = "clients-*"
servers = ["fe80::51%%%s", "fe80::52"]
`, servers, servers)
	realServers6(t, "l", Scene{Title: "link-local servers", Family: IPv6, config: config, play: func(ctx context.Context, st *stage) error {
		a1, err := st.Client6("a1", client6.Config{})
		if err != nil {
			return err
		}
		st.want("a1 SOLICIT relay s1+s2", "a1 REQUEST relay s1+s2", "s1 ADVERTISE relay a1", "s2 ADVERTISE relay a1")
		first, err := a1.Login(ctx)
		if err != nil {
			return err
		}
		if _, err := st.bound6("a1", first.Addr); err != nil {
			return err
		}
		_, err = a1.Renew(ctx)
		return err
	}}, "isc", "kea")
}
