package health

import (
	"net/netip"
	"time"
)

// troubleFor is how long what the network says holds, unless it says so again.
const troubleFor = time.Minute

// A Trouble is what the host or the network says of why requests do not reach a server.
// Anyone may forge what comes by ICMP: it explains silence, and proves none.
type Trouble struct {
	Cause Cause
	From  netip.Addr // who says so; not valid if it is this host
	Link  string     // NoNeighbour: the interface on which nobody answers for the server
	At    time.Time  // when it was said last
}

// A Cause is what keeps requests from a server. The list is closed.
type Cause uint8

// The causes.
const (
	PortClosed  Cause = iota // nothing listens on the server's port
	NoNeighbour              // nobody answers ARP or Neighbor Solicitations for the next hop
	NoRoute                  // a router knows no way
	Prohibited               // a firewall refuses it
	TooBig                   // a request is larger than a link on the way takes
	NumCauses   = int(iota)
)

// String returns the cause's name.
func (c Cause) String() string {
	return [NumCauses]string{
		PortClosed: "port_closed", NoNeighbour: "no_neighbour", NoRoute: "no_route", Prohibited: "prohibited", TooBig: "too_big",
	}[c]
}

// current returns the trouble that holds at a time, nil if none does.
func (s *Server) current(at time.Time) *Trouble {
	t := s.trouble.Load()
	if t == nil || at.Sub(t.At) > troubleFor {
		return nil
	}
	return t
}
