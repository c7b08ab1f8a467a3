package conformance

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"dhcp-relay/cmd/lab/expect"
	"dhcp-relay/relay/agent"
)

// TestProperty relays random messages. What leaves differs from what came in
// hops, giaddr, option 82 and padding alone; what was inserted is stripped from
// the reply without a trace; our option 82 reaches no client.
func TestProperty_R1542_18_R1542_30_R3046_10_R7819_1_R_SEC_4(t *testing.T) {
	const workers = 2
	for w := range workers {
		t.Run(fmt.Sprint("seed ", w), func(t *testing.T) {
			t.Parallel()
			r := newRoundTrips(t, uint64(w))
			for i := range messages / workers {
				if err := r.one(); err != nil {
					t.Fatalf("message %d: %v", i, err)
				}
			}
			t.Logf("%d requests and %d replies relayed", r.requests, r.replies)
			if r.requests < messages/workers/5 || r.replies < messages/workers/5 {
				t.Errorf("%d requests and %d replies were relayed: too few to show anything", r.requests, r.replies)
			}
		})
	}
}

// A bed is a snapshot with what the oracle knows of it.
type coreBed struct {
	snap    *agent.Snapshot
	option  map[string][]byte // option 82 by link
	trusted bool
}

// roundTrips makes random messages and relays them.
type roundTrips struct {
	rng               *rand.Rand
	beds              []coreBed
	store, raw        []byte
	requests, replies int
	opinion           func(in, out []byte) error // of another implementation, on what differs
}

func newRoundTrips(t testing.TB, seed uint64) *roundTrips {
	trusted := least + "trusted = true\n"
	long := least + "[interface.dhcpv4.option82]\nremote_id = \"" + string(fill(200, 'r')) + "\"\n"
	longOf := func(link string) []byte { return o82(sub(1, text(link)...), sub(2, fill(200, 'r')...)) }
	both := func(f func(string) []byte) map[string][]byte { return map[string][]byte{"d0": f("d0"), "d1": f("d1")} }
	return &roundTrips{
		rng: rand.New(rand.NewPCG(seed, 82)),
		beds: []coreBed{
			{compile(t, least, bench()), both(cid), false},
			{compile(t, trusted, bench()), both(cid), true},
			{compile(t, least+"option82 = false\n", bench()), nil, false},
			{compile(t, long, bench()), both(longOf), false},
		},
		store:   make([]byte, 4096),
		opinion: func(_, _ []byte) error { return nil },
	}
}

// one relays a random message.
func (r *roundTrips) one() error {
	bed := &r.beds[r.rng.IntN(len(r.beds))]
	link := []string{"d0", "d1"}[r.rng.IntN(2)]
	if r.rng.IntN(3) == 0 {
		return r.reply(bed, link, r.message(2, bed, link))
	}
	return r.request(bed, link, r.message(1, bed, link))
}

// request relays a request; a relayed one comes back as a reply.
func (r *roundTrips) request(bed *coreBed, link string, in []byte) error {
	b := r.buf(in)
	v := bed.snap.Relay4(b, agent.Ingress{Link: index(link), Src: netip.AddrPortFrom(netip.IPv4Unspecified(), 68), Dst: netip.AddrFrom4([4]byte{255, 255, 255, 255})})
	if v.Reason != agent.Relayed {
		return r.dropped(in, v)
	}
	r.requests++
	giaddr := giaddrOfLink(link)
	out := b.Bytes()
	if err := r.opinion(in, out); err != nil {
		return fmt.Errorf("request %s: %w", dump(in), err)
	}
	if err := checkRequest(in, out, v, giaddr, bed.option[link]); err != nil {
		return fmt.Errorf("request %s: %w", dump(in), err)
	}
	if netip.AddrFrom4([4]byte(out[24:])) != giaddr || len(expect.Walk(in).Relay) > 0 {
		return nil
	}
	return r.back(bed, in, slices.Clone(out), giaddr)
}

// back turns a relayed request into a reply, which has to be the request as it
// was, beside hops, giaddr and an END that was missing.
func (r *roundTrips) back(bed *coreBed, in, out []byte, giaddr netip.Addr) error {
	out[0] = 2
	b := r.buf(out)
	v := bed.snap.Relay4(b, fromServer(giaddr))
	switch {
	case v.Reason == agent.Leasequery:
		return nil
	case v.Reason != agent.Relayed:
		return fmt.Errorf("reply %s: %v", dump(out), v.Reason)
	}
	want := slices.Clone(in)
	want[0], want[3] = 2, in[3]+1
	copy(want[24:], giaddr.AsSlice())
	if o := expect.Walk(in); o.DHCP && !o.HasEnd && expect.Walk(out).HasEnd {
		want = append(want, 255)
	}
	// Of the padding, what gave way to option 82 is lost.
	n := max(len(out)-len(expect.Option82(out)), expect.MinLen)
	if len(want) > n && slices.ContainsFunc(want[n:], func(c byte) bool { return c != 0 }) {
		return fmt.Errorf("insert and strip of %s: %d octets left", dump(in), n)
	}
	want = append(want, make([]byte, max(0, n-len(want)))...)[:n]
	if err := expect.Same(want, b.Bytes()); err != nil {
		return fmt.Errorf("insert and strip of %s: %w", dump(in), err)
	}
	return nil
}

