package relay

import (
	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
)

// View returns the snapshot by which messages are decided now, and where it
// does not fit the configuration; nil before the relay hears clients. Neither
// may be changed.
func (e *Engine) View() (*agent.Snapshot, []agent.Problem) {
	s := e.state.Load()
	if s == nil {
		return nil, nil
	}
	return s.Snap, s.problems
}

// Host returns the links of the host at this moment. It may be called once View has
// returned a snapshot.
func (e *Engine) Host() []giaddr.Link { return e.watcher.Links() }
