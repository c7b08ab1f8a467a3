package transaction_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/observe/transaction"
)

// A step tells where its copies left from: once where that is one address, else of each.
func TestSourcesOfCopies(t *testing.T) {
	t.Parallel()
	a, b := netip.MustParseAddr("10.7.0.1"), netip.MustParseAddr("10.9.0.1")
	for _, tt := range []struct {
		name string
		from netip.Addr
		own  []netip.Addr
		one  string
		each []string
	}{
		{"the kernel's choice", netip.Addr{}, nil, "", nil},
		{"one", b, nil, "10.9.0.1", nil},
		{"one of each server's own", b, []netip.Addr{a, a}, "10.7.0.1", nil},
		{"another for one", b, []netip.Addr{a, {}}, "", []string{"10.7.0.1", "10.9.0.1"}},
		{"another for one, else the kernel's choice", netip.Addr{}, []netip.Addr{{}, a}, "", []string{"", "10.7.0.1"}},
	} {
		m := asked(0, dhcp4{xid: 1, kind: 1, mac: mac1})
		m.From, m.Own = tt.from, tt.own
		sent := join([]recorder.Message{m}, at(100), transaction.Options{Names: names}, transaction.Filter{})[0].Steps[0].Sent
		if sent.Source != tt.one || !cmp.Equal(sent.Sources, tt.each) {
			t.Errorf("%s: from %q and %q, want %q and %q", tt.name, sent.Source, sent.Sources, tt.one, tt.each)
		}
	}
}
