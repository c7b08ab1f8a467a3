package relay

import (
	"net/netip"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe"
	"dhcp-relay/relay/observe/pending"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// decide has the core decide on each message of a batch, and edit what is relayed.
func (l *loop) decide(b *observe.Batch) {
	for i := range b.Messages {
		m := &b.Messages[i]
		l.judge(m)
		if m.Verdict.Reason == agent.ReplySource {
			l.stranger(m)
		}
	}
	for _, o := range l.observers {
		o.Decided(b)
	}
	l.origins.note(b)
}

// judge asks the core, with what the past has to say.
func (l *loop) judge(m *observe.Message) {
	s := l.state
	if !s.choosing {
		l.judgeOne(m)
		return
	}
	past := l.engine.past
	r := past.Recall(s.Snap, s.serverNames, s.trials, l.batch.Family, m.Received, &m.In)
	l.judgeOne(m)
	past.Note(s.Snap, s.serverNames, &m.Verdict, &m.In, r, m.Buf.Bytes())
}

// judgeOne is judge but for what groups of servers have to say.
func (l *loop) judgeOne(m *observe.Message) {
	if l.batch.Family == dhcp.V6 {
		l.state.Snap.Decide6(&m.Buf, &m.In, &m.Verdict)
		l.downstream(m)
		return
	}
	var try bool
	m.In.Choice, try = l.engine.smart.Choose(l.state.Snap, m.In.Link, m.Received)
	l.state.Snap.Decide4(&m.Buf, &m.In, &m.Verdict)
	l.engine.smart.Note(&m.Verdict, m.Received, try)
}

// stranger decides again on a reply of who is no server, if a request waits for it on
// the link that it is for: a server may answer from another of its addresses.
func (l *loop) stranger(m *observe.Message) {
	w := l.engine.pending.Asker(m)
	if w == nil {
		return
	}
	m.In.Unasked = false
	l.judge(m)
	if v := &m.Verdict; v.Reason == agent.Relayed && w.Link != pending.Link(l.state.Counts(v.Link)) {
		v.Reason = agent.ReplySource
	}
}

// downstreamSlots is how many relays nearer to the clients are remembered; 8 octets
// each.
const downstreamSlots = 1 << 12

// downstream notes the relays nearer to the clients whose requests are relayed, and
// refuses replies for those that have not asked.
func (l *loop) downstream(m *observe.Message) {
	t, v := l.engine.downstream, &m.Verdict
	switch {
	case v.Reason != agent.Relayed:
	case v.Chained:
		to := netip.AddrPortFrom(v.Dst, v.Port)
		if !t.MayGet(v.Link.Host.Index, to, dhcp.ServerPort6, l.batch.Now) {
			v.Reason = agent.RelayReplyRefused
		}
	case v.To == agent.ToServers && m.Received[0] == byte(dhcp6.RelayForward):
		t.Asked(v.Link.Host.Index, m.In.Src, l.batch.Now)
	}
}
