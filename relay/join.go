package relay

import (
	"errors"
	"fmt"
	"syscall"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// join has the DHCPv6 sockets hear the multicasts of their client-facing links,
// and of no others (RFC 9915, section 7.1). An interface that is gone has left
// the group by itself.
func (e *Engine) join(s *state) (errs []error) {
	hear := make(map[agent.Socket]map[int]uint64)
	for _, l := range s.Snap.Links {
		if !s.Plan.HearsMulticast(l) {
			continue
		}
		k := s.Plan.ClientSocket(l, dhcp.V6)
		if hear[k] == nil {
			hear[k] = make(map[int]uint64)
		}
		hear[k][l.Host.Index] = l.Host.Life
	}
	for k, v := range e.sockets {
		errs = append(errs, v.join(hear[k])...)
	}
	return errs
}

// join makes the links on which a socket hears multicasts those of hear, by index
// with their life: a membership ends with it, and the socket is not told.
func (s *socket) join(hear map[int]uint64) (errs []error) {
	for index, life := range s.joined {
		if now, ok := hear[index]; !ok || now != life {
			_ = s.pair.Requests.Leave(index) // it fails for an interface that is gone
			delete(s.joined, index)
		}
	}
	for index, life := range hear {
		if _, ok := s.joined[index]; ok {
			continue
		}
		err := s.pair.Requests.Join(index)
		switch {
		case err == nil:
			s.joined[index] = life
		case errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.EINVAL):
			// It has gone since the links were looked at, or lost IPv6, which will be told.
		default:
			errs = append(errs, fmt.Errorf("hear DHCPv6 multicasts on interface %d: %w", index, err))
		}
	}
	return errs
}
