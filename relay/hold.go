package relay

import (
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/dhcp"
)

// The bounds of what waits for an address of its link. A link comes up a moment
// before it has its addresses, and the kernel tells of them a moment later.
const (
	holdMost = 16                     // messages of a loop; more are dropped at once
	holdFor  = 300 * time.Millisecond // less than after what a client asks again
)

// held are requests that wait for an address of their link. The zero value holds
// none.
type held struct {
	on   bool
	data []udp.Datagram // made when first needed
	due  []time.Time    // when each is decided on at the latest; as many as are held
	wake *time.Timer
}

// lacking tells the families in which a link has no address that may stand for its
// clients.
func lacking(s *agent.Snapshot) (some [2]bool) {
	for _, l := range s.Links {
		for _, f := range families() {
			some[f] = some[f] || lacks(l, f)
		}
	}
	return some
}

// lacks reports whether requests of a link may wait for an address. What relays
// have relayed needs none of it, and what comes on standby another router relays.
func lacks(l *agent.Link, f dhcp.Family) bool {
	return l.Side[f].State != agent.Standby && len(l.Side[f].Servers) > 0 && !l.Side[f].Addr().IsValid() && !l.Interface.Trusted
}

// early reports whether a message came before an address of its link.
func (l *loop) early(d *udp.Datagram) bool {
	link := l.state.Snap.Link(d.Link)
	return link != nil && lacks(link, l.batch.Family)
}

// hold sets aside those of a batch that came before an address of their link. It
// returns the others.
func (l *loop) hold(ds []udp.Datagram) []udp.Datagram {
	if !l.held.on || len(ds) == 0 || !l.state.lacking[l.batch.Family] {
		return ds
	}
	left := 0
	for i := range ds {
		if l.early(&ds[i]) && l.held.add(&ds[i]) {
			continue
		}
		if left != i {
			copyDatagram(&ds[left], &ds[i])
		}
		left++
	}
	l.setWake()
	return ds[:left]
}

// add takes a copy of a message, if there is room.
func (h *held) add(d *udp.Datagram) bool {
	if h.data == nil {
		h.data = udp.NewBatch(holdMost)
	}
	if len(h.due) == holdMost {
		return false
	}
	copyDatagram(&h.data[len(h.due)], d)
	h.due = append(h.due, time.Now().Add(holdFor))
	return true
}

// copyDatagram makes to what from is, in a room of its own.
func copyDatagram(to, from *udp.Datagram) {
	store := to.Store
	*to = *from
	to.Store = store
	copy(store[udp.Headroom:], from.Store[udp.Headroom:udp.Headroom+from.N])
}

// setWake has the loop look again when the first of the held messages is due.
func (l *loop) setWake() {
	h := &l.held
	if len(h.due) == 0 {
		return
	}
	if after := time.Until(h.due[0]); h.wake == nil {
		h.wake = time.AfterFunc(after, l.conn.Wake)
	} else {
		h.wake.Reset(after)
	}
}

// end makes all that is held due now.
func (h *held) end() { clear(h.due) }

// resume relays what has waited, if its link has an address by now, and drops what
// has waited long enough.
func (l *loop) resume() {
	h := &l.held
	if len(h.due) == 0 {
		return
	}
	now, ready := time.Now(), 0
	for i := range h.due {
		if l.early(&h.data[i]) && now.Before(h.due[i]) {
			continue
		}
		// Those that are ready come first; which of them, does not matter.
		h.data[ready], h.data[i] = h.data[i], h.data[ready]
		h.due[ready], h.due[i] = h.due[i], h.due[ready]
		ready++
	}
	if ready > 0 {
		l.relay(h.data[:ready])
		rest := len(h.due) - ready
		for i := range rest {
			h.data[i], h.data[ready+i] = h.data[ready+i], h.data[i]
			h.due[i] = h.due[ready+i]
		}
		h.due = h.due[:rest]
	}
	l.setWake()
}
