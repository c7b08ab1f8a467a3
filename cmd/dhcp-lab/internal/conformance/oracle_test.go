package conformance

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"

	"dhcp-relay/relay/agent"
)

// A parsed is what the oracle knows of a message; it shares no code with the
// relay.
type parsed struct {
	dhcp   bool
	sound  bool // every option is whole
	end    int  // offset of END, or of the message's end
	hasEnd bool
	at82   [][2]int // from and to of each option 82
}

// parseOptions walks the options field.
func parseOptions(b []byte) parsed {
	p := parsed{dhcp: len(b) >= 240 && bytes.Equal(b[236:240], cookie), sound: true, end: len(b)}
	if !p.dhcp {
		return p
	}
	for i := 240; i < len(b); {
		switch {
		case b[i] == 0:
			i++
			continue
		case b[i] == 255:
			p.end, p.hasEnd = i, true
			return p
		case i+1 >= len(b) || i+2+int(b[i+1]) > len(b):
			p.sound = false
			return p
		}
		next := i + 2 + int(b[i+1])
		if b[i] == 82 {
			p.at82 = append(p.at82, [2]int{i, next})
		}
		i = next
	}
	return p
}

// without82 cuts every option 82 out.
func without82(b []byte) []byte {
	b = slices.Clone(b)
	at := parseOptions(b).at82
	for _, s := range slices.Backward(at) {
		b = slices.Delete(b, s[0], s[1])
	}
	return b
}

// wantRequest returns what is to become of a relayed request: hops, giaddr and
// option 82 change, and nothing else.
func wantRequest(in []byte, giaddr netip.Addr, option82 []byte) []byte {
	p := parseOptions(in)
	first := bytes.Equal(in[24:28], []byte{0, 0, 0, 0})
	out := slices.Clone(in)
	out[3]++
	if first {
		copy(out[24:], giaddr.AsSlice())
	}
	if !p.dhcp || !first || len(p.at82) > 0 || len(option82) == 0 {
		return out
	}
	out = slices.Insert(out, p.end, option82...)
	if !p.hasEnd {
		out = append(out, 255)
	}
	return out
}

// checkRequest reports in what a relayed request differs from wantRequest.
func checkRequest(in, out []byte, v agent.Verdict, giaddr netip.Addr, option82 []byte) error {
	if v.Omitted {
		option82 = nil
	}
	return equal(wantRequest(in, giaddr, option82), out)
}

// checkReply reports in what a relayed reply differs from the received one
// beside option 82, all of which is gone, or stays if keep.
func checkReply(in, out []byte, keep bool) error {
	want := in
	if !keep {
		want = without82(in)
		if n := len(parseOptions(out).at82); n > 0 {
			return fmt.Errorf("%d options 82 reach the client", n)
		}
	}
	return equal(want, out)
}

// equal compares octets beside padding, and wants 300 of them.
func equal(want, got []byte) error {
	if !bytes.Equal(trim(want), trim(got)) {
		return fmt.Errorf("octets differ\nwant %s\ngot  %s", dump(want), dump(got))
	}
	if len(got) < 300 {
		return fmt.Errorf("%d octets, want 300 or more", len(got))
	}
	return nil
}
