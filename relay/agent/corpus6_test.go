package agent

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv6"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// exercise6 has the core decide on a message in a store that ends where the
// message does, so that reading past it panics. It checks what holds for any
// octets, and returns what came out of it, nil if the message was dropped.
func exercise6(tb testing.TB, s *Snapshot, m []byte, in Ingress) ([]byte, Verdict) {
	tb.Helper()
	const guard = 16
	store := slices.Repeat([]byte{0xa5}, guard+Headroom+len(m))
	copy(store[guard+Headroom:], m)
	b := &Buf{Store: slices.Clip(store[guard:]), Off: Headroom, Len: len(m)}
	v := s.Relay6(b, in)
	out := b.Bytes()
	if int(v.Reason) >= NumReasons {
		tb.Fatalf("outcome %d is not on the list", v.Reason)
	}
	if !bytes.Equal(m, store[guard+Headroom:]) {
		tb.Error("the message was changed where it lies")
	}
	if front := store[:guard+min(b.Off, Headroom)]; len(bytes.Trim(front, "\xa5")) != 0 {
		tb.Errorf("octets in front of the message were written: % x", front)
	}
	switch {
	case v.Reason != Relayed:
		if b.Off != Headroom || b.Len != len(m) {
			tb.Errorf("a dropped message lies at %d now, %d octets long", b.Off, b.Len)
		}
		return nil, v
	case v.Direction == dhcp.Requests:
		checkForward(tb, m, out)
	default:
		checkDelivery(tb, m, out, &v)
	}
	return out, v
}

// checkForward checks that a Relay-forward ends in the message that it carries.
func checkForward(tb testing.TB, m, out []byte) {
	tb.Helper()
	if len(out) < 38+len(m) || out[0] != 12 || out[1] > 32 || (m[0] != 12) != (out[1] == 0) {
		tb.Fatalf("% x is no Relay-forward of % x", out, m)
	}
	off, at := 34, 0
	for off < len(out) {
		at = off
		off += 4 + int(binary.BigEndian.Uint16(out[off+2:]))
	}
	if off != len(out) || out[at] != 0 || out[at+1] != 9 || !bytes.Equal(m, out[at+4:]) {
		tb.Errorf("the last option of % x is not the message % x", out, m)
	}
}

// checkDelivery checks that a reply is what was inside, and where it goes.
func checkDelivery(tb testing.TB, m, out []byte, v *Verdict) {
	tb.Helper()
	want := append([]byte{0, 9, byte(len(out) >> 8), byte(len(out))}, out...)
	if len(out) < 4 || !bytes.Contains(m, want) {
		tb.Errorf("% x was not in the reply % x", out, m)
	}
	if peer := m[18:34]; !bytes.Equal(v.Dst.AsSlice(), peer) || v.Dst.IsMulticast() || v.Dst.IsUnspecified() {
		tb.Errorf("sent to %v, want % x", v.Dst, peer)
	}
	if v.To != ToHost || v.Port == 0 || out[0] != 13 && v.Port != 546 {
		tb.Errorf("target %d, port %d for type %d", v.To, v.Port, out[0])
	}
}

// kinds6 are one message of every kind, with the way by which it comes.
func kinds6() map[string]case6 {
	reply := op6(24, 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0)
	fromRelay := relay6(12, 0, gua1, clientLL,
		id6("swp1"), mac6(clientMAC...), op6(37, 0, 0, 0, 9, 'r'), op6(38, 's'), op6(43, 0, 37),
		op6(53, 0, 4, 1, 2), op6(66, op6(65, 0)...), vss6(0, "red"), port6(0), inner6(solicit6()))
	k := map[string]case6{
		"Relay-forward":                      {on: "t0", src: relayLL, in: fromRelay},
		"Relay-forward of 8 levels":          {on: "t0", src: relayLL, in: nest6(12, solicit6(), 8, id6("swp1"))},
		"Relay-forward by unicast":           {on: "t0", src: relayGUA, dst: guaT, in: fromRelay},
		"Relay-reply to a client":            {in: answer6(id6("d0"), mac6(clientMAC...), port6(0), inner6(msg6(7, reply)))},
		"Relay-reply by link-address":        {in: answer6(inner6(msg6(2, reply)))},
		"Relay-reply to a relay":             {in: relay6(13, 1, guaT, relayLL, id6("t0"), port6(1000), inner6(answer6(inner6(msg6(7)))))},
		"Relay-reply from a trusted link":    {on: "t0", src: relayLL, in: answer6(id6("d0"), inner6(msg6(7)))},
		"Relay-reply with a Reconfigure":     {in: answer6(id6("d0"), inner6(msg6(10, op6(19, 5))))},
		"Relay-reply with a DHCPv4-response": {in: answer6(id6("d0"), inner6(msg6(21, op6(87, 2, 1, 6))))},
	}
	for _, typ := range []byte{1, 3, 4, 5, 6, 8, 9, 11, 20, 36, 99} {
		k[fmt.Sprintf("client's message of type %d", typ)] = case6{in: msg6(typ, solicit6()[4:])}
	}
	return k
}

