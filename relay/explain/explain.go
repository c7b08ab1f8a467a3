// Package explain runs the decision core on messages that were captured or
// described, and tells what it would do with each and why. It decides nothing
// itself, and touches neither sockets nor files.
package explain

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/group"
	"dhcp-relay/relay/smartrelay"
	"dhcp-relay/relay/text"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// A Message is one datagram as it reaches the host.
type Message struct {
	Frame    int       // its number in a capture, from 1; 0 if it was described
	Time     time.Time // zero if not known
	Link     string    // interface that hears it; "": one that nothing is known of
	Port     string    // port of the bridge by which it comes; "": not known
	Src, Dst netip.AddrPort
	MAC      []byte // link-layer source of the frame; nil if not known
	Outgoing bool   // the host itself sent it
	Data     []byte // payload of the datagram
}

// A Relay is a configuration on a host. Messages that it explains are taken to
// come one after the other, as smart relay counts them. It is not safe for
// concurrent use.
type Relay struct {
	cfg      *config.Config
	host     []giaddr.Link
	snap     *agent.Snapshot
	plan     *agent.Plan
	problems []agent.Problem
	byName   map[string]*giaddr.Link
	smart    *smartrelay.Table
	past     *group.Past
	ids      *group.Names
	trials   *group.Trials
	given    map[settingAt]config.Setting
	last     *sent // what was relayed to servers last
}

// A sent is a request as it was received and as it was relayed.
type sent struct {
	m Message
	b agent.Buf
	v agent.Verdict
}

// New returns the relay that a host would be under a configuration.
func New(cfg *config.Config, host []giaddr.Link) *Relay {
	r := &Relay{
		cfg: cfg, host: host, byName: make(map[string]*giaddr.Link, len(host)),
		smart: smartrelay.New(1 << 12), past: group.NewPast(), ids: group.NewNames(), trials: group.NewTrials(&cfg.Policy), given: make(map[settingAt]config.Setting),
	}
	policy := cfg.Policy
	policy.Held = make(map[string]bool) // what a router does that is active
	for _, f := range policy.Files() {
		policy.Held[f] = true
	}
	r.snap, r.problems = agent.Compile(policy, host)
	r.plan = r.snap.Plan(host)
	for i := range host {
		for _, alt := range host[i].AltNames {
			r.byName[alt] = &host[i]
		}
	}
	for i := range host {
		r.byName[host[i].Name] = &host[i]
	}
	return r
}

// Problems returns what of the configuration does not fit the host, but for
// interfaces that it does not have.
func (r *Relay) Problems() []agent.Problem {
	return slices.DeleteFunc(slices.Clone(r.problems), func(p agent.Problem) bool {
		return slices.ContainsFunc(r.snap.Absent, func(i *agent.Interface) bool { return i.Name == p.Interface })
	})
}

// names returns the names of the host's interfaces, of which there may be
// thousands, in words for an error.
func (r *Relay) names() string {
	const most = 10
	names := make([]string, 0, len(r.host))
	for i := range r.host {
		names = append(names, r.host[i].Name)
	}
	slices.Sort(names)
	return text.Some(names, most)
}

// headroom and slot are what the daemon gives each message, in octets.
const (
	headroom = agent.Headroom
	slot     = 65536
	tailroom = 1024
)

// bufOf returns a copy of a message with room around it.
func bufOf(data []byte) agent.Buf {
	b := agent.Buf{Store: make([]byte, headroom+slot+tailroom), Off: headroom}
	b.Len = copy(b.Store[headroom:headroom+slot], data)
	return b
}

// clone returns a copy of a message that shares nothing with it.
func clone(b *agent.Buf) agent.Buf {
	return agent.Buf{Store: bytes.Clone(b.Store), Off: b.Off, Len: b.Len}
}

// Explain decides on a message as the daemon would, and says why. The error is
// for a message that names an interface which the host does not have.
func (r *Relay) Explain(m Message) (Result, error) {
	index := 0
	var heard *giaddr.Link
	if m.Link != "" {
		if heard = r.byName[m.Link]; heard == nil {
			return Result{}, fmt.Errorf("there is no interface %q on the host; there are %s", m.Link, r.names())
		}
		index = heard.Index
	}
	b := bufOf(m.Data)
	in := agent.Ingress{Link: index, Src: m.Src, Dst: m.Dst.Addr(), MAC: m.MAC, Truncated: len(m.Data) > slot}
	if err := r.port(&m, heard, &in); err != nil {
		return Result{}, err
	}
	res := Result{Frame: m.Frame, Message: summarize(&m)}
	if !m.Time.IsZero() {
		res.Time = &m.Time
	}
	if why := r.notHeard(&m, heard); why != nil {
		r.last = nil
		res.Outcome, res.What, res.Remedy, res.Rules = notHeard, why.what, why.remedy, why.rules
		res.Notes = r.unknown(r.snap.Link(index))
		return res, nil
	}
	v := r.decide(&b, &in)
	r.last = nil
	if v.Reason == agent.Relayed && v.To == agent.ToServers {
		r.last = &sent{m, b, v}
	}
	res.Message.Direction = &v.Direction
	r.judge(&res, &m, b, v)
	res.Notes = append(res.Notes, r.classNotes(&v)...)
	if v.Unidentified {
		res.Notes = append(res.Notes, "By which port of the bridge it comes is not known here, and the configuration asks for it; the daemon asks the bridge. Of a described client --port says it.")
	}
	if v.Reason == agent.Relayed && v.To == agent.ToServers {
		res.Notes = append(res.Notes, r.groupNotes(&v, &in)...)
	}
	return res, nil
}

