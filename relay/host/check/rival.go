package check

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/text"
	"dhcp-relay/relay/wire/dhcp"
)

// mostNamed is how many of many interfaces a line names.
const mostNamed = 4

// program is the name that the kernel shows for this daemon.
const program = "dhcp-relay"

// A Rival is a socket of another process that hears what is sent to a port of the
// relay's.
type Rival struct {
	udp.Holder
	Family   dhcp.Family
	Harm     Harm
	Serves   []string // client-facing interfaces on which it hears requests; none if it may be all of them
	Commonly bool     // its process is known to be a DHCP server or relay, or is not known
}

// A Harm says what there is to expect of a rival.
type Harm uint8

// The harms.
const (
	None    Harm = iota // it hears nothing that concerns the relay
	Steals              // it may be given unicasts to the relay's addresses, unless the relay has sockets bound to those
	Doubles             // it also hears the requests of clients that the relay serves
)

// Error reports whether a rival keeps the relay from its work: it serves the same
// clients, and is a DHCP server or relay.
func (r *Rival) Error() bool { return r.Harm == Doubles && r.Commonly }

// same reports whether it is another process of this daemon.
func (r *Rival) same() bool { return r.Command == program }

// Effect says what there is to expect of it.
func (r *Rival) Effect() string {
	switch {
	case r.Harm == Doubles && len(r.Serves) > 0:
		return "it also hears the clients on " + text.Some(r.Serves, mostNamed) + ", so a relay or server there answers each of them a second time"
	case r.Harm == Doubles:
		return "it listens on every interface, so a relay or server there answers each client a second time"
	}
	return "what servers send to the relay's addresses may reach it instead, unless the relay has sockets of its own for these"
}

// servers are the names of programs that serve or relay DHCP, as patterns; the
// kernel keeps 15 octets of a name.
func servers() []string {
	return []string{
		"dhcpd", "dhcpd6", "dhcrelay*", "dhcprelay*", "dhcp-relay", "dhcp-helper", "dhcp-fwd*", "dhcp6relay*", "dhcp6s", "dhcpy6d", "dhcp4relay",
		"dibbler-server", "dibbler-relay", "dnsmasq", "isc-dhcp*", "kea-dhcp*", "odhcpd", "systemd-network", "udhcpd", "wide-dhcpv6*", "coredhcp", "freeradius", "radiusd", "accel-pppd",
	}
}

func serves(command string) bool {
	return slices.ContainsFunc(servers(), func(p string) bool {
		ok, err := path.Match(p, command)
		return ok && err == nil
	})
}

// Rivals lists the sockets of other processes that hear what is sent to the ports
// of the snapshot's policy. Those that are bound to a device or an address with
// which the relay has nothing to do, as dnsmasq is by libvirt, are no rivals.
// relaying says that this process is the daemon at work.
func Rivals(s *agent.Snapshot, host func() []giaddr.Link, relaying bool, name Namer) (all []Rival, err error) {
	for f := range dhcp.Family(dhcp.Families) {
		if !s.Policy.Relays(f) {
			continue
		}
		hs, err := others(f, f.Port())
		if err != nil {
			return nil, fmt.Errorf("look at port %d: %w", f.Port(), err)
		}
		if len(hs) == 0 {
			continue
		}
		name(hs)
		ground := survey(s, host(), f, relaying || ours(hs))
		for _, h := range hs {
			r := Rival{Holder: h, Family: f, Commonly: h.PID == 0 || serves(h.Command)}
			r.Harm, r.Serves = ground.harm(&h)
			if r.Harm != None && !slices.ContainsFunc(all, r.like) {
				all = append(all, r)
			}
		}
	}
	slices.SortFunc(all, func(a, b Rival) int { return strings.Compare(a.String(), b.String()) })
	return all, nil
}

// A Namer says whose sockets they are, as far as it can: udp.Name or the like.
type Namer func([]udp.Holder)

// like reports whether two sockets are of one process and in one place.
func (r *Rival) like(o Rival) bool {
	return o.Addr == r.Addr && o.Link == r.Link && o.PID == r.PID && (r.PID != 0 || o.Inode == r.Inode)
}

// others lists the sockets that are not this process's own. What is open only
// while the list is made may be its own, so only what is on two lists counts.
func others(f dhcp.Family, port uint16) ([]udp.Holder, error) {
	var last []udp.Holder
	for i := range 2 {
		hs, err := udp.Listeners(f, port)
		if err != nil {
			return nil, err
		}
		hs = slices.DeleteFunc(hs, func(h udp.Holder) bool {
			return h.PID == os.Getpid() || i > 0 && !slices.ContainsFunc(last, func(o udp.Holder) bool { return o.Inode == h.Inode })
		})
		if len(hs) == 0 {
			return nil, nil
		}
		last = hs
	}
	return last, nil
}

// ours reports whether another process of this daemon is among those who listen.
func ours(hs []udp.Holder) bool {
	return slices.ContainsFunc(hs, func(h udp.Holder) bool { return h.Command == program })
}