func TestR9915_32_CVE_2020_1671_SONiC_9851_TruncationThroughTheCore(t *testing.T) {
	s, _ := compile6(nil)
	for name, c := range kinds6() {
		t.Run(name, func(t *testing.T) {
			in := c.ingress(s)
			for n := range c.in {
				out, v := exercise6(t, s, c.in[:n], in)
				relayMessage := c.in[0] == 12 || c.in[0] == 13
				switch {
				case n < 4 || relayMessage && n < 34:
					if v.Reason != Short {
						t.Errorf("%d octets: %v, want %v", n, v.Reason, Short)
					}
				case relayMessage && out != nil:
					t.Errorf("%d of %d octets were relayed", n, len(c.in))
				case !relayMessage && out == nil:
					// Only its header is the relay's business.
					t.Errorf("%d octets of a client: %v, want relayed", n, v.Reason)
				}
			}
			if out, v := exercise6(t, s, c.in, in); out == nil {
				t.Errorf("the whole message: %v", v.Reason)
			}
		})
	}
}

// Every octet of every kind of message, changed to what breaks parsers.
func TestR_SEC_3_CVE_2025_30648_MutationThroughTheCore(t *testing.T) {
	s, _ := compile6(nil)
	for name, c := range kinds6() {
		t.Run(name, func(t *testing.T) {
			in := c.ingress(s)
			step := 1
			if raced {
				step = 5
			}
			for i := 0; i < len(c.in); i += step {
				for _, x := range []byte{0, 1, 9, 12, 13, 18, 0x7f, 0xff, c.in[i] - 1, c.in[i] + 1} {
					bad := slices.Clone(c.in)
					bad[i] = x
					exercise6(t, s, bad, in)
				}
			}
		})
	}
}

