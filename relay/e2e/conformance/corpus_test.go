package conformance

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// A sample is one message of the generated corpus.
type sample struct {
	name string
	raw  []byte
}

// corpus makes messages that are wrong in one place each: every prefix of sound
// ones, every length octet off, and what section 13 of the list names.
func corpus() []sample {
	seeds := []struct {
		name string
		m    message
	}{
		{"discover", discover(opt(61, 1, 2, 0, 0, 0, 0, 0xc0), opt(12, 'h'))},
		{"request", request(tRequest, opt(54, 198, 51, 100, 10), opt(50, 192, 0, 2, 77), tail(), size(0))},
		{"offer", offer(opt(82, 1, 2, 'd', '0', 2, 1, 'r'), size(0))},
		{"ack", reply(tAck, opt(82, 1, 2, 'd', '0'), opt(52, 3), sname(82, 4, 1, 2, 'd', '0', 255))},
	}
	var out []sample
	add := func(b []byte, format string, args ...any) { out = append(out, sample{fmt.Sprintf(format, args...), b}) }
	for _, s := range seeds {
		b := s.m.bytes()
		for n := range len(b) + 1 {
			add(slices.Clone(b[:n]), "%s cut to %d", s.name, n)
		}
		for _, at := range lengthOctets(b) {
			for _, v := range []byte{0, b[at] - 1, b[at] + 1, 254, 255} {
				c := slices.Clone(b)
				c[at] = v
				add(c, "%s length at %d is %d", s.name, at, v)
			}
		}
		for at := range 44 {
			for _, v := range []byte{0, 1, 2, 16, 17, 127, 128, 255} {
				c := slices.Clone(b)
				c[at] = v
				add(c, "%s octet %d is %d", s.name, at, v)
			}
		}
		for at := 236; at < len(b); at++ {
			for _, v := range []byte{0, 1, 52, 53, 82, 254, 255} {
				c := slices.Clone(b)
				c[at] = v
				add(c, "%s octet %d is %d", s.name, at, v)
			}
		}
		for _, a := range []string{addrD0, addrU0, addrD1, "10.9.8.7", "127.0.0.1", "224.0.0.1", "255.255.255.255"} {
			add(s.m.with(giaddrOf(a)).bytes(), "%s giaddr %s", s.name, a)
		}
		add(s.m.with(opt(82), opt(82, 1)).bytes(), "%s option 82 twice", s.name)
		add(s.m.with(options(82, 4, 1, 2, 'd', '0', 53, 1, 1)).bytes(), "%s option 82 before 53", s.name)
		add(s.m.with(bytesMod(fill(1200, 0))).bytes(), "%s a run of PADs", s.name)
		add(s.m.with(size(9000)).bytes(), "%s 9000 octets", s.name)
	}
	return out
}

// lengthOctets returns the offsets of the length octets of a sound message: of
// hlen, the options, and the suboptions of option 82.
func lengthOctets(b []byte) []int {
	at := []int{2}
	for i := 240; i < len(b) && b[i] != 255; {
		if b[i] == 0 {
			i++
			continue
		}
		at = append(at, i+1)
		if b[i] == 82 {
			for j := i + 2; j < i+2+int(b[i+1]); j += 2 + int(b[j+1]) {
				at = append(at, j+1)
			}
		}
		i += 2 + int(b[i+1])
	}
	return at
}

// TestCorpus plays the generated corpus to the core: nothing makes it panic or
// read beyond the message, and what it relays is as it came.
func TestCorpus_CVE_2025_30648_CVE_2020_1602_CVE_2018_5732_R_SEC_3(t *testing.T) {
	samples := corpus()
	for _, conf := range []struct {
		name, toml string
		option     []byte
		trusted    bool
	}{
		{"untrusted", least, cid("d0"), false},
		{"trusted", least + "trusted = true\n", cid("d0"), true},
		{"without option 82", least + "dhcpv4.option82 = false\n", nil, false},
	} {
		t.Run(conf.name, func(t *testing.T) {
			snap := compile(t, conf.toml, bench())
			var relayed int
			for _, s := range samples {
				for _, on := range []string{"d0", "u0"} {
					b := exact(s.raw)
					v := snap.Relay4(b, agent.Ingress{Link: index(on), Src: netip.AddrPortFrom(addr(server1), 67), Dst: addr(addrD0)})
					if int(v.Reason) >= agent.NumReasons {
						t.Errorf("%s on %s: reason %d", s.name, on, v.Reason)
					}
					if v.Reason != agent.Relayed {
						continue
					}
					relayed++
					if err := checkSample(s.raw, b.Bytes(), v, conf.option, conf.trusted); err != nil {
						t.Errorf("%s on %s: %v", s.name, on, err)
					}
				}
			}
			t.Logf("%d of %d relayed", relayed, 2*len(samples))
			if relayed < len(samples)/10 {
				t.Errorf("only %d were relayed", relayed)
			}
		})
	}
}

// checkSample compares what left with what came.
func checkSample(in, out []byte, v agent.Verdict, option []byte, trusted bool) error {
	if v.Direction == dhcp.Requests {
		return checkRequest(in, out, v, addr(addrD0), option)
	}
	link := v.Link.Host.Name
	return checkReply(in, out, trusted && circuit(in) != link)
}

// exact puts a message at the very end of its store, but for the room that the
// relay may need, so that reading far beyond it panics.
func exact(b []byte) *agent.Buf {
	s := make([]byte, len(b), len(b)+300)
	copy(s, b)
	return &agent.Buf{Store: s[:cap(s)], Len: len(b)}
}

// TestCorpusGiants has messages as large as UDP allows (ISC 3.0: overlapping
// copies).
func TestCorpusGiants_ISC_3_0(t *testing.T) {
	snap := compile(t, least, bench())
	for _, n := range []int{4095, 9000, 65495, 65507} {
		for _, m := range []message{giant(1, n), giant(2, n)} {
			in := m.bytes()
			b := store(in)
			v := snap.Relay4(b, agent.Ingress{Link: index("d0"), Src: netip.AddrPortFrom(addr(server1), 67), Dst: addr(addrD0)})
			if v.Reason != agent.Relayed {
				t.Errorf("op %d, %d octets: %v", in[0], n, v.Reason)
				continue
			}
			var err error
			if in[0] == 1 {
				err = checkRequest(in, b.Bytes(), v, addr(addrD0), cid("d0"))
				if omit := len(in)+6 > 65507; v.Omitted != omit {
					t.Errorf("%d octets: option 82 left out: %v, want %v", n, v.Omitted, omit)
				}
			} else {
				err = checkReply(in, b.Bytes(), false)
			}
			if err != nil {
				t.Errorf("op %d, %d octets: %v", in[0], n, err)
			}
		}
	}
}

// giant is a message of n octets full of options; a reply bears our option 82
// in front of them all.
func giant(op byte, n int) message {
	m := discover(size(0))
	if op == 2 {
		m = offer(size(0), options(82, 4, 1, 2, 'd', '0', 53, 1, 2))
	}
	for left := n - len(m.bytes()); left > 0; left = n - len(m.bytes()) {
		k := min(left-2, 255)
		if left > 257 && left < 260 {
			k = 200
		}
		m.opts = append(m.opts, option(43, fill(k, 7)...)...)
	}
	return m
}
