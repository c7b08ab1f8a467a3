package conformance

import (
	"crypto/hmac"
	"crypto/md5"
	"slices"
	"testing"

	"dhcp-relay/cmd/lab/expect"
	"dhcp-relay/relay/agent"
)

// TestCoreAuthentication has a client authenticate its message (RFC 3118). The
// server verifies it with hops and giaddr zero and without option 82.
func TestCoreAuthentication_R3118_1_R3118_2(t *testing.T) {
	snap := compile(t, least, bench())
	// protocol 1, algorithm 1, RDM 0, replay detection, secret identifier, MAC
	auth := append([]byte{1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7}, make([]byte, 16)...)
	for _, tc := range []struct {
		name string
		msg  message
	}{
		{"options out of order", discover(opt(90, auth...), opt(12, fill(30, 'h')...), opt(1), opt(43, 1, 2, 3), size(0))},
		{"the authentication last", discover(opt(61, fill(60, 'i')...), opt(90, auth...), size(0))},
		{"a long message", discover(opt(90, auth...), opt(43, fill(255, 'v')...), opt(43, fill(255, 'w')...), size(0))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := tc.msg.bytes()
			if len(in) < 300 {
				t.Fatalf("%d octets: padding would be needed, which the hash covers", len(in))
			}
			at := slices.Index(in[240:], 90) + 240 + 2 + 15
			copy(in[at:], hashOf(in, at))
			b := store(in)
			v := snap.Relay4(b, agent.Ingress{Link: index("d0"), Src: addrPort("0.0.0.0", 68), Dst: addr("255.255.255.255")})
			if v.Reason != agent.Relayed {
				t.Fatal(v.Reason)
			}
			if n := len(expect.Walk(b.Bytes()).Relay); n != 1 {
				t.Fatalf("%d options 82 were added, want 1", n)
			}
			got := expect.Without82(b.Bytes())
			if !hmac.Equal(got[at:at+16], hashOf(got, at)) {
				t.Errorf("the server cannot verify %s", dump(b.Bytes()))
			}
		})
	}
}

// hashOf computes the MAC of a message whose MAC stands at an offset (RFC 3118,
// section 5.3, which knows HMAC-MD5 alone).
func hashOf(b []byte, at int) []byte {
	b = slices.Clone(b)
	b[3] = 0
	clear(b[24:28])
	clear(b[at : at+16])
	h := hmac.New(md5.New, []byte("secret"))
	h.Write(b)
	return h.Sum(nil)
}
