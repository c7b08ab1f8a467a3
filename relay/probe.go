package relay

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/probe"
	"dhcp-relay/relay/senderror"
	"dhcp-relay/relay/wire/dhcp"
)

const (
	mostProbes   = 128                     // at once
	probeSlots   = 1024                    // of those that are under way and those whose answers may come late
	probeAgain   = 1500 * time.Millisecond // after what a server that has not answered is asked once more
	probeGrace   = time.Second             // which a server has though ICMP says that it cannot answer
	probeLook    = 100 * time.Millisecond
	probeLinger  = 10 * time.Second // in which late answers are kept from the clients' network
	probeAnswers = 64               // that are kept of one probe
)

// errProbes says that no more probes may be under way.
var errProbes = errors.New("too many probes are under way; try again")

// probes are those that are under way, and those whose answers may come late. The way of
// a message looks at one slot.
type probes struct {
	mu      sync.Mutex // of changes
	running int
	known   atomic.Int32
	slots   [probeSlots]atomic.Pointer[probing] // by xid
}

// A probing is a client of this relay's own that waits for answers.
type probing struct {
	*probe.Client
	heard chan probeAnswer
}

// A probeAnswer is a message that answers it.
type probeAnswer struct {
	from netip.AddrPort
	data []byte
	at   time.Time
}

// slot returns where the probe with an xid is.
func (p *probes) slot(xid uint32) *atomic.Pointer[probing] { return &p.slots[xid%probeSlots] }

// begin begins to wait for what a client of an interface asks for.
func (p *probes) begin(f dhcp.Family, host, link string) (*probing, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running >= mostProbes {
		return nil, errProbes
	}
	for range 64 { // as many slots may be taken
		var xid [4]byte
		_, _ = rand.Read(xid[:]) // it never fails
		one := &probing{probe.NewClient(f, host, link, binary.BigEndian.Uint32(xid[:])), make(chan probeAnswer, probeAnswers)}
		if p.slot(one.Xid).CompareAndSwap(nil, one) {
			p.running++
			p.known.Add(1)
			return one, nil
		}
	}
	return nil, errProbes
}

// end ends it. late says that more answers may come, which are no clients'.
func (p *probes) end(one *probing, late bool) {
	p.mu.Lock()
	p.running--
	p.mu.Unlock()
	remove := func() {
		p.slot(one.Xid).Store(nil)
		p.known.Add(-1)
	}
	if late {
		time.AfterFunc(probeLinger, remove)
		return
	}
	remove()
}

// take hands over what answers probes, which is no message to relay. It returns the
// others.
func (p *probes) take(ds []udp.Datagram, f dhcp.Family) []udp.Datagram {
	if p.known.Load() == 0 {
		return ds
	}
	left := 0
	for i := range ds {
		if p.answers(&ds[i], f) {
			continue
		}
		if left != i {
			copyDatagram(&ds[left], &ds[i])
		}
		left++
	}
	return ds[:left]
}

func (p *probes) answers(d *udp.Datagram, f dhcp.Family) bool {
	m := d.Store[udp.Headroom : udp.Headroom+d.N]
	if !isReply(f, m) {
		return false
	}
	xid, ok := probe.Xid(f, m)
	if !ok {
		return false
	}
	one := p.slot(xid).Load()
	if one == nil || one.Family != f || !one.Answers(m) {
		return false
	}
	select {
	case one.heard <- probeAnswer{d.Src, slices.Clone(m), time.Now()}:
	default: // somebody sends them by the hundred
	}
	return true
}

// Probe asks the servers of an interface in a family, or only the one at an address if
// that is valid, as a client there would, and waits until ctx ends at most. What it asks
// and what is answered is counted nowhere, and never reaches the clients' network.
func (e *Engine) Probe(ctx context.Context, link string, f dhcp.Family, only netip.Addr) (r probe.Result, err error) {
	r = probe.Result{Interface: link, Family: f, Servers: []probe.Server{}}
	s := e.state.Load()
	if s == nil {
		return r, errors.New("the relay does not hear clients yet")
	}
	l := s.linkNamed(link)
	if l == nil || len(l.Side[f].Servers) == 0 {
		return r, nil
	}
	host, _ := os.Hostname() // without one the client is another one, no more
	w := probeWork{engine: e, state: s, link: l, result: &r, only: only}
	if w.probing, err = e.probes.begin(f, host, l.Host.Name); err != nil {
		return r, err
	}
	w.run(ctx)
	e.probes.end(w.probing, w.late())
	return r, nil
}