// Bugs of other relays and servers, by the input that showed them.
func TestBugs6(t *testing.T) {
	onT := func(options ...[]byte) []byte { return relay6(12, 0, gua0, clientLL, options...) }
	fromT := func(name string, m []byte) case6 {
		return case6{
			name: name, on: "t0", src: relayLL, in: m,
			out: relay6(12, m[1]+1, guaT, relayLL, id6("t0"), inner6(m)),
		}
	}
	refused := func(c case6, r Reason) case6 { c.drop, c.out, c.to = r, nil, ""; return c }
	back := func(name string, out []byte, options ...[]byte) case6 {
		return case6{name: name, in: answer6(options...), out: out, to: toClient0}
	}
	m := msg6(7)
	// cut is an option that claims more octets than there are.
	cut := func(code uint16, claim int, value ...byte) []byte {
		o := op6(code, value...)
		binary.BigEndian.PutUint16(o[2:], uint16(claim))
		return o
	}
	lying := func(depth int) []byte {
		m := solicit6()
		for range depth {
			m = onT(inner6(m))
		}
		return m
	}
	cases := []case6{
		refused(fromT("CVE-2017-14494 request, beyond the end by 1", onT(inner6(solicit6()), cut(37, 6, 0, 0, 0, 9, 1))), OptionsMalformed),
		refused(fromT("CVE-2017-14494 request, beyond the end by 64 KiB", onT(inner6(solicit6()), cut(37, 0xffff, 0, 0, 0, 9, 1))), OptionsMalformed),
		refused(fromT("CVE-2017-14494 request, Relay Message beyond the end", onT(cut(9, 5, m...))), OptionsMalformed),
		refused(back("CVE-2017-14494 reply, beyond the end by 1", nil, id6("d0"), inner6(m), cut(37, 6, 0, 0, 0, 9, 1)), OptionsMalformed),
		refused(back("CVE-2017-14494 reply, beyond the end by 64 KiB", nil, id6("d0"), inner6(m), cut(79, 0xffff, 0, 1)), OptionsMalformed),
		refused(back("CVE-2017-14494 reply, Relay Message beyond the end", nil, id6("d0"), cut(9, 0xffff, m...)), OptionsMalformed),
		refused(back("SONiC-9851 reply, option header split", nil, id6("d0"), inner6(m), []byte{0, 18, 0}), OptionsMalformed),
		refused(case6{name: "SONiC-9851 no octets"}, Short),
		back("CVE-2007-5030 CVE-2020-1602 reply without any identifier", msg6(7), id6("d0"), inner6(m)),
		back("CVE-2024-20446 link-address of zeroes and Interface-Id", m, id6("d0"), inner6(m)),
		{name: "CVE-2024-20446 nothing but zeroes", in: relay6(13, 0, "::", "::"), drop: NoRelayMessage},
		{
			name: "CVE-2020-1609 CVE-2020-1602 overlong DUID with a shell's characters", in: msg6(1, op6(1, bytes.Repeat([]byte("$(reboot)`;|&"), 300)...)),
			out: first(msg6(1, op6(1, bytes.Repeat([]byte("$(reboot)`;|&"), 300)...))),
		},
		fromT("CVE-2023-20080 10000 options", onT(bytes.Repeat(op6(65000), 10000), inner6(solicit6()))),
		back("CVE-2023-20080 10000 options in a reply", m, bytes.Repeat(op6(65000), 10000), id6("d0"), inner6(m)),
		{name: "CVE-2023-20080 10000 options of a client", in: msg6(1, bytes.Repeat(op6(3), 10000)), out: first(msg6(1, bytes.Repeat(op6(3), 10000)))},
		refused(back("R9915-31 10000 Relay Messages", nil, bytes.Repeat(inner6(m), 5000)), NoRelayMessage),
	}
	for _, n := range []int{0, 1, 2, 3, 18, 19, 255, 300, 4096, 65000} {
		value := make([]byte, n)
		cases = append(cases,
			fromT(fmt.Sprintf("CVE-2017-14493 option 79 of %d octets", n), onT(op6(79, value...), inner6(m))),
			back(fmt.Sprintf("CVE-2017-14493 option 79 of %d octets in a reply", n), m, op6(79, value...), id6("d0"), inner6(m)),
			back(fmt.Sprintf("Interface-Id of %d octets", n), m, op6(18, value...), inner6(m)),
		)
	}
	for _, n := range []int{4, 4095, 4096, 4097, 65000} {
		long := append(msg6(7), make([]byte, n-4)...)
		cases = append(cases, back(fmt.Sprintf("CVE-2022-0324 Relay Message of %d octets", n), long, id6("d0"), inner6(long)))
	}
	for n := 1; n <= 3; n++ {
		rest := make([]byte, n)
		cases = append(cases,
			case6{name: fmt.Sprintf("CVE-2007-5029 client, %d octets after the options", n), in: append(solicit6(), rest...), out: first(append(solicit6(), rest...))},
			refused(fromT(fmt.Sprintf("CVE-2007-5029 relay, %d octets after the options", n), append(onT(inner6(m)), rest...)), OptionsMalformed),
			refused(back(fmt.Sprintf("CVE-2007-5029 reply, %d octets after the options", n), nil, id6("d0"), inner6(m), rest), OptionsMalformed),
		)
	}
	noRSOO := each6(func(c *Interface6) { c.RefuseRSOO = true })
	for _, n := range []int{1, 9, 31, 32, 33, 40, 200} {
		c := fromT(fmt.Sprintf("CVE-2023-28231 %d levels that lie about their number", n), lying(n))
		deep := refused(c, RSOORefused)
		deep.with = noRSOO
		deep.name += ", RSOO refused"
		if n <= dhcp6.MaxNesting {
			deep.drop, deep.out = Relayed, c.out
		}
		cases = append(cases, c, deep)
	}
	for n := range 41 {
		c := fromT(fmt.Sprintf("CVE-2023-28231 R9915-21 %d levels", n+1), nest6(12, solicit6(), n+1))
		if n >= 8 {
			c = refused(c, HopLimit)
		}
		cases = append(cases, c)
	}
	for claim := range 2 * len(m) {
		inside := relay6(13, 0, gua0, clientLL, cut(9, claim, m...))
		c := case6{
			name: fmt.Sprintf("Relay Message of %d octets that claims %d, in another", len(m), claim),
			in:   relay6(13, 1, guaT, relayLL, id6("t0"), inner6(inside)), out: inside, to: "t0 [fe80::a1]:547", chained: true,
		}
		if claim != len(m) {
			c.drop = NoRelayMessage
		}
		cases = append(cases, c)
	}
	play6(t, cases)
}

