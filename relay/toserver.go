package relay

import (
	"slices"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/dhcp"
)

// maxSenders is how many servers of a pair of sockets have one of their own to send by.
// The others share that of requests.
const maxSenders = 64

// A toServer is a socket by which requests to one server leave: what fills its send
// buffer, such as a slow uplink, holds up no requests to others.
type toServer struct {
	conn   *udp.Conn
	unused time.Time // since when no state needs it; zero: one does
}

// setSenders gives the servers of a state their sockets. A server that is alone uses
// that of requests.
func (e *Engine) setSenders(s *state) {
	for k, servers := range usersOf(&s.Snap.Policy, s.Plan) {
		sock := e.sockets[k]
		if sock == nil || len(servers) < 2 {
			continue
		}
		for _, n := range servers[:min(len(servers), maxSenders)] {
			c, err := sock.sender(k, s.servers[n].Server)
			if err != nil {
				e.log.Warn("servers share a send buffer, so that a slow one may hold up the others", "server", s.servers[n].Addr, "err", err)
				break
			}
			if s.servers[n].senders == nil {
				s.servers[n].senders = make(map[agent.Socket]*udp.Conn)
			}
			s.servers[n].senders[k] = c
		}
	}
	e.leaveSenders(s)
}

// usersOf returns which servers of a policy each socket leads to, in their order.
func usersOf(p *agent.Policy, plan *agent.Plan) map[agent.Socket][]int {
	users := make(map[agent.Socket][]int)
	for i := range p.Interfaces {
		for _, n := range p.Interfaces[i].Servers {
			w := plan.Way(n)
			if w.Lacks != agent.Nothing {
				continue
			}
			f := dhcp.FamilyOf(p.Servers[n].Addr.Addr())
			for _, port := range []uint16{f.Port(), p.Interfaces[i].Of(f).SourcePort} {
				k := agent.Socket{Family: f, Port: port, VRF: w.VRF}
				if !slices.Contains(users[k], n) {
					users[k] = append(users[k], n)
				}
			}
		}
	}
	return users
}

// sender returns the socket for a server, and opens it if there is none.
func (s *socket) sender(k agent.Socket, to agent.Server) (*udp.Conn, error) {
	if t := s.toServers[to]; t != nil {
		return t.conn, nil
	}
	c, err := udp.Config{Family: k.Family, Port: k.Port, VRF: k.VRF}.Sender()
	if err != nil {
		return nil, err
	}
	if s.toServers == nil {
		s.toServers = make(map[agent.Server]*toServer)
	}
	s.toServers[to] = &toServer{conn: c}
	return c, nil
}

// leaveSenders notes which sockets a state has no need for.
func (e *Engine) leaveSenders(s *state) {
	used := make(map[*udp.Conn]bool)
	for i := range s.servers {
		for _, c := range s.servers[i].senders {
			used[c] = true
		}
	}
	for _, sock := range e.sockets {
		for _, t := range sock.toServers {
			switch {
			case used[t.conn]:
				t.unused = time.Time{}
			case t.unused.IsZero():
				t.unused = time.Now()
			}
		}
	}
}

// closeSenders closes those sockets of a pair that nobody has needed for a while, or
// all of them. It returns when to look again, zero if there is no need.
func (s *socket) closeSenders(now time.Time, all bool) (due time.Time) {
	for to, t := range s.toServers {
		end := t.unused.Add(linger)
		switch {
		case all, !t.unused.IsZero() && !now.Before(end):
			_ = t.conn.Close() // nothing is received on it
			delete(s.toServers, to)
		case !t.unused.IsZero():
			due = sooner(due, end)
		}
	}
	return due
}