// decide is what a loop of the daemon does with a message.
func (r *Relay) decide(b *agent.Buf, in *agent.Ingress) (v agent.Verdict) {
	f := dhcp.FamilyOf(in.Src.Addr())
	recall := r.past.Recall(r.snap, r.ids, r.trials, f, b.Bytes(), in)
	if f == dhcp.V6 {
		r.snap.Decide6(b, in, &v)
	} else {
		var try bool
		in.Choice, try = r.smart.Choose(r.snap, in.Link, b.Bytes())
		r.snap.Decide4(b, in, &v)
		r.smart.Note(&v, b.Bytes(), try)
	}
	r.past.Note(r.snap, r.ids, &v, in, recall, b.Bytes())
	return v
}

// judge fills in what a verdict means.
func (r *Relay) judge(res *Result, m *Message, b agent.Buf, v agent.Verdict) {
	reason := v.Reason
	if reason == agent.Relayed {
		res.Copies = r.copies(m, b, v)
		r.credit(res.Copies, &v)
		if !slices.ContainsFunc(res.Copies, Copy.possible) {
			reason = agent.SendFailed
		}
		res.Notes = r.notes(b, v)
	}
	if reason == agent.UntrustedOption82 {
		res.Notes = hidden(b.Bytes())
	}
	res.Notes = append(append(res.Notes, r.troubles(&v)...), r.unknown(v.Link)...)
	doc := reason.DocOf(v.Direction)
	res.Outcome, res.What, res.Remedy = doc.Name, doc.What, doc.Remedy
	res.Rules = rulesOf(reason, v.Family, v.Direction)
	res.Settings = r.settings(reason, m, &v, res.Copies)
}

// troubles tells what is wrong with the addresses of the link that a message
// concerns, which the reason alone does not say.
func (r *Relay) troubles(v *agent.Verdict) (notes []string) {
	if v.Link == nil || v.Reason != agent.Relayed && v.Reason != agent.NoGiaddr && v.Reason != agent.NoLinkAddress {
		return nil
	}
	add := func(text string) {
		notes = append(notes, v.Link.Host.Name+": "+strings.TrimSuffix(text, ".")+".")
	}
	if side := &v.Link.Side[v.Family]; side.State == agent.NoAddress || side.State == agent.NoLinkLocal {
		add(side.Problem.Error())
	} else if v.Family == dhcp.V6 && v.Link.Interface.V6.Address.Kind == giaddr.LinkLocal {
		add("link_address is \"link-local\", by which servers that do not go by the Interface-Id declare leases void")
	}
	return notes
}

// unknown tells of DNS names among the link's servers of which no address is known.
func (r *Relay) unknown(l *agent.Link) (notes []string) {
	if l == nil {
		return nil
	}
	for _, name := range l.Interface.Hosts {
		if !slices.ContainsFunc(r.snap.Policy.Servers, func(s agent.Server) bool { return s.Host == name }) {
			notes = append(notes, "No address is known of "+name+", so no copy goes there.")
		}
	}
	return notes
}

// hidden tells of an option 82 where few look for one.
func hidden(p bootp.Packet) []string {
	if l, ok := p.Scan(); ok && l.NumRelay > 0 {
		return nil
	}
	return []string{"It is in sname or file, where option 52 says that options are; servers join it with the relay's own (RFC 3396, section 7)."}
}

// listens reports whether the relay has a socket for what goes to an address and
// port, wherever it is heard.
func (r *Relay) listens(dst netip.AddrPort) bool {
	return r.plan.Listens(dhcp.FamilyOf(dst.Addr()), dst.Port())
}

// unreadable returns the result for a frame of a capture that holds no message
// which could be decided on.
func unreadable(m Message, why string) Result {
	res := Result{Frame: m.Frame, Message: summarize(&m), Outcome: notExplained, What: why}
	if !m.Time.IsZero() {
		res.Time = &m.Time
	}
	return res
}

// notHeard is the outcome of a message that never reaches the relay. It is no
// reason for a drop, as the relay does not count what it does not hear.
const notHeard = "not_heard"

// notExplained is the outcome of a frame that tells too little of its message.
const notExplained = "not_explained"

// Dropped reports whether the relay would drop the message.
func (r *Result) Dropped() bool {
	return r.Outcome != notHeard && r.Outcome != notExplained && r.Outcome != agent.Relayed.String()
}
