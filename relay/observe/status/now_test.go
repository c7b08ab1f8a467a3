package status

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/senderror"
	"dhcp-relay/relay/wire/dhcp"
)

// What no state tells of holds for a while after the last message. Before a minute is
// over it is a note with the time of the end, and nothing fails any more. The counters
// are read half a minute after the start.
func TestWhatIsOverIsANote(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(s *scene)
		kind  string
		was   Severity
	}{
		"a reply for a giaddr that is shared": {func(s *scene) { s.drop("vlan10", dhcp.V4, dhcp.Replies, agent.AmbiguousReply, 3) }, "drop_ambiguous_reply", Error},
		"clients that send option 82":         {func(s *scene) { s.drop("vlan10", dhcp.V4, dhcp.Requests, agent.UntrustedOption82, 3) }, "drop_untrusted_option82", Warn},
		"a broken client":                     {func(s *scene) { s.drop("vlan10", dhcp.V4, dhcp.Requests, agent.BadHlen, 1) }, "drop_bad_hlen", Warn},
		"a full receive buffer":               {func(s *scene) { s.kernel[dhcp.V4] = 17 }, "kernel_drops", Error},
		"no route": {func(s *scene) {
			s.errors = []count.SendError{{Error: senderror.ENETUNREACH, Towards: senderror.Servers, Count: 3}}
		}, "send_ENETUNREACH", Error},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := healthy()
			c.spoil(s)
			for _, at := range []struct {
				now  time.Duration // since the last
				want Severity
			}{{30 * time.Second, c.was}, {goesOn, c.was}, {goesOn + time.Second, Info}, {time.Minute, Info}, {9 * time.Minute, Info}} {
				s.in.Now = after(30*time.Second + at.now)
				r := s.report()
				if len(r.Findings) != 1 || r.Findings[0].Kind != c.kind || r.Findings[0].Severity != at.want {
					t.Fatalf("%v after the last: %+v, want one %s %s", at.now, r.Findings, at.want, c.kind)
				}
				f := r.Findings[0]
				if past := strings.HasPrefix(f.Text, "Not seen any more: ") && strings.Contains(f.Text, "until 08:00:30 UTC"); past != (at.want == Info) {
					t.Errorf("%v after the last: %s", at.now, f.Text)
				}
			}
		})
	}
}

// What was before a reload does not count for the configuration that it brought.
func TestWhatWasBeforeAReload(t *testing.T) {
	t.Parallel()
	for loaded, want := range map[time.Duration]Severity{0: Error, 20 * time.Second: Error, 40 * time.Second: Info} {
		s := healthy()
		s.drop("vlan10", dhcp.V4, dhcp.Replies, agent.AmbiguousReply, 3)
		s.in.Config.Loaded = after(loaded)
		if r := s.report(); len(r.Findings) != 1 || r.Findings[0].Severity != want {
			t.Errorf("loaded %v after the start, drops after 30 s: %+v, want %s", loaded, r.Findings, want)
		}
	}
}

// A route that is missing is one cause and one finding, whatever it keeps from going.
func TestOneCauseIsOneFinding(t *testing.T) {
	t.Parallel()
	s := healthy()
	s.servers[0] = exchange{ServerID: s.in.Servers[0], Failures: 9}
	s.errors = []count.SendError{{Error: senderror.ENETUNREACH, Towards: senderror.Servers, Count: 9}}
	for _, name := range []string{"vlan10", "vlan20"} {
		s.flow(name, dhcp.V4, 0, 0)
		s.drop(name, dhcp.V4, dhcp.Requests, agent.SendFailed, 4)
	}
	r := s.report()
	if len(r.Findings) != 1 || r.Findings[0].Kind != "server_unreachable" || r.Findings[0].Severity != Error {
		t.Fatalf("%+v, want one server_unreachable", r.Findings)
	}
	f := r.Findings[0]
	for _, w := range []string{"There is no route to the server (ENETUNREACH)", "9 requests lost", "Add a route", "ip route get 10.9.0.2"} {
		if !strings.Contains(f.Text+f.Do, w) {
			t.Errorf("%q lacks in %s -> %s", w, f.Text, f.Do)
		}
	}
	if i := slices.IndexFunc(r.Interfaces, func(i Interface) bool { return i.Name == "vlan20" }); r.Interfaces[i].Reason == "" {
		t.Error("the interface says nothing of it")
	}
}

// A client that left is named with what the kernel says of it, once, and is no error
// while others are served.
func TestAReplyThatCannotBeSent(t *testing.T) {
	t.Parallel()
	for replies, want := range map[uint64]Severity{20: Warn, 0: Error} {
		s := healthy()
		for i := range s.in.Links {
			s.flow(s.in.Links[i].Name, s.in.Links[i].Family, 20, replies)
		}
		s.drop("vlan10", dhcp.V4, dhcp.Replies, agent.SendFailed, 1)
		s.errors = []count.SendError{{Error: senderror.EHOSTUNREACH, Towards: senderror.Clients, Count: 1}}
		var got []string
		for _, f := range s.report().Findings {
			if f.Kind == "drop_send_failed" || strings.HasPrefix(f.Kind, "send_") {
				got = append(got, fmt.Sprint(f.Severity, " ", f.Kind, " ", strings.Contains(f.Text, "does not answer to ARP") && strings.Contains(f.Do, "still attached")))
			}
		}
		if diff := cmp.Diff([]string{string(want) + " drop_send_failed true"}, got); diff != "" {
			t.Errorf("%d replies (-want +got):\n%s", replies, diff)
		}
	}
}