// linkNamed returns the link with a name, nil if the relay has none.
func (s *state) linkNamed(name string) *agent.Link {
	for _, l := range s.Snap.Links {
		if l.Host.Name == name || l.AltName == name {
			return l
		}
	}
	return nil
}

// A probeWork is one probe.
type probeWork struct {
	*probing
	engine *Engine
	state  *state
	link   *agent.Link
	only   netip.Addr
	result *probe.Result
	asked  []askedServer // as long as result.Servers
	again  bool          // some were asked again
}

// An askedServer is one that is asked.
type askedServer struct {
	n        int // index into Policy.Servers
	first    time.Time
	answered bool // or nothing can be sent to it
}

// run asks and waits.
func (w *probeWork) run(ctx context.Context) {
	start := time.Now()
	if w.send(w.Discover(), nil); w.result.Outcome != agent.Relayed.String() {
		return
	}
	tick := time.NewTicker(probeLook)
	defer tick.Stop()
	again := time.After(probeAgain)
	for !w.over(start, time.Now()) {
		select {
		case <-ctx.Done():
			w.conclude(start)
			return
		case a := <-w.heard:
			w.answer(&a)
		case <-again:
			w.again = true
			w.send(w.Discover(), func(s *askedServer) bool { return !s.answered })
		case <-tick.C:
		}
	}
	w.conclude(start)
}

// send has the core decide on a message of the client's, and sends what comes of it to
// those servers that which lets pass: nil for all, at first.
func (w *probeWork) send(m []byte, which func(*askedServer) bool) {
	b := agent.Buf{Store: make([]byte, agent.Headroom+len(m)+agent.Headroom), Off: agent.Headroom, Len: len(m)}
	copy(b.Bytes(), m)
	in := w.Ingress(w.link.Host.Index)
	in.Routes = *w.state.routes.Load()
	var v agent.Verdict
	if w.Family == dhcp.V6 {
		v = w.state.Snap.Relay6(&b, in)
	} else {
		v = w.state.Snap.Relay4(&b, in)
	}
	w.result.Outcome = v.Reason.String()
	if v.Reason != agent.Relayed {
		doc := v.Reason.DocOf(v.Direction)
		w.result.What, w.result.Remedy = doc.What, doc.Remedy
		for _, n := range w.link.Side[w.Family].Servers {
			if i := w.place(n); i >= 0 {
				w.result.Servers[i].What = "not asked"
			}
		}
		return
	}
	v.Asked = w.link.Side[w.Family].Ordinary() // all, whichever a client would get
	if w.only.IsValid() {
		v.Asked = ^uint64(0) // one for some class of clients, too
	}
	for c := range w.state.Plan.Copies(&v) {
		i := w.place(c.Server)
		if i < 0 || which != nil && !which(&w.asked[i]) {
			continue
		}
		out := &b
		if w := v; w.Differs(c.Form) {
			out = &agent.Buf{Store: slices.Clone(b.Store), Off: b.Off, Len: b.Len}
			w.Shape(out, c.Form)
		}
		w.copy(i, &c, out.Bytes(), v.SourceTo(&w.state.servers[c.Server].Server))
	}
}

// place returns where the result of a server is, -1 if it is not asked.
func (w *probeWork) place(n int) int {
	to := &w.state.servers[n]
	if to.Listens || w.only.IsValid() && to.Addr.Addr().WithZone("") != w.only.WithZone("") {
		return -1
	}
	for i := range w.asked {
		if w.asked[i].n == n {
			return i
		}
	}
	w.asked = append(w.asked, askedServer{n: n, first: time.Now()})
	w.result.Servers = append(w.result.Servers, probe.Server{Address: api.Endpoint(to.Addr.String()), VRF: to.VRF})
	return len(w.asked) - 1
}

