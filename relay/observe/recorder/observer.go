package recorder

import (
	"net/netip"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe"
)

// An Observer has a Writer keep what a loop moves.
type Observer struct {
	observe.Blind
	w     *Writer
	taken bool // the writer takes the batch at hand

	state uint64  // number of that which lists are of
	lists []int32 // by agent.Link.ID: Servers plus 1; 0: not known yet
	names []Class // by index into Policy.Classes; 0: not known yet
}

// Observer returns one for the sole use of a loop. Of a nil Log it sees nothing.
func (l *Log) Observer() observe.Observer {
	if l == nil {
		return observe.Blind{}
	}
	return &Observer{w: l.Writer()}
}

// Close implements observe.Observer.
func (o *Observer) Close() { o.w.Close() }

// Read implements observe.Observer.
func (o *Observer) Read(b *observe.Batch) {
	o.taken = o.w.Begin(len(b.Messages))
	if !o.taken {
		return
	}
	for i := range b.Messages {
		o.w.Received(b.Messages[i].Received)
	}
}

// Done implements observe.Observer.
func (o *Observer) Done(b *observe.Batch) {
	if !o.taken {
		return
	}
	if o.state != b.Number {
		o.state, o.lists, o.names = b.Number, make([]int32, len(b.Links)), make([]Class, len(b.Classes))
	}
	e := Event{At: b.At.UnixNano(), Done: time.Now().UnixNano(), Family: b.Family}
	for i := range b.Messages {
		m := &b.Messages[i]
		o.event(b, m, &e)
		e.Earlier = m.InEarlier()
		if !m.Sent {
			o.w.Sent(&e, nil, 0)
			continue
		}
		o.w.Sent(&e, m.Buf.Bytes(), m.Buf.Off-m.Off)
		for _, f := range m.Earlier {
			e.Copies, e.Refused, e.Earlier, e.Omitted = f.Copies, 0, 0, false
			o.w.further(&e, f.Sent, f.Shift)
		}
	}
	o.w.End()
}

// event sets all of an event that is a message's own.
func (o *Observer) event(b *observe.Batch, m *observe.Message, e *Event) {
	v := &m.Verdict
	e.Direction, e.Type, e.Outcome, e.Omitted = v.Direction, v.Type, m.Outcome, m.Bare
	e.Heard, e.Link = m.In.Link, 0
	if v.Link != nil {
		e.Link = v.Link.Host.Index
	}
	e.Src, e.Dst, e.From = m.In.Src, netip.AddrPortFrom(m.In.Dst, b.Port), v.Src
	e.Servers, e.Copies, e.Refused, e.Errno = 0, m.Copies, m.Refused, m.Errno
	if m.Copies|m.Refused != 0 {
		e.Servers = o.servers(b, v.Link)
	}
	e.To, e.Class = v.To, 0
	if v.Class > 0 {
		e.Class = o.class(b, int(v.Class-1))
	}
	if v.To == agent.ToServers {
		return
	}
	e.Client, e.HW = netip.AddrPort{}, [6]byte{}
	if m.Sent {
		e.Client = netip.AddrPortFrom(v.Dst, v.Port)
		e.HW = [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		copy(e.HW[:], v.HW)
	}
}

// class returns the number of the name of a class of the policy.
func (o *Observer) class(b *observe.Batch, n int) Class {
	if o.names[n] == 0 {
		o.names[n] = o.w.log.Class(b.Classes[n].Name)
	}
	return o.names[n]
}

// servers returns the number of the list of a link's servers.
func (o *Observer) servers(b *observe.Batch, l *agent.Link) Servers {
	if n := o.lists[l.ID]; n > 0 {
		return Servers(n - 1)
	}
	servers := l.Side[b.Family].Servers
	list := make([]Server, len(servers))
	for i, n := range servers {
		list[i] = Server{b.Snap.Policy.Servers[n].Addr, b.Snap.Policy.Servers[n].Source}
	}
	n := o.w.log.Servers(list)
	o.lists[l.ID] = int32(n) + 1
	return n
}