// A timeline is a relay of one interface that is watched second by second.
type timeline struct {
	in     Input
	table  *count.Table
	recent count.Recent
	at     time.Duration
}

func newTimeline() *timeline {
	s := healthy()
	s.in.Links, s.in.Servers = s.in.Links[:1], s.in.Servers[:1]
	return &timeline{in: s.in, table: count.New()}
}

// second has a client ask, and the server answer unless it is silent.
func (l *timeline) second(answers, left bool) {
	c, s := l.table.Link("vlan10"), l.table.Server(l.in.Servers[0].Addr, "")
	c.Expected(dhcp.V4)
	switch {
	case !left:
		c.Count(dhcp.V4, dhcp.Requests, 1, agent.SendFailed)
		c.Unsent(dhcp.V4)
	case answers:
		c.Count(dhcp.V4, dhcp.Requests, 1, agent.Relayed)
		c.Count(dhcp.V4, dhcp.Replies, 2, agent.Relayed)
		c.Answered(dhcp.V4)
		s.Sent()
		s.Replied()
		s.Health.Asked(1, 10, 0, l.at)
		s.Health.Replied(10, netip.Addr{}, l.at+time.Millisecond)
	default:
		c.Count(dhcp.V4, dhcp.Requests, 1, agent.Relayed)
		c.Unanswered(dhcp.V4)
		s.Sent()
		s.Health.Asked(1, 10, 0, l.at)
	}
	l.at += time.Second
	s.Health.Judge(l.at, after(l.at))
	l.recent.Read(after(l.at), l.table, nil)
}

func (l *timeline) report() Report {
	l.in.Now = after(l.at)
	l.in.Counts = l.recent.At(l.in.Now)
	return Build(l.in)
}

func (l *timeline) kinds() (all []string) {
	for _, f := range l.report().Findings {
		if f.Severity != Info {
			all = append(all, f.Kind)
		}
	}
	return all
}

// An interface for which the server has lost the subnet, after an hour of good history
// and while another interface is served, is told within half a minute; that it is
// served again is seen at once.
func TestAnInterfaceThatIsAnsweredNoMore(t *testing.T) {
	t.Parallel()
	l := newTimeline()
	other := l.in.Links[0]
	other.Name = "vlan20"
	l.in.Links = append(l.in.Links, other)
	busy := func() {
		c := l.table.Link("vlan20")
		c.Count(dhcp.V4, dhcp.Requests, 1, agent.Relayed)
		c.Count(dhcp.V4, dhcp.Replies, 2, agent.Relayed)
		s := l.table.Server(l.in.Servers[0].Addr, "")
		s.Sent()
		s.Replied()
		s.Health.Replied(20, netip.Addr{}, l.at+2*time.Millisecond)
	}
	for range 3600 {
		busy()
		l.second(true, true)
	}
	if got := l.kinds(); got != nil {
		t.Fatalf("while all is well: %v", got)
	}
	took := 0
	for ; took < 60 && !slices.Contains(l.kinds(), "interface_unanswered"); took++ {
		busy()
		l.second(false, true)
	}
	if took > 30 {
		t.Errorf("told after %d s, want 30 at most", took)
	}
	for range 300 {
		busy()
		l.second(false, true)
	}
	if got := l.kinds(); !slices.Contains(got, "interface_unanswered") {
		t.Errorf("after five minutes: %v", got)
	}
	busy()
	l.second(true, true)
	if got := l.kinds(); slices.Contains(got, "interface_unanswered") {
		t.Errorf("with the first answer: %v", got)
	}
	for range 120 {
		busy()
		l.second(true, true)
	}
	if got := l.kinds(); slices.ContainsFunc(got, func(k string) bool { return strings.HasPrefix(k, "interface_") }) {
		t.Errorf("two minutes after the repair: %v", got)
	}
}

// Requests that could not be sent are history ten seconds after they can.
func TestSendingThatSucceedsAgain(t *testing.T) {
	t.Parallel()
	l := newTimeline()
	for range 30 {
		l.second(false, false)
	}
	if got := l.kinds(); !slices.Equal(got, []string{"drop_send_failed"}) {
		t.Fatalf("while nothing can be sent: %v", got)
	}
	if n := l.report().Interfaces[0]; n.Unanswered.Recent != 30 || n.Expected.Recent != 30 || n.Answered.Recent != 0 {
		t.Errorf("%+v: what cannot be sent is not answered", n)
	}
	for range 10 {
		l.second(true, true)
	}
	if got := l.kinds(); got != nil {
		t.Errorf("ten seconds after the repair: %v", got)
	}
}
