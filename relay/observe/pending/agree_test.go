package pending_test

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/observe"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/observe/pending"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/observe/transaction"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// A play moves messages past the observers that count requests and that record, as the
// engine does.
type play struct {
	state    *observe.State
	counts   *count.Table
	table    *pending.Table
	log      *recorder.Log
	watching [dhcp.Families][]observe.Observer // a loop has those of one family
	start    time.Time
	now      time.Duration
}

// newPlay returns one with two servers of each family.
func newPlay(t interface{ Fatal(args ...any) }) *play {
	return newPlayOf(t, `["10.9.0.2", "10.9.0.3", "2001:db8:9::2", "2001:db8:9::3"]`)
}

func newPlayOf(t interface{ Fatal(args ...any) }, servers string) *play {
	cfg, err := config.Parse("relay.toml", []byte("[[interface]]\nname = \"d0\"\ntrusted = true\nservers = "+servers+"\n"), config.Host{Hostname: "r"})
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) giaddr.Addr { return giaddr.Addr{Prefix: netip.MustParsePrefix(s)} }
	host := []giaddr.Link{
		{Index: 2, Name: "d0", Type: 1, MTU: 1500, Up: true, Broadcast: true, MAC: []byte{2, 0, 0, 0, 0, 2}, Addrs: []giaddr.Addr{at("10.1.0.1/24"), at("2001:db8:1::1/64"), at("fe80::2/64")}},
		{Index: 9, Name: "up", Type: 1, MTU: 1500, Up: true, Broadcast: true, MAC: []byte{2, 0, 0, 0, 0, 9}, Addrs: []giaddr.Addr{at("10.9.0.1/24"), at("2001:db8:9::1/64")}},
	}
	snap, _ := agent.Compile(cfg.Policy, host)
	p := &play{counts: count.New(), table: pending.New(1024), log: recorder.NewLog(128), start: time.Unix(1_700_000_000, 0)}
	p.state = &observe.State{Snap: snap, Plan: snap.Plan(host), Number: 1, Other: p.counts.Link("")}
	for _, l := range snap.Links {
		p.state.Links = append(p.state.Links, p.counts.Link(l.Host.Name))
	}
	for _, s := range cfg.Policy.Servers {
		p.state.Servers = append(p.state.Servers, p.counts.Server(s.Addr, s.VRF))
	}
	for f := range p.watching {
		p.watching[f] = []observe.Observer{p.table.Observer(1), p.log.Observer()}
	}
	return p
}

// A heard is one message as it comes; whatever it is relayed for, sending may fail.
type heard struct {
	family dhcp.Family
	in     agent.Ingress
	data   []byte
	fails  bool
}

// relay moves a message through the relay, and returns what became of it.
func (p *play) relay(h heard) agent.Reason {
	b := observe.Batch{State: p.state, Family: h.family, Port: h.family.Port(), At: p.start.Add(p.now), Now: p.now, Messages: make([]observe.Message, 1)}
	m := &b.Messages[0]
	store := make([]byte, agent.Headroom+len(h.data)+1024)
	copy(store[agent.Headroom:], h.data)
	m.Reset(store, agent.Headroom, len(h.data))
	m.In = h.in
	for _, o := range p.watching[h.family] {
		o.Read(&b)
	}
	if h.family == dhcp.V6 {
		p.state.Snap.Decide6(&m.Buf, &m.In, &m.Verdict)
	} else {
		p.state.Snap.Decide4(&m.Buf, &m.In, &m.Verdict)
	}
	for _, o := range p.watching[h.family] {
		o.Decided(&b)
	}
	m.Outcome = m.Verdict.Reason
	switch {
	case m.Outcome != agent.Relayed:
	case h.fails:
		m.Outcome, m.Errno = agent.SendFailed, syscall.ENETUNREACH
		if m.Verdict.To == agent.ToServers {
			m.Refused = 3
		}
	default:
		m.Sent = true
		if m.Verdict.To == agent.ToServers {
			m.Copies = 3
		}
	}
	for _, o := range p.watching[h.family] {
		o.Done(&b)
	}
	p.table.Sweep(p.now)
	return m.Outcome
}