// copy sends one copy.
func (w *probeWork) copy(i int, c *agent.Copy, m []byte, src netip.Addr) {
	to := &w.state.servers[c.Server]
	conn := to.senders[c.From]
	if sock := w.state.sockets[c.From]; conn == nil && sock != nil {
		conn = sock.pair.Requests
	}
	errno := syscall.ENODEV
	if c.Lacks == agent.Nothing && conn != nil {
		q := udp.NewQueue(conn)
		q.Add(0, m, to.Addr, src, c.Link, nil)
		q.Flush(func(_ int, e syscall.Errno) { errno = e })
	}
	if errno != 0 {
		what, remedy := senderror.Explain(senderror.Servers, errno)
		w.result.Servers[i].What, w.result.Servers[i].Remedy = what, remedy
		w.asked[i].answered = true
	}
}

// answer notes an answer: of the server at its address, of the one that it names, or of
// one that has not answered yet.
func (w *probeWork) answer(a *probeAnswer) {
	o := w.Read(a.data)
	best := slices.IndexFunc(w.asked, func(s askedServer) bool { return w.addr(&s) == a.from.Addr() })
	if best < 0 {
		best = slices.IndexFunc(w.asked, func(s askedServer) bool { return w.addr(&s) == o.ServerID })
	}
	if best < 0 {
		best = slices.IndexFunc(w.asked, func(s askedServer) bool { return !s.answered })
	}
	if best < 0 || w.asked[best].answered {
		return
	}
	t, s := &w.asked[best], &w.result.Servers[best]
	t.answered = true
	s.Type, s.Offers, s.What, s.After = o.Type, o.Address.IsValid(), o.Refusal, a.at.Sub(t.first).Seconds()
	if o.Address.IsValid() {
		s.Offered, s.Lease = o.Address.Addr().String(), o.Lease.Seconds()
	} else {
		s.Remedy = "Look at the server's log: it may have no addresses left for this interface."
	}
	if from := a.from.Addr(); from != w.addr(t) {
		s.Answerer = from
	}
	if r := w.Release(a.data); r != nil {
		w.send(r, func(x *askedServer) bool { return x.n == t.n })
		s.Released = true
	}
}

// addr returns the address of a server.
func (w *probeWork) addr(s *askedServer) netip.Addr {
	return w.state.servers[s.n].Addr.Addr().WithZone("")
}

// over reports whether nothing more is to be expected: each server has answered, or
// hosts on the way have said why it will not.
func (w *probeWork) over(start, now time.Time) bool {
	return !slices.ContainsFunc(w.asked, func(s askedServer) bool {
		if s.answered {
			return false
		}
		_, is := w.trouble(&s, start, now)
		return !is || now.Sub(s.first) < probeGrace
	})
}

// trouble returns what has been said since the start of why a server does not answer.
func (w *probeWork) trouble(s *askedServer, start, now time.Time) (count.Trouble, bool) {
	t, is := w.state.servers[s.n].counts.Trouble(now)
	return t, is && !t.Last.Before(start)
}

// late reports whether more answers may come than did: of who has not answered, or was
// asked again.
func (w *probeWork) late() bool {
	return w.again || slices.ContainsFunc(w.asked, func(s askedServer) bool { return !s.answered })
}

// conclude says of servers that have not answered why that may be so.
func (w *probeWork) conclude(start time.Time) {
	for i := range w.asked {
		s, r := &w.asked[i], &w.result.Servers[i]
		if s.answered {
			continue
		}
		t, is := w.trouble(s, start, time.Now())
		if !is {
			w.engine.lookNeighbour(w.state, s.n, true, time.Now())
			t, is = w.trouble(s, start, time.Now())
		}
		if is {
			r.What, r.Remedy = t.String(), t.Remedy()
			continue
		}
		r.What = "no answer"
		r.Remedy = "See whether it runs and has a subnet with free addresses for this interface, that it has a route back, and that no firewall drops either direction."
	}
}
