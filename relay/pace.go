package relay

import (
	"slices"
	"time"

	"dhcp-relay/relay/limit"
	"dhcp-relay/relay/observe/count"
)

// paceOf returns the pace of a server, that which it had in the last state, if any.
func (e *Engine) paceOf(last *state, counts *count.Server) *limit.Pace {
	if last != nil {
		for i := range last.servers {
			if last.servers[i].counts == counts {
				return last.servers[i].pace
			}
		}
	}
	return new(limit.Pace)
}

// paceServers judges, each second, how much the interfaces that share a server may send
// to it, and tells where that begins and ends.
func (e *Engine) paceServers() {
	s := e.state.Load()
	for n := range s.servers {
		v := &s.servers[n]
		was := v.pace.PerSecond()
		v.pace.Judge(time.Second, v.counts.Copies.Value(), v.counts.Replies.Value(), v.counts.Withheld.Value(), s.interfacesOf(n))
		switch is := v.pace.PerSecond(); {
		case was == 0 && is != 0:
			e.log.Warn("server answers far fewer requests than it gets, so each interface may send its share only", "server", v.counts.String(), "per_second", is)
		case was != 0 && is == 0:
			e.log.Info("server answers what it gets again", "server", v.counts.String())
		}
	}
}

// interfacesOf returns how many links have a server, two at most.
func (s *state) interfacesOf(server int) (links int) {
	f := s.Servers[server].Family()
	for _, l := range s.Snap.Links {
		if slices.Contains(l.Side[f].Servers, server) {
			if links++; links == 2 {
				break
			}
		}
	}
	return links
}
