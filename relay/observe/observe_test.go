package observe_test

import (
	"net/netip"
	"syscall"
	"testing"
	"time"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/observe/pending"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

const size = 8 // messages of a batch

// A bed is a batch that observers watch, by hand.
type bed struct {
	counts  *count.Table
	pending *pending.Table
	log     *recorder.Log
	all     []observe.Observer
	batch   observe.Batch
	store   []byte
}

func newBed(t *testing.T) *bed {
	t.Helper()
	p := agent.Policy{
		Servers:    []agent.Server{{Addr: netip.MustParseAddrPort("10.9.0.2:67")}, {Addr: netip.MustParseAddrPort("10.9.0.2:1067")}},
		Interfaces: []agent.Interface{{Name: "vlan10", Servers: []int{0, 1}}},
	}
	host := []giaddr.Link{{
		Index: 7, Name: "vlan10", Up: true, Broadcast: true, Type: 1, MTU: 1500, MAC: []byte{2, 0, 0, 0, 0, 1},
		Addrs: []giaddr.Addr{{Prefix: netip.MustParsePrefix("10.1.0.1/24")}},
	}}
	snap, problems := agent.Compile(p, host)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	b := &bed{counts: count.New(), pending: pending.New(64), log: recorder.NewLog(recorder.MaxBatch), store: make([]byte, 4096)}
	b.all = []observe.Observer{b.pending.Observer(size), observe.NewCounter(b.counts, dhcp.V4), b.log.Observer()}
	b.batch = observe.Batch{
		State: &observe.State{
			Snap: snap, Plan: snap.Plan(host), Number: 1,
			Links: []*count.Link{b.counts.Link("vlan10")}, Other: b.counts.Link(""),
			Servers: []*count.Server{b.counts.Server(p.Servers[0].Addr, ""), b.counts.Server(p.Servers[1].Addr, "")},
		},
		Family: dhcp.V4, Port: 67, Messages: make([]observe.Message, size),
	}
	return b
}

// packet returns a message of a type with an xid.
func packet(op byte, typ bootp.Type, xid byte) []byte {
	p := make([]byte, 300)
	p[0], p[1], p[2], p[7] = op, 1, 6, xid
	copy(p[24:], []byte{10, 1, 0, 1})                             // giaddr
	copy(p[28:], []byte{2, 0, 0, 0, 0, 9})                        // chaddr
	copy(p[236:], []byte{99, 130, 83, 99, 53, 1, byte(typ), 255}) // cookie, option 53, END
	return p
}

// run shows the observers a batch of equal messages that were relayed to, or came from,
// the second server. done says what became of each.
func (b *bed) run(now time.Duration, op byte, typ bootp.Type, done func(m *observe.Message)) {
	b.batch.At, b.batch.Now = time.Unix(1, 0).Add(now), now
	for i := range b.batch.Messages {
		m := &b.batch.Messages[i]
		at := i * 512
		n := copy(b.store[at:at+300], packet(op, typ, byte(i)))
		m.Reset(b.store[at:at+512:at+512], 0, n)
		m.In = agent.Ingress{Link: 7, Src: netip.MustParseAddrPort("0.0.0.0:68")}
	}
	for _, o := range b.all {
		o.Read(&b.batch)
	}
	for i := range b.batch.Messages {
		m := &b.batch.Messages[i]
		m.Verdict = agent.Verdict{Family: dhcp.V4, Type: uint8(typ), Link: b.batch.Snap.Links[0], Asked: 1, Due: 1}
		if op == bootp.Reply {
			m.Verdict.Direction, m.Verdict.To = dhcp.Replies, agent.ToFrame
			m.In.Src = netip.MustParseAddrPort("10.9.0.2:1067")
		}
	}
	for _, o := range b.all {
		o.Decided(&b.batch)
	}
	for i := range b.batch.Messages {
		done(&b.batch.Messages[i])
	}
	for _, o := range b.all {
		o.Done(&b.batch)
	}
}

func sent(m *observe.Message) { m.Sent, m.Copies = true, 0b11 }

func failed(m *observe.Message) {
	m.Outcome, m.Refused, m.Errno = agent.SendFailed, 0b11, syscall.EPERM
}

// TestObserversAgree has requests answered by one of two servers at one address, and
// others that nobody gets.
func TestObserversAgree(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.run(time.Second, bootp.Request, bootp.Discover, sent)
	if n := b.pending.Sweep(2 * time.Second)[dhcp.V4]; n != size {
		t.Errorf("%d requests wait, want %d", n, size)
	}
	b.run(2*time.Second, bootp.Reply, bootp.Offer, sent)
	b.pending.Sweep(20 * time.Second)
	b.run(21*time.Second, bootp.Request, bootp.Discover, failed)
	if n := b.pending.Sweep(22 * time.Second)[dhcp.V4]; n != 0 {
		t.Errorf("%d requests wait that nobody got", n)
	}
	for i, want := range []uint64{0, size} { // two servers at one address
		if got := b.batch.Servers[i].Replies.Value(); got != want {
			t.Errorf("server %d has replied %d times, want %d", i, got, want)
		}
	}
	if sum := b.batch.Links[0].Total(dhcp.V4); sum != 3*size {
		t.Errorf("%d outcomes of %d messages", sum, 3*size)
	}
	ms, _ := b.log.Reader().Read()
	if len(ms) != 3*size {
		t.Fatalf("%d messages are recorded, want %d", len(ms), 3*size)
	}
	if m := ms[0]; len(m.Servers) != 2 || m.Outcome != agent.Relayed {
		t.Errorf("the first is recorded as %+v", m)
	}
	if m := ms[3*size-1]; len(m.Refused) != 2 || m.Outcome != agent.SendFailed || len(m.Sent) != 0 {
		t.Errorf("the last is recorded as %+v", m)
	}
}

// TestObserversAllocateNothing also of what they see for the first time, but for what
// belongs to a link.
func TestObserversAllocateNothing(t *testing.T) {
	b := newBed(t)
	once := func() {
		b.run(time.Second, bootp.Request, bootp.Discover, sent)
		b.run(2*time.Second, bootp.Reply, bootp.Offer, sent)
	}
	once()
	own := testing.AllocsPerRun(100, func() {
		for range 2 * size {
			packetSink = packet(bootp.Request, bootp.Discover, 1)
		}
	})
	if n := testing.AllocsPerRun(100, once); n > own {
		t.Errorf("%v allocations for %d messages", n-own, 2*size)
	}
}

var packetSink []byte