// reply relays a reply, which may bear our option 82 anywhere.
func (r *roundTrips) reply(bed *coreBed, link string, in []byte) error {
	giaddr := giaddrOfLink(link)
	if len(in) >= 28 {
		copy(in[24:], giaddr.AsSlice())
	}
	b := r.buf(in)
	v := bed.snap.Relay4(b, fromServer(giaddr))
	if v.Reason != agent.Relayed {
		return r.dropped(in, v)
	}
	r.replies++
	keep := bed.trusted && circuit(in) != link
	if err := checkReply(in, b.Bytes(), keep); err != nil {
		return fmt.Errorf("reply %s: %w", dump(in), err)
	}
	if err := r.opinion(in, b.Bytes()); err != nil {
		return fmt.Errorf("reply %s: %w", dump(in), err)
	}
	return nil
}

// dropped checks that a drop has a reason of the list.
func (r *roundTrips) dropped(in []byte, v agent.Verdict) error {
	if int(v.Reason) >= agent.NumReasons {
		return fmt.Errorf("%s: reason %d is not in the list", dump(in), v.Reason)
	}
	return nil
}

// circuit returns the first circuit-id in the concatenation of options 82.
func circuit(b []byte) string {
	var v []byte
	for _, s := range expect.Walk(b).Relay {
		v = append(v, b[s.From+2:s.To]...)
	}
	for len(v) >= 2 && 2+int(v[1]) <= len(v) {
		if v[0] == 1 {
			return string(v[2 : 2+v[1]])
		}
		v = v[2+v[1]:]
	}
	return ""
}

func giaddrOfLink(link string) netip.Addr {
	if link == "d1" {
		return addr(addrD1)
	}
	return addr(addrD0)
}

func fromServer(giaddr netip.Addr) agent.Ingress {
	return agent.Ingress{Link: index("u0"), Src: netip.AddrPortFrom(addr(server1), 67), Dst: giaddr}
}

// buf puts a message into the store, amid octets that must never leave.
func (r *roundTrips) buf(b []byte) *agent.Buf {
	const off = 64
	for i := range r.store[off+len(b):][:600] {
		r.store[off+len(b)+i] = 0xa5
	}
	copy(r.store[off:], b)
	return &agent.Buf{Store: r.store, Off: off, Len: len(b)}
}

// message makes a random message: mostly sound, at times not.
func (r *roundTrips) message(op byte, bed *coreBed, link string) []byte {
	g := r.rng
	b := r.raw[:0]
	for i := 0; i < 240; i += 8 {
		n := g.Uint64()
		b = append(b, byte(n), byte(n>>8), byte(n>>16), byte(n>>24), byte(n>>32), byte(n>>40), byte(n>>48), byte(n>>56))
	}
	b[0], b[1], b[2], b[3] = op, 1, byte(g.IntN(17)), byte(g.IntN(6))
	if g.IntN(8) > 0 {
		copy(b[24:], []byte{0, 0, 0, 0})
	}
	if g.IntN(16) > 0 {
		copy(b[236:], cookie)
	}
	for range g.IntN(8) {
		b = r.option(b, op, bed, link)
	}
	if g.IntN(8) > 0 {
		b = append(b, 255)
	}
	if g.IntN(8) == 0 {
		b = append(b, "junk"[:g.IntN(5)]...)
	}
	for n := g.IntN(80); n > 0 && g.IntN(2) == 0; n-- {
		b = append(b, 0)
	}
	if g.IntN(16) == 0 {
		b = b[:g.IntN(len(b))]
	}
	if g.IntN(16) == 0 && len(b) > 240 {
		b[240+g.IntN(len(b)-240)] = byte(g.Uint32())
	}
	r.raw = b
	return b
}

// option appends a random option, and at times padding.
func (r *roundTrips) option(b []byte, op byte, bed *coreBed, link string) []byte {
	g := r.rng
	switch g.IntN(8) {
	case 0:
		return append(b, 0)
	case 1:
		return append(b, 53, 1, byte(1+g.IntN(9)))
	case 2:
		switch {
		case op == 2:
			return append(b, bed.option[link]...)
		case bed.trusted:
			return append(b, 82, 5, 1, 3, 'p', '1', '7')
		}
	case 3:
		if op == 2 {
			return append(b, 82, 5, 1, 3, 'p', '1', '7')
		}
	}
	code, n := byte(1+g.IntN(254)), g.IntN(20)
	if code == 82 && op == 1 {
		code = 83
	}
	b = append(b, code, byte(n))
	for range n {
		b = append(b, byte(g.Uint32()))
	}
	return b
}
