package relay

import (
	"fmt"
	"os"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/dhcp"
)

// A Keeper keeps descriptors open, under names, until a later process takes them:
// what comes to a socket meanwhile waits in it. Relay/host/fdstore has one.
type Keeper interface {
	// Take returns what a former process has left under a name, for the caller to close.
	Take(name string) []*os.File
	// Keep keeps another descriptor under a name.
	Keep(name string, fd int) error
	// Forget gives up what is kept under a name, at the latest when Sync returns.
	Forget(name string)
	Sync() error
	// Rest gives up what nobody has taken, and returns its names.
	Rest() []string
}

// A noKeeper keeps nothing.
type noKeeper struct{}

func (noKeeper) Take(string) []*os.File { return nil }
func (noKeeper) Keep(string, int) error { return nil }
func (noKeeper) Forget(string)          {}
func (noKeeper) Sync() error            { return nil }
func (noKeeper) Rest() []string         { return nil }

// keptMACs is the name of the map of link-layer addresses.
const keptMACs = "clientmac"

// Inherit has the engine take over the sockets of a former process, and leave its own
// to a later one. It must be called before Run.
func (e *Engine) Inherit(k Keeper) { e.keeper = k }

// Adopted returns how many of the pairs of sockets are of a former process, and how
// many there are.
func (e *Engine) Adopted() (adopted, all int) {
	s := e.state.Load()
	if s == nil {
		return 0, 0
	}
	for _, v := range s.sockets {
		if v.adopted {
			adopted++
		}
	}
	return adopted, len(s.sockets)
}

// kept returns the name under which a socket is kept.
func kept(k agent.Socket, r udp.Role) string {
	name := fmt.Sprintf("dhcp%s-%d", map[dhcp.Family]string{dhcp.V4: "v4", dhcp.V6: "v6"}[k.Family], k.Port)
	if k.VRF != 0 {
		name += fmt.Sprintf("-vrf%d", k.VRF)
	}
	return name + "-" + string(r)
}

// openPair opens a pair: that of a former process, if there is one that fits. What does
// not fit must be gone before another one is bound: it would have its places in
// their group.
func (e *Engine) openPair(k agent.Socket) (p *udp.Pair, adopted bool, err error) {
	c := udp.Config{Family: k.Family, Port: k.Port, VRF: k.VRF, RcvBuf: receiveBuffer}
	left := make(udp.Left)
	for _, r := range udp.Roles(c.Family) {
		if fs := e.keeper.Take(kept(k, r)); len(fs) > 0 {
			left[r] = fs
		}
	}
	if len(left) > 0 {
		if p, err = udp.Adopt(c, left); err == nil {
			e.tellRoom(k, p)
			return p, true, nil
		}
		e.log.Warn("sockets of the former process do not fit, and are opened anew", "port", k.Port, "err", err)
		e.forget(k)
		if err := e.keeper.Sync(); err != nil {
			e.log.Warn("sockets of the former process may still be open, and take messages", "port", k.Port, "err", err)
		}
	}
	if p, err = udp.Listen(c); err == nil {
		e.tellRoom(k, p)
	}
	return p, false, err
}

// tellRoom logs that a pair holds less than it should: what it was opened without
// (CAP_NET_ADMIN) is there at the start alone.
func (e *Engine) tellRoom(k agent.Socket, p *udp.Pair) {
	if room := p.Requests.Room(); room < receiveBuffer {
		e.log.Warn("sockets hold less of a burst than they should; raise net.core.rmem_max, or restart with CAP_NET_ADMIN",
			"port", k.Port, "vrf", k.VRF, "octets", room, "want", receiveBuffer)
	}
}

// forget gives up what is kept of a pair.
func (e *Engine) forget(k agent.Socket) {
	for _, r := range udp.Roles(k.Family) {
		e.keeper.Forget(kept(k, r))
	}
}

// keep keeps the sockets that are new.
func (e *Engine) keep() {
	for k, s := range e.sockets {
		s.kept, _ = s.pair.Descriptors(s.kept, func(r udp.Role, fd int) error {
			e.keepAs(kept(k, r), fd)
			return nil
		})
	}
}

// keepAs keeps a descriptor. That it cannot is told once.
func (e *Engine) keepAs(name string, fd int) {
	if err := e.keeper.Keep(name, fd); err != nil && !e.unkept {
		e.unkept = true
		e.log.Warn("what comes during a restart will be lost", "err", err)
	}
}

// recall asks the socket where the former process has joined.
func (s *socket) recall(links []giaddr.Link) {
	for i := range links {
		if s.pair.Requests.Joined(links[i].Index) {
			s.joined[links[i].Index] = links[i].Life
		}
	}
}

// dropUnneeded gives up what the configuration has no need for.
func (e *Engine) dropUnneeded() {
	for _, name := range e.keeper.Rest() {
		e.log.Info("socket of the former process is not needed", "name", name)
	}
}