// draw4 returns a message of one of a few DHCPv4 clients, or a reply to it, perhaps of
// a stranger.
func draw4(t *rapid.T) heard {
	xid, client := byte(rapid.IntRange(1, 2).Draw(t, "xid")), byte(rapid.IntRange(1, 2).Draw(t, "client"))
	h := heard{in: agent.Ingress{Link: 2, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255"), Unasked: true}}
	p := message4(bootp.Request, xid, client)
	var typ bootp.Type
	if rapid.Bool().Draw(t, "reply") {
		typ = rapid.SampledFrom([]bootp.Type{bootp.Offer, bootp.Ack, bootp.Nak, 0}).Draw(t, "type")
		p = message4(bootp.Reply, xid, client)
		copy(p[16:], []byte{10, 1, 0, 9})
		copy(p[24:], []byte{10, 1, 0, 1})
		from := rapid.SampledFrom([]string{"10.9.0.2:67", "10.9.0.3:67", "10.9.0.66:67"}).Draw(t, "server")
		h.in.Link, h.in.Src, h.in.Dst = 9, netip.MustParseAddrPort(from), netip.MustParseAddr("10.1.0.1")
	} else {
		typ = rapid.SampledFrom([]bootp.Type{bootp.Discover, bootp.DHCPRequest, bootp.Inform, bootp.Release, bootp.Decline, 0}).Draw(t, "type")
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0: // of a client behind another relay
			copy(p[24:], []byte{192, 0, 2, 9})
			p[33] = 3
			h.in.Src = netip.MustParseAddrPort("192.0.2.9:67")
		case 1: // dropped
			p[3] = 16
		}
	}
	p[242] = byte(typ)
	if typ == 0 {
		p[240] = bootp.OptionEnd
	}
	h.data = p
	return h
}

// draw6 is draw4 for DHCPv6.
func draw6(t *rapid.T) heard {
	peer := fmt.Sprintf("fe80::%x", rapid.IntRange(0x11, 0x12).Draw(t, "client"))
	xid := byte(rapid.IntRange(1, 3).Draw(t, "xid"))
	h := heard{family: dhcp.V6, in: agent.Ingress{Link: 2, Src: netip.AddrPortFrom(netip.MustParseAddr(peer), 546), Dst: agent.AllRelays(), Unasked: true}}
	if rapid.Bool().Draw(t, "reply") {
		typ := rapid.SampledFrom([]dhcp6.Type{dhcp6.Advertise, dhcp6.Reply}).Draw(t, "type")
		h.data = relay6(dhcp6.RelayReply, "2001:db8:1::1", peer, []byte{byte(typ), 0, 0, xid})
		from := rapid.SampledFrom([]string{"[2001:db8:9::2]:547", "[2001:db8:9::3]:547", "[2001:db8:9::66]:547"}).Draw(t, "server")
		h.in.Link, h.in.Src, h.in.Dst = 9, netip.MustParseAddrPort(from), netip.MustParseAddr("2001:db8:9::1")
		return h
	}
	typ := rapid.SampledFrom([]dhcp6.Type{dhcp6.Solicit, dhcp6.Request, dhcp6.Renew, dhcp6.InformationRequest, dhcp6.Release}).Draw(t, "type")
	h.data = []byte{byte(typ), 0, 0, xid}
	if rapid.IntRange(0, 4).Draw(t, "further") == 0 {
		h.data = relay6(dhcp6.RelayForward, "2001:db8:7::1", peer, h.data)
		h.in.Src = netip.MustParseAddrPort("[fe80::77]:547")
	}
	return h
}

func relay6(typ dhcp6.Type, link, peer string, inner []byte) []byte {
	b := append([]byte{byte(typ), 0}, netip.MustParseAddr(link).AsSlice()...)
	b = append(b, netip.MustParseAddr(peer).AsSlice()...)
	return dhcp6.AppendOption(b, dhcp6.OptionRelayMsg, inner)
}

// The counters and the transactions say the same of each request: whether it was
// answered, and how soon by each server.
func TestCountersAndTransactionsAgree(t *testing.T) {
	t.Parallel()
	answered := 0
	rapid.Check(t, func(t *rapid.T) {
		p := newPlay(t)
		for range rapid.IntRange(1, 40).Draw(t, "messages") {
			p.now += time.Duration(rapid.IntRange(1, 4000).Draw(t, "pause")) * time.Millisecond
			h := draw4(t)
			if rapid.Bool().Draw(t, "v6") {
				h = draw6(t)
			}
			h.fails = rapid.IntRange(0, 9).Draw(t, "fails") == 0
			t.Logf("%v: %v from %v: %x %x: %v", p.now, h.family, h.in.Src, h.data[:min(len(h.data), 44)], h.data[min(len(h.data)-1, 242)], p.relay(h))
		}
		p.now += time.Duration(rapid.IntRange(0, 12000).Draw(t, "end")) * time.Millisecond
		p.table.Sweep(p.now)
		answered += p.compare(t)
	})
	if answered == 0 {
		t.Error("no request was answered")
	}
}

// compare holds what was counted to the transactions, and returns how many answers were
// counted.
func (p *play) compare(t *rapid.T) (answers int) {
	ms, _ := p.log.Reader().Read()
	var unanswered [dhcp.Families]uint64
	took := make(map[string]time.Duration)
	j := transaction.NewJoiner(transaction.Options{Names: func(int) string { return "d0" }})
	for i := range ms {
		j.Add(&ms[i])
	}
	for _, tr := range j.Last(p.start.Add(p.now), transaction.Filter{}, len(ms)) {
		silent := false
		for i := range tr.Steps {
			s := &tr.Steps[i]
			if s.Unanswered {
				silent = true
				unanswered[tr.Family]++
			}
			if first(tr.Steps, i) {
				took[string(s.Source)] += rtt(s)
			}
		}
		if tr.State == api.Unanswered && !silent {
			t.Errorf("transaction %s of %s is unanswered, and none of its requests", tr.XID, tr.Client.MAC)
		}
	}
	for f := range unanswered {
		if got := p.state.Links[0].Value(count.Unanswered, dhcp.Family(f)); got != unanswered[f] {
			t.Errorf("%v: transactions show %d unanswered requests, the counter %d", dhcp.Family(f), unanswered[f], got)
		}
	}
	for i, s := range p.state.Servers {
		buckets, sum := s.Response.Read()
		for _, n := range buckets {
			answers += int(n)
		}
		if from := p.state.Snap.Policy.Servers[i].Addr.String(); sum != took[from] {
			t.Errorf("by transactions the answers of %s took %v, by the counter %v", from, took[from], sum)
		}
	}
	p.table.Sweep(p.now + time.Minute) // nobody waits any more
	l := p.state.Links[0]
	for f := range dhcp.Family(dhcp.Families) {
		became := l.Value(count.Answered, f) + l.Value(count.Unanswered, f) + l.Value(count.Unsent, f)
		if expected := l.Value(count.Expected, f); became != expected {
			t.Errorf("%v: of %d requests that expect an answer, it is known of %d what became of them", f, expected, became)
		}
	}
	return answers
}

// first reports whether a step is the first reply of a server to a request that waits
// for the reply of each, or of any.
func first(steps []api.Step, at int) bool {
	s := &steps[at]
	if s.RTT == 0 || rtt(s) > transaction.Timeout || s.Outcome != "relayed" && s.Outcome != "send_failed" {
		return false
	}
	asked := s.Time.Add(-rtt(s))
	everyone := false
	for i := range steps[:at] {
		if q := &steps[i]; q.Time.Equal(asked) {
			if q.Type == "inform" {
				return false // nobody waits for it
			}
			everyone = q.Type == "discover" || q.Type == "solicit"
		}
	}
	for i := range steps[:at] {
		if r := &steps[i]; r.RTT != 0 && r.Time.Add(-rtt(r)).Equal(asked) && (r.Source == s.Source || !everyone) && (r.Outcome == "relayed" || r.Outcome == "send_failed") {
			return false
		}
	}
	return true
}

// rtt returns the time that a step shows, in full milliseconds, as all are here.
func rtt(s *api.Step) time.Duration {
	return time.Duration(math.Round(1000*s.RTT)) * time.Millisecond
}

// A request for a server that is none of those that get it may stay without an answer,
// and says nothing of them; an answer counts all the same.
func TestAClientOfAnUnknownServerBlamesNobody(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	in := agent.Ingress{Link: 2, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255"), Unasked: true}
	ask := func(xid byte, server ...byte) {
		t.Helper()
		options := append([]byte{53, 1, byte(bootp.DHCPRequest), 54, 4}, server...)
		m := slices.Concat(message4(bootp.Request, xid, 1)[:240], options, []byte{255})
		if r := p.relay(heard{family: dhcp.V4, in: in, data: m}); r != agent.Relayed {
			t.Fatal(r)
		}
	}
	unanswered := func() (n uint64) {
		p.now += transaction.Timeout + time.Second
		p.table.Sweep(p.now)
		for _, s := range p.counts.Servers() {
			n += s.NoReply.Value()
		}
		return n + p.state.Links[0].Value(count.Unanswered, dhcp.V4)
	}
	for xid := range byte(50) {
		ask(xid, 192, 0, 2, 99)
		ask(xid, 192, 0, 2, 99) // again
		p.now += 100 * time.Millisecond
	}
	if n := unanswered(); n > 0 {
		t.Errorf("for an unknown server %d count as unanswered", n)
	}
	ask(60, 192, 0, 2, 99)
	reply := slices.Concat(message4(bootp.Reply, 60, 1)[:240], []byte{53, 1, byte(bootp.Ack), 54, 4, 192, 0, 2, 99, 255})
	copy(reply[16:], []byte{10, 1, 0, 9})
	copy(reply[24:], []byte{10, 1, 0, 1})
	back := agent.Ingress{Link: 9, Src: netip.MustParseAddrPort("10.9.0.2:67"), Dst: netip.MustParseAddr("10.1.0.1")}
	if r := p.relay(heard{family: dhcp.V4, in: back, data: reply}); r != agent.Relayed {
		t.Fatal(r)
	}
	if _, ok := p.counts.Servers()[0].Response.Quantile(0.5); !ok {
		t.Error("its answer is not counted")
	}
	for _, known := range [][]byte{{10, 9, 0, 2}, {10, 1, 0, 1}} { // a server, and this relay in its place
		ask(61, known...)
		if n := unanswered(); n == 0 {
			t.Errorf("a request for %v without an answer is not counted", known)
		}
	}
}

// So it is in DHCPv6, where a server is known once it has replied.
func TestAClientOfAnUnknownServerBlamesNobody6(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	const peer = "fe80::11"
	id := func(server byte) []byte { return dhcp6.AppendOption(nil, 2, []byte{0, 3, 0, 1, 2, 0, 0, 0, 0, server}) }
	ask := func(xid, server byte) {
		t.Helper()
		in := agent.Ingress{Link: 2, Src: netip.MustParseAddrPort("[" + peer + "]:546"), Dst: agent.AllRelays()}
		if r := p.relay(heard{family: dhcp.V6, in: in, data: append([]byte{byte(dhcp6.Request), 0, 0, xid}, id(server)...)}); r != agent.Relayed {
			t.Fatal(r)
		}
	}
	reply := func(xid, server byte) {
		t.Helper()
		in := agent.Ingress{Link: 9, Src: netip.MustParseAddrPort("[2001:db8:9::2]:547"), Dst: netip.MustParseAddr("2001:db8:9::1")}
		inner := append([]byte{byte(dhcp6.Reply), 0, 0, xid}, id(server)...)
		if r := p.relay(heard{family: dhcp.V6, in: in, data: relay6(dhcp6.RelayReply, "2001:db8:1::1", peer, inner)}); r != agent.Relayed {
			t.Fatal(r)
		}
	}
	unanswered := func() uint64 {
		p.now += transaction.Timeout + time.Second
		p.table.Sweep(p.now)
		return p.state.Links[0].Value(count.Unanswered, dhcp.V6)
	}
	for xid := range byte(50) {
		ask(xid, 99)
	}
	if n := unanswered(); n > 0 {
		t.Errorf("for an unknown server %d count as unanswered", n)
	}
	ask(60, 1)
	reply(60, 1)
	ask(61, 1)
	if n := unanswered(); n != 1 {
		t.Errorf("%d requests for a server that has replied count as unanswered, want 1", n)
	}
	ask(62, 99)
	if n := unanswered(); n != 1 {
		t.Errorf("%d count as unanswered, want 1 still", n)
	}
}
