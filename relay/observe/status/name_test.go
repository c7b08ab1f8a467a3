package status

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What is told of DNS names: nothing while they are known, the last answer while they
// cannot be looked up, and which interfaces have no server while there is none.
func TestNames(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	since, failed := now.Add(-time.Hour), now.Add(-time.Minute)
	known := []netip.Addr{netip.MustParseAddr("10.9.0.2"), netip.MustParseAddr("2001:db8:9::2")}
	r := Build(Input{Now: now, Recorder: Recorder{On: true}, Config: Config{File: "relay.toml", OK: true, OnDisk: FileSame}, NamesUnfit: "relay.toml:3:1: 10.9.0.2 is on the list twice", Names: []DNSName{
		{Name: "good.example.net", Addresses: known, Since: &since, Interfaces: []string{"vlan10"}},
		{Name: "stale.example.net", Addresses: known[:1], Since: &since, FailedSince: &failed, Error: "10.9.0.53 answers SERVFAIL", Interfaces: []string{"vlan10"}},
		{Name: "none.example.net", FailedSince: &failed, Error: "10.9.0.53 says that there is no such name", Interfaces: []string{"vlan10"}},
		{Name: "alone.example.net", FailedSince: &failed, Error: "it has no address", Interfaces: []string{"vlan20"}, Needed: true},
	}})
	var got []string
	for _, f := range r.Findings {
		got = append(got, string(f.Severity)+" "+f.Kind+" "+f.Subject+" "+f.Text)
	}
	want := []string{
		"error dns_name_refused configuration relay.toml What DNS names of servers mean now is not in effect, for the configuration would be wrong with it: relay.toml:3:1: 10.9.0.2 is on the list twice.",
		"error dns_name_unknown DNS name alone.example.net No address is known of this server, so that it gets no request: of vlan20; it has no address.",
		"warn dns_name_stale DNS name stale.example.net The name of this server cannot be looked up, so that the last answer holds: 10.9.0.2, since 11:59:00 UTC; 10.9.0.53 answers SERVFAIL.",
		"warn dns_name_unknown DNS name none.example.net No address is known of this server, so that it gets no request: of vlan10; 10.9.0.53 says that there is no such name.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	var b strings.Builder
	if err := r.WriteText(&b, false); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"DNS NAME           ADDRESSES                SINCE         LOOK-UPS",
		"good.example.net   10.9.0.2, 2001:db8:9::2  11:00:00 UTC  work",
		"alone.example.net  -                        -             fail since 11:59:00 UTC",
	} {
		if !strings.Contains(b.String(), line+"\n") {
			t.Errorf("no line %q in\n%s", line, b.String())
		}
	}
}
