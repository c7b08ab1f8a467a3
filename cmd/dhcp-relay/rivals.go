package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/udp"
)

// program is the name that the kernel shows for this daemon.
const program = "dhcp-relay"

// A rival is another program that listens where the relay does.
type rival struct {
	udp.Holder
}

// effect says what there is to expect of it.
func (r rival) effect() string {
	if r.Link != 0 {
		return "it is bound to one device; what is sent by unicast to the relay's address there may reach either"
	}
	return "of two that listen on every address, one loses unicast replies"
}

// same reports whether it is another process of this daemon.
func (r rival) same() bool { return r.Command == program }

// rivals lists who else listens on the ports that a policy needs.
func rivals(p agent.Policy) ([]rival, error) {
	var rs []rival
	for f, port := range portsOf(p) {
		hs, err := udp.Holders(udp.Family(f), port)
		if err != nil {
			return nil, fmt.Errorf("look at port %d: %w", port, err)
		}
		for _, h := range hs {
			if h.PID != os.Getpid() {
				rs = append(rs, rival{h})
			}
		}
	}
	return rs, nil
}

// portsOf returns the port that a policy needs in each family.
func portsOf(p agent.Policy) map[agent.Family]uint16 {
	ports := make(map[agent.Family]uint16)
	for i := range p.Interfaces {
		for _, n := range p.Interfaces[i].Servers {
			f := agent.FamilyOf(p.Servers[n].Addr.Addr())
			ports[f] = map[agent.Family]uint16{agent.V4: 67, agent.V6: 547}[f]
		}
	}
	return ports
}

// onlyOne fails if this daemon runs already: two of them would share the sockets
// and tear conversations apart.
func onlyOne(p agent.Policy) error {
	rs, err := rivals(p)
	if err != nil {
		return nil //nolint:nilerr // kernels without udp_diag cannot tell; followRivals logs it
	}
	for _, r := range rs {
		if r.same() && r.Link == 0 {
			return fmt.Errorf("%s already runs here: %s", program, r)
		}
	}
	return nil
}

// rivalsEvery is how often to look for other listeners: one that comes later
// takes every unicast reply, and nothing else tells of it.
const rivalsEvery = 30 * time.Second

// followRivals logs the other listeners on the ports of the policy in effect, each
// once, and keeps those of the moment, until ctx ends.
func followRivals(ctx context.Context, policy func() agent.Policy, keep func([]rival), log *slog.Logger) {
	told, seen := make(map[string]bool), make(map[string]bool)
	tick := time.NewTicker(rivalsEvery)
	defer tick.Stop()
	for {
		rs, err := rivals(policy())
		if err != nil {
			log.Warn("other listeners cannot be found", "err", err)
			return
		}
		if ctx.Err() != nil {
			return
		}
		var known []rival
		for _, r := range rs {
			name := r.String()
			// Whose socket was just closed is not known; it may have been ours.
			sure := r.PID != 0 || seen[name]
			if sure {
				known = append(known, r)
			}
			if sure && !told[name] {
				told[name] = true
				log.Warn("another program listens on the port", "holder", name, "effect", r.effect())
			}
			seen[name] = true
		}
		keep(known)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
