package conformance

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"dhcp-relay/cmd/lab/expect"
)

// FuzzRequest4 holds the decision on requests to what TestProperty does, for any
// octets: only what an RFC says differs, and the reply brings the message back.
func FuzzRequest4(f *testing.F) {
	fuzz4(f, func(r *roundTrips, bed *coreBed, link string, m []byte) error {
		return r.request(bed, link, as(m, 1))
	})
}

// FuzzReply4 does the same for replies: no option 82 of ours reaches a client.
func FuzzReply4(f *testing.F) {
	fuzz4(f, func(r *roundTrips, bed *coreBed, link string, m []byte) error {
		return r.reply(bed, link, as(m, 2))
	})
}

func fuzz4(f *testing.F, relay func(*roundTrips, *coreBed, string, []byte) error) {
	f.Helper()
	r := newRoundTrips(f, 1)
	r.opinion = secondOpinion
	for i := range 64 {
		bed := &r.beds[i%len(r.beds)]
		for op := range byte(3) {
			f.Add(slices.Clone(r.message(op, bed, "d0")), byte(i))
		}
	}
	f.Fuzz(func(t *testing.T, m []byte, how byte) {
		if len(m) > len(r.store)-700 {
			return
		}
		bed, link := &r.beds[int(how>>1)%len(r.beds)], []string{"d0", "d1"}[how&1]
		if err := relay(r, bed, link, m); err != nil {
			t.Error(err)
		}
	})
}

// as makes a message a request or a reply.
func as(m []byte, op byte) []byte {
	m = slices.Clone(m)
	if len(m) > 0 {
		m[0] = op
	}
	return m
}

// secondOpinion has another implementation read a message before and after: the
// options are the same but for option 82, and the client too. What it cannot read is
// not its business, such as padding where no END was.
func secondOpinion(in, out []byte) error {
	before, err := dhcpv4.FromBytes(in)
	if err != nil || !expect.Walk(in).HasEnd {
		return nil //nolint:nilerr // it is stricter than servers
	}
	after, err := dhcpv4.FromBytes(out)
	if err != nil {
		return fmt.Errorf("another implementation reads what came in, and not what leaves: %w", err)
	}
	for _, m := range []*dhcpv4.DHCPv4{before, after} {
		delete(m.Options, 82)
		m.HopCount, m.GatewayIPAddr = 0, nil
	}
	if diff := cmp.Diff(before.String()+fmt.Sprint(before.Options), after.String()+fmt.Sprint(after.Options)); diff != "" {
		return fmt.Errorf("another implementation reads (-before +after):\n%s", diff)
	}
	return nil
}
