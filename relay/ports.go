package relay

import (
	"time"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/fdb"
	"dhcp-relay/relay/observe"
	"dhcp-relay/relay/wire/dhcp"
)

// Ports tell a loop by which ports of bridges its requests came. The zero value tells
// nothing, and costs nothing.
type ports struct {
	on     bool       // the loop's messages are requests
	table  *fdb.Table // nil: nobody asks, or it could not be opened
	warned time.Time
}

// adopt opens the table if links of a snapshot ask for ports in a family, and closes it if
// none does any more. It tells at most once a minute why it cannot.
func (p *ports) adopt(e *Engine, s *agent.Snapshot, f dhcp.Family) {
	switch asks := p.on && asksPort(s, f); {
	case !asks && p.table != nil:
		p.close()
	case asks && p.table == nil:
		var err error
		if p.table, err = fdb.Open(); err != nil && time.Since(p.warned) > time.Minute {
			p.warned = time.Now()
			e.log.Warn("ports of bridges are not known", "err", err)
		}
	}
}

// asksPort reports whether links of a snapshot ask for ports in a family.
func asksPort(s *agent.Snapshot, f dhcp.Family) bool {
	for _, l := range s.Links {
		if l.Side[f].Port && l.Host.FDB != (giaddr.FDB{}) {
			return true
		}
	}
	return false
}

// ask finds the ports by which the messages of a batch came, of which the link-layer
// address is known.
func (p *ports) ask(b *observe.Batch) {
	if p.table == nil {
		return
	}
	p.table.Follow()
	for i := range b.Messages {
		in := &b.Messages[i].In
		if len(in.MAC) != len(fdb.Station{}.MAC) || in.Refused != agent.Relayed {
			continue
		}
		if l := b.Snap.Link(in.Link); l != nil && l.Side[b.Family].Port && l.Host.FDB.Bridge != 0 {
			in.Port = p.table.Port(fdb.Station{FDB: l.Host.FDB, MAC: [6]byte(in.MAC)})
		}
	}
}

// close gives the table up.
func (p *ports) close() {
	if p.table != nil {
		_ = p.table.Close() // nothing is lost with it
		p.table = nil
	}
}