// What came before leaves nothing behind: the same octets, the same answer.
func TestCVE_2022_0934_RepeatedAndShortMessages(t *testing.T) {
	s, _ := compile6(nil)
	want := make(map[string][]byte)
	kinds := kinds6()
	for range 3 {
		for name, c := range kinds {
			in := c.ingress(s)
			exercise6(t, s, c.in[:len(c.in)/2], in)
			out, _ := exercise6(t, s, c.in, in)
			if before, ok := want[name]; ok && !bytes.Equal(before, out) {
				t.Errorf("%s: % x, and before it was % x", name, out, before)
			}
			want[name] = slices.Clone(out)
		}
	}
}

// FuzzRequest6 holds the decision on requests to what exercise6 and checkForward
// say, for any octets, and has what leaves come back to who asked.
func FuzzRequest6(f *testing.F) {
	fuzz6(f, func(t *testing.T, s *Snapshot, c *case6) {
		if c.in[0] == byte(dhcp6.RelayReply) {
			c.in[0] = byte(dhcp6.RelayForward)
		}
		in := c.ingress(s)
		out, v := exercise6(t, s, c.in, in)
		if out == nil {
			return
		}
		if err := secondOpinion6(c.in, out); err != nil {
			t.Error(err)
		}
		comeBack6(t, s, c.in, out, &v, in)
	})
}

// FuzzReply6 does the same for replies, which bring what is inside and no more.
func FuzzReply6(f *testing.F) {
	fuzz6(f, func(t *testing.T, s *Snapshot, c *case6) {
		c.in[0] = byte(dhcp6.RelayReply)
		if out, _ := exercise6(t, s, c.in, c.ingress(s)); out != nil {
			if err := secondOpinion6(out, c.in); err != nil {
				t.Error(err)
			}
		}
	})
}

func fuzz6(f *testing.F, check func(*testing.T, *Snapshot, *case6)) {
	f.Helper()
	for _, c := range kinds6() {
		for on := range 4 {
			f.Add(c.in, byte(on), byte(0))
		}
	}
	policies := []func(*Policy, []giaddr.Link){
		nil,
		each6(func(c *Interface6) { c.RefuseRSOO, c.AcceptUnicast, c.SourcePort = true, true, 5470 }),
		each6(func(c *Interface6) { c.VSS = VSS{On: true, Name: []byte("red")} }),
	}
	var snaps []*Snapshot
	for _, with := range policies {
		s, _ := compile6(with)
		snaps = append(snaps, s)
	}
	f.Fuzz(func(t *testing.T, m []byte, on, how byte) {
		if len(m) == 0 {
			return
		}
		c := case6{on: []string{"d0", "d1", "u0", "t0"}[on%4], in: bytes.Clone(m)}
		if how&0x80 != 0 {
			c.src, c.dst, c.sport = relayGUA, gua0, 1000
		}
		check(t, snaps[int(how)%len(snaps)], &c)
	})
}

// comeBack6 has a server echo a Relay-forward as it is: what is inside comes back to
// who sent it, as it was.
func comeBack6(t *testing.T, s *Snapshot, m, fwd []byte, v *Verdict, in Ingress) {
	t.Helper()
	back := bytes.Clone(fwd)
	back[0] = byte(dhcp6.RelayReply)
	if m[0] == byte(dhcp6.RelayForward) {
		m = bytes.Clone(m)
		m[0] = byte(dhcp6.RelayReply)
		copy(back[len(back)-len(m):], m)
	}
	c := case6{in: back}
	out, r := exercise6(t, s, back, c.ingress(s))
	switch {
	case r.Reason == VSSIgnored: // a server that understands VSS does not echo it
	case r.Reason == NoRelayMessage && m[0] == byte(dhcp6.RelayReply): // for a relay that has put together what is no Relay-reply
	case r.Reason != Relayed:
		t.Errorf("% x does not come back: %v", fwd, r.Reason)
	case !bytes.Equal(out, m) || r.Link != v.Link || r.Dst != in.Src.Addr():
		t.Errorf("% x comes back as % x to %v", m, out, r.Dst)
	}
}

// secondOpinion6 has another implementation read a Relay-forward or Relay-reply and
// what is inside: it finds the same there. What it cannot read is not its business.
func secondOpinion6(inside, around []byte) error {
	want, err := dhcpv6.FromBytes(inside)
	if err != nil {
		return nil //nolint:nilerr // the relay looks at headers only, and at less than this
	}
	r, err := dhcpv6.RelayMessageFromBytes(around)
	if err != nil {
		return nil //nolint:nilerr // as above: other options of the sender are its own affair
	}
	got := r.Options.RelayMessage()
	if got == nil || !bytes.Equal(want.ToBytes(), got.ToBytes()) {
		return fmt.Errorf("another implementation reads %v, want %v", got, want)
	}
	return nil
}
