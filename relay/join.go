package relay

import (
	"fmt"

	"dhcp-relay/relay/agent"
)

// join has the DHCPv6 sockets hear the multicasts of their client-facing links,
// and of no others (RFC 9915, section 7.1). An interface that is gone has left
// the group by itself.
func (e *Engine) join(s *state) (errs []error) {
	hear := make(map[socketKey]map[int]bool)
	for _, l := range s.snap.Links {
		if len(l.ServersOf(agent.V6)) == 0 {
			continue
		}
		k := socketKey{agent.V6, portServer(agent.V6), s.vrfs.of[l.Host.Index]}
		if hear[k] == nil {
			hear[k] = make(map[int]bool)
		}
		hear[k][l.Host.Index] = true
	}
	for k, v := range e.sockets {
		errs = append(errs, v.join(hear[k])...)
	}
	return errs
}

// join makes the links on which a socket hears multicasts those of hear.
func (s *socket) join(hear map[int]bool) (errs []error) {
	for index := range s.joined {
		if !hear[index] {
			_ = s.pair.Requests.Leave(index) // it fails for an interface that is gone
			delete(s.joined, index)
		}
	}
	for index := range hear {
		if s.joined[index] {
			continue
		}
		if err := s.pair.Requests.Join(index); err != nil {
			errs = append(errs, fmt.Errorf("hear DHCPv6 multicasts on interface %d: %w", index, err))
			continue
		}
		s.joined[index] = true
	}
	return errs
}
