package status

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/dhcp"
)

// TestEachReasonIsExplained drops once for each reason.
func TestEachReasonIsExplained(t *testing.T) {
	t.Parallel()
	for r := range agent.Reason(agent.NumReasons) {
		if r == agent.Relayed {
			continue
		}
		t.Run(r.String(), func(t *testing.T) {
			t.Parallel()
			s := healthy()
			// On an interface of which the state says nothing to the contrary.
			s.drop("vlan30", dhcp.V4, dhcp.Requests, r, 3)
			got := s.report()
			doc := r.Doc()
			wantDrop := Drop{
				"vlan30", dhcp.V4, dhcp.Requests, doc.Name, doc.What, doc.Remedy, 3, 3, after(30 * time.Second),
			}
			if diff := cmp.Diff([]Drop{wantDrop}, got.Drops); diff != "" {
				t.Errorf("drops (-want +got):\n%s", diff)
			}
			if expected(r) {
				if len(got.Findings) != 0 {
					t.Errorf("findings: %+v", got.Findings)
				}
				return
			}
			if len(got.Findings) != 1 {
				t.Fatalf("findings: %+v", got.Findings)
			}
			f := got.Findings[0]
			if f.Kind != "drop_"+doc.Name || f.Subject != "interface vlan30 (DHCPv4)" {
				t.Errorf("%s %s", f.Kind, f.Subject)
			}
			if want := strings.TrimSuffix(doc.What, ".") + ": 3 requests dropped in the last 60 seconds, the last 30 seconds ago."; f.Text != want {
				t.Errorf("got %q, want %q", f.Text, want)
			}
			if len(doc.Remedy) < len("Nothing to do.") || !strings.HasPrefix(f.Do, doc.Remedy) {
				t.Errorf("do %q, remedy %q", f.Do, doc.Remedy)
			}
			if (f.Severity == Info) != Meant(r) {
				t.Errorf("%v is %s", r, f.Severity)
			}
		})
	}
}

// TestDropsWhoseCauseHasEndedAreHistory drops for want of what the interface has
// now: that the repair works is seen at once.
func TestDropsWhoseCauseHasEndedAreHistory(t *testing.T) {
	t.Parallel()
	cases := []struct {
		reason agent.Reason
		family dhcp.Family
		now    string
		spoil  agent.State // in which the drops are not history
	}{
		{agent.NoGiaddr, dhcp.V4, "now the interface has the address 10.1.0.1.", agent.NoAddress},
		{agent.NoLinkAddress, dhcp.V6, "now the interface has the address 2001:db8:1::1.", agent.NoAddress},
		{agent.LinkDown, dhcp.V4, "now the interface is up.", agent.Down},
		{agent.NoServer, dhcp.V4, "now the interface has servers of this family.", agent.Relaying},
	}
	for _, c := range cases {
		t.Run(c.reason.String(), func(t *testing.T) {
			t.Parallel()
			s := healthy()
			s.drop("vlan10", c.family, dhcp.Requests, c.reason, 3)
			got := s.report()
			if len(got.Findings) != 1 {
				t.Fatalf("findings: %+v", got.Findings)
			}
			f := got.Findings[0]
			if f.Severity != Info || f.Do != "Nothing to do." ||
				!strings.HasPrefix(f.Text, "No longer so: the ") || !strings.Contains(f.Text, "until 08:00:30 UTC") || !strings.HasSuffix(f.Text, c.now) {
				t.Errorf("%s: %s -> %s", f.Severity, f.Text, f.Do)
			}
			if c.spoil == agent.Relaying {
				return
			}
			i := slices.IndexFunc(s.in.Links, func(l Link) bool { return l.Name == "vlan10" && l.Family == c.family })
			s.in.Links[i].State = c.spoil
			// What the state of the interface is the cause of is told with that, once.
			if now := s.report().Findings; len(now) != 1 || !strings.HasPrefix(now[0].Kind, "interface_") ||
				!strings.HasSuffix(now[0].Text, "3 requests dropped in the last 60 seconds, the last 30 seconds ago.") {
				t.Errorf("%v: %+v", c.spoil, now)
			}
		})
	}
}

// TestDropsAreErrorsIfNothingElseComesThrough holds one hostile client apart
// from an interface on which nobody is served.
func TestDropsAreErrorsIfNothingElseComesThrough(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		link    string
		relayed uint64
		want    Severity
	}{
		{"some come through", "vlan20", 20, Warn},
		{"none comes through", "vlan20", 0, Error},
		{"of no interface", count.Other, 0, Warn},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := healthy()
			s.flow("vlan20", dhcp.V4, c.relayed, c.relayed)
			s.drop(c.link, dhcp.V4, dhcp.Requests, agent.UntrustedOption82, 3)
			r := s.report()
			if len(r.Findings) != 1 || r.Findings[0].Severity != c.want {
				t.Errorf("want one %s, got %+v", c.want, r.Findings)
			}
			i := slices.IndexFunc(r.Interfaces, func(i Interface) bool { return i.Name == "vlan20" })
			if told := strings.Contains(r.Interfaces[i].Reason, "already contains option 82"); told != (c.want == Error) {
				t.Errorf("the interface says %q", r.Interfaces[i].Reason)
			}
		})
	}
}

func TestOldDropsAreNoFindings(t *testing.T) {
	t.Parallel()
	s := healthy()
	s.drop("vlan20", dhcp.V4, dhcp.Replies, agent.LinkDown, 3)
	s.in.Now = after(time.Hour)
	r := s.report()
	if len(r.Findings) > 0 || len(r.Drops) != 1 || r.Drops[0].Recent != 0 || r.Drops[0].Count != 3 {
		t.Errorf("findings %+v, drops %+v", r.Findings, r.Drops)
	}
}
