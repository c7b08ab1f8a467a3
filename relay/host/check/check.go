// Package check finds what of this host keeps messages from the relay, for the
// command check and the running daemon alike. It changes nothing.
package check

import (
	"fmt"
	"os"
	"slices"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/dhcp"
)

// A Doubt is something of this host that does not fit a policy.
type Doubt struct {
	Text  string
	Fatal bool // the relay will not start
}

// Host holds a snapshot against the settings, routes and sockets of this host. An
// error is that of the look at the sockets, and what else was found is found.
func Host(s *agent.Snapshot, links []giaddr.Link) (all []Doubt, err error) {
	p := s.Policy
	all = kernelDoubts(os.DirFS(sysctls), Strict(), p, s)
	for _, text := range unreachable(s, s.Plan(links), route) {
		all = append(all, Doubt{Text: text})
	}
	rs, err := Rivals(s, func() []giaddr.Link { return links }, false, udp.Name)
	for i := range rs {
		if r := &rs[i]; !r.same() && !stored(r) {
			all = append(all, Doubt{Text: fmt.Sprintf("port %d is held by %s; %s", r.Addr.Port(), r, startEffect(r, rs))})
		}
	}
	return all, err
}

// startEffect says what there is to expect of one of the others who hold the ports:
// where one does not share its port, the daemon does not start, unless it runs
// already.
func startEffect(r *Rival, all []Rival) string {
	if slices.ContainsFunc(all, func(o Rival) bool { return o.same() }) || shared(r.Family, r.Addr.Port()) {
		return r.Effect()
	}
	return "it does not share the port, so the relay cannot start beside it; stop it, or have it listen elsewhere"
}

// stored reports whether systemd may hold the socket for the next process of the
// daemon, which has made it as this user. The unit's check, which runs between two
// processes, may not look at systemd.
func stored(r *Rival) bool {
	unit := r.PID == 0 && os.Getenv("INVOCATION_ID") != "" && r.Addr.Addr().IsUnspecified() && int(r.UID) == os.Geteuid()
	return unit || r.PID == 1 && r.Command == "systemd"
}

// Alone fails if this daemon runs already: two of them would share the sockets and
// tear conversations apart.
func Alone(p agent.Policy) error {
	for f := range dhcp.Family(dhcp.Families) {
		if !p.Relays(f) {
			continue
		}
		hs, err := udp.Holders(f, f.Port())
		if err != nil {
			return nil //nolint:nilerr // kernels without udp_diag cannot tell; the look for rivals tells of it
		}
		for _, h := range hs {
			if h.PID != os.Getpid() && h.Command == program && h.Link == 0 {
				return fmt.Errorf("%s already runs here: %s", program, h)
			}
		}
	}
	return nil
}
