package status

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/wire/dhcp"
)

// TestServerOfDroppedRepliesIsNotSilent has every reply dropped, for its giaddr
// is none of this relay's, and a rogue one for contrast.
func TestServerOfDroppedRepliesIsNotSilent(t *testing.T) {
	t.Parallel()
	cases := []struct {
		reason agent.Reason
		state  ServerState
		kinds  []string
	}{
		{agent.BogusGiaddr, StateDropped, []string{"error drop_bogus_giaddr"}},
		{agent.ReplySource, StateSilent, []string{"error server_silent", "error drop_reply_source"}},
	}
	for _, c := range cases {
		t.Run(c.reason.String(), func(t *testing.T) {
			t.Parallel()
			s := healthy()
			s.servers[0].Replies, s.servers[0].Unanswered = 0, 40
			s.flow("vlan10", dhcp.V4, 20, 0)
			s.flow("vlan20", dhcp.V4, 20, 0)
			s.drop(count.Other, dhcp.V4, dhcp.Replies, c.reason, 9)
			r := s.report()
			var kinds []string
			for _, f := range r.Findings {
				kinds = append(kinds, string(f.Severity)+" "+f.Kind)
			}
			if diff := cmp.Diff(c.kinds, kinds); diff != "" || r.Servers[0].State != c.state {
				t.Errorf("server %s, findings (-want +got):\n%s", r.Servers[0].State, diff)
			}
		})
	}
}

// What is said of a server that got too few requests to be called silent is what is known.
func TestFewRequestsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	at := server("10.9.0.2:67")
	for _, c := range []struct {
		health health.Reading
		want   string
	}{
		{health.Reading{State: health.Waiting}, "It got 3 requests in the last 60 seconds; no answer is overdue."},
		{health.Reading{State: health.Waiting, Requests: 2, First: after(58 * time.Second)}, "It got 3 requests in the last 60 seconds; no answer is overdue."},
		{health.Reading{State: health.Waiting, Requests: 2, First: after(50 * time.Second)}, "Too little is known of it: 2 requests since 08:00:50 UTC, and not one answer."},
		{health.Reading{State: health.Answering, LastReply: after(40 * time.Second)}, "It answers."},
		{
			health.Reading{State: health.Answering, LastReply: after(40 * time.Second), Requests: 1, First: after(50 * time.Second)},
			"It answered until 08:00:40 UTC, 1 request since without an answer.",
		},
	} {
		in := Input{Now: after(time.Minute), Started: epoch(), Servers: []count.ServerID{at}}
		in.Counts.Window = time.Minute
		in.Counts.Servers = []count.OfServer{{ServerID: at, Copies: count.Number{Total: 3, Recent: 3}, Health: c.health}}
		r := Build(in)
		if got := r.Servers[0].Verdict; got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestGroupIsNotSilent has a multicast group for a server: what it sends never
// bears its address.
func TestGroupIsNotSilent(t *testing.T) {
	t.Parallel()
	s := healthy()
	group := server("[ff05::1:3]:547")
	s.in.Servers[1], s.in.Links[2].Servers[0] = group, group
	s.servers[1] = exchange{ServerID: group, Copies: 20, Unanswered: 20}
	r := s.report()
	if got := r.Servers[1]; got.State != StateGroup || len(r.Findings) > 0 {
		t.Errorf("%+v, findings %+v", got, r.Findings)
	}
}

// TestTwiceAsManyReplies tells of another relay at the same networks, and of
// nothing where servers merely answer.
func TestTwiceAsManyReplies(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		copies, replies uint64
		want            bool
	}{
		{10, 20, true}, {5, 9, true}, {4, 8, false}, {10, 10, false}, {10, 16, false}, {10, 17, true}, {0, 8, false},
	} {
		s := healthy()
		s.servers[0].Copies, s.servers[0].Replies = c.copies, c.replies
		got := false
		for _, f := range s.report().Findings {
			got = got || f.Kind == "server_doubled" && f.Severity == Warn
		}
		if got != c.want {
			t.Errorf("%d replies to %d requests: told %v, want %v", c.replies, c.copies, got, c.want)
		}
	}
}

// A server that falls silent after an hour of good history is told of within ten
// seconds, with the time of its last reply and what was asked of it since, also an hour
// later; with its first reply that is over.
func TestAServerThatFallsSilent(t *testing.T) {
	t.Parallel()
	l := newTimeline()
	for range 3600 {
		l.second(true, true)
	}
	if got := l.kinds(); got != nil {
		t.Fatalf("while all is well: %v", got)
	}
	took := 0
	for ; took < 60 && !slices.Contains(l.kinds(), "server_silent"); took++ {
		l.second(false, true)
	}
	if took > 10 {
		t.Errorf("told after %d s, want 10 at most", took)
	}
	for range 3600 {
		l.second(false, true)
	}
	r := l.report()
	s := r.Servers[0]
	if said := "answered until 08:59:59 UTC, " + strconv.Itoa(3600+took) + " requests since without an answer"; s.State != StateSilent || !strings.Contains(s.Verdict, said) || !strings.Contains(r.Findings[0].Text, said) {
		t.Errorf("an hour later it is %s: %s; %s", s.State, s.Verdict, r.Findings[0].Text)
	}
	if s.LastReply == nil || s.LastReply.Sub(after(time.Hour)).Abs() > time.Second || s.Requests != uint64(3600+took) || !s.Since.Equal(after(time.Hour)) {
		t.Errorf("last reply %v, %d requests, since %v", s.LastReply, s.Requests, s.Since)
	}
	l.second(true, true)
	if got := l.kinds(); slices.ContainsFunc(got, func(k string) bool { return strings.HasPrefix(k, "server_") }) {
		t.Errorf("with the first answer: %v", got)
	}
	if s := l.report().Servers[0]; s.State != StateAnswering || s.Requests != 0 {
		t.Errorf("with the first answer it is %s, %d requests since", s.State, s.Requests)
	}
}
