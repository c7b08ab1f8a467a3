package count

import (
	"net/netip"
	"strconv"
	"time"

	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/icmp"
)

// A Trouble is what hosts on the way say, by ICMP, of requests to a server, or what the
// kernel knows of the neighbour on the way there. It explains why the server is silent,
// and proves nothing: anybody can send an ICMP error.
type Trouble struct {
	Error   icmp.Error // the last one
	Local   bool       // this host says so itself
	NextHop netip.Addr // Local: which neighbour does not answer; not valid if it is not known
	Link    string     // Local: the interface that leads there, "" if it is not known
	Since   time.Time  // of the first one
	Last    time.Time
	Count   uint64 // of those that say the same

	replies uint64 // that the server had sent by then
}

// troubleLasts is how long after the last error a trouble may still be there.
const troubleLasts = time.Minute

// Troubled notes an error about a request to the server. Calls must not overlap. It reports whether it says something else than before.
func (s *Server) Troubled(t Trouble, now time.Time) (changed bool) {
	s.ICMP[t.Error.Kind].Inc()
	t.Since, t.Last, t.Count, t.replies = now, now, 1, s.Replies.Value()
	was, lasts := s.Trouble(now)
	if lasts && was.same(&t) {
		t.Since, t.Count = was.Since, was.Count+1
	}
	s.trouble.Store(&t)
	s.explain(&t)
	return t.Count == 1
}

// explain tells the server's health of what stands in the way.
func (s *Server) explain(t *Trouble) {
	h := health.Trouble{From: t.Error.Offender, Link: t.Link, At: t.Last}
	if t.Local {
		h.From = netip.Addr{}
	}
	switch t.Error.Kind {
	case icmp.PortClosed:
		h.Cause = health.PortClosed
	case icmp.HostUnreachable:
		h.Cause = health.NoRoute
		if t.Local {
			h.Cause = health.NoNeighbour
		}
	case icmp.NoRoute, icmp.HopsExceeded:
		h.Cause = health.NoRoute
	case icmp.Prohibited:
		h.Cause = health.Prohibited
	case icmp.TooBig:
		h.Cause = health.TooBig
	case icmp.Other:
		return
	}
	s.Health.Explain(h)
}

// same reports whether errors say the same.
func (t *Trouble) same(u *Trouble) bool {
	if t.Error.Kind != u.Error.Kind || t.Local != u.Local || t.NextHop != u.NextHop || t.Link != u.Link {
		return false
	}
	return t.Local || t.Error.Code == u.Error.Code && t.Error.Offender == u.Error.Offender // its own addresses are many
}

// Trouble returns what stands in the way to the server, false if nothing does: since
// then it has replied, or nobody has said so again for a minute.
func (s *Server) Trouble(now time.Time) (Trouble, bool) {
	t := s.trouble.Load()
	if t == nil || now.Sub(t.Last) >= troubleLasts || s.Replies.Value() != t.replies {
		return Trouble{}, false
	}
	return *t, true
}

// String says who says what, in a sentence without its full stop.
func (t Trouble) String() string {
	e := &t.Error
	server, port := e.To.Addr().String(), strconv.Itoa(int(e.To.Port()))
	who := e.Offender.String()
	if t.Local {
		return t.local(server, port)
	}
	switch e.Kind {
	case icmp.PortClosed:
		if e.Offender == e.To.Addr() {
			return who + " says that nothing listens on port " + port
		}
		return who + " says that nothing listens on port " + port + " of " + server + ", as some firewalls do"
	case icmp.HostUnreachable:
		return who + " says that it cannot reach " + server + ": host unreachable"
	case icmp.NoRoute:
		return who + " says that it has no route to " + server
	case icmp.Prohibited:
		return who + " says: administratively prohibited"
	case icmp.TooBig:
		return who + " says that requests are too big for the way on (MTU " + strconv.Itoa(e.MTU) + ")"
	case icmp.HopsExceeded:
		return who + " says that requests have gone through too many routers"
	case icmp.Other:
	}
	return who + " answers requests with ICMP type " + strconv.Itoa(int(e.Type)) + ", code " + strconv.Itoa(int(e.Code))
}

// local is String for what this host says.
func (t Trouble) local(server, port string) string {
	switch t.Error.Kind {
	case icmp.HostUnreachable:
		who, on := server, ""
		if t.NextHop.IsValid() && t.NextHop != t.Error.To.Addr() {
			who = t.NextHop.String() + ", the next router on the way,"
		}
		if t.Link != "" {
			on = " on " + t.Link
		}
		return who + " does not answer " + t.asked() + on
	case icmp.NoRoute:
		return "this host has no route to " + server
	case icmp.TooBig:
		return "requests are too big for the way (MTU " + strconv.Itoa(t.Error.MTU) + ")"
	case icmp.HopsExceeded, icmp.Other, icmp.PortClosed, icmp.Prohibited:
	}
	return "a firewall on this host rejects what goes to port " + port + " of " + server
}

// asked names how the neighbour was asked for its link-layer address.
func (t Trouble) asked() string {
	if dhcp.FamilyOf(t.Error.To.Addr()) == dhcp.V6 {
		return "neighbour discovery"
	}
	return "ARP"
}

// Remedy says what to do about it, in sentences.
func (t Trouble) Remedy() string {
	e := &t.Error
	server, port := e.To.Addr().String(), strconv.Itoa(int(e.To.Port()))
	switch e.Kind {
	case icmp.PortClosed:
		if !t.Local && e.Offender == e.To.Addr() {
			return "Start the DHCP server there, and have it listen on " + server + " (Kea: interfaces-config); a firewall that rejects says the same."
		}
	case icmp.HostUnreachable:
		if !t.Local {
			return "See whether the server is up and its address is right; " + e.Offender.String() + " is the last router on the way."
		}
		on := ""
		if t.Link != "" {
			on = " dev " + t.Link
		}
		return "See whether it is up and on that link (cable, VLAN), and whether the address and its mask are right (ip neigh show" + on + ")."
	case icmp.NoRoute:
		if !t.Local {
			return "Give " + e.Offender.String() + " a route to the server, or correct the server's address."
		}
		return "Add a route to the server, or correct its address."
	case icmp.TooBig:
		return "Raise the MTU on the way, or set max_message_size."
	case icmp.HopsExceeded:
		return "Look for routes that form a circle (traceroute " + server + ")."
	case icmp.Other, icmp.Prohibited:
	}
	where := "on " + e.Offender.String()
	if t.Local {
		where = "in the output chain of this host"
	}
	return "Allow UDP port " + port + " to the server " + where + ", and the replies back."
}
