package transaction_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/observe/transaction"
	"dhcp-relay/relay/wire/dhcp"
)

func TestJoin4(t *testing.T) {
	const took, back = 12 * time.Microsecond, 20 * time.Microsecond
	ask := func(ms int, kind string) api.Step {
		return api.Step{
			Time: at(ms), Took: took.Seconds(), Direction: dhcp.Requests, Type: kind, Interface: "vlan10", Source: "0.0.0.0:68", Destination: "255.255.255.255:67",
			Outcome: "relayed", Giaddr: "10.1.0.1", Sent: &api.Sending{Towards: "server", Cast: "unicast", Destinations: []api.Endpoint{"10.9.0.2:67", "10.9.0.3:67"}, Type: kind},
		}
	}
	answer := func(ms int, kind string, rtt time.Duration) api.Step {
		return api.Step{
			Time: at(ms), Took: back.Seconds(), Direction: dhcp.Replies, Type: kind, Interface: "eth0", Source: "10.9.0.2:67", Destination: "10.1.0.1:67",
			Outcome: "relayed", Giaddr: "10.1.0.1", Given: []string{"10.1.0.100"}, RTT: rtt.Seconds(),
			Sent: &api.Sending{Towards: "client", Cast: "unicast", Source: "10.1.0.1", Destinations: []api.Endpoint{"10.1.0.100:68"}, FrameTo: "02:00:00:00:00:01", Type: kind},
		}
	}
	request := ask(50, "request")
	request.Asked = []string{"10.1.0.100"}
	want := []api.Transaction{{
		ID: 1, Family: dhcp.V4, XID: "0x1a2b3c4d", Interface: "vlan10", Relay: "10.1.0.1",
		Client:  api.Client{MAC: "02:00:00:00:00:01", ClientID: "01:02:00:00:00:00:01", Address: "10.1.0.100"},
		Started: at(0), Updated: at(53), State: api.Answered, Outcome: "answered",
		Steps: []api.Step{
			ask(0, "discover"), answer(2, "offer", 2*time.Millisecond), request, answer(53, "ack", 3*time.Millisecond),
		},
	}}
	got := join(exchange(), at(100), transaction.Options{Names: names}, transaction.Filter{})
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("transactions (-want +got):\n%s", d)
	}
}

func TestJoin6(t *testing.T) {
	got := join(exchange6(), at(100), transaction.Options{Names: names}, transaction.Filter{})
	want := []api.Transaction{{
		ID: 1, Family: dhcp.V6, XID: "0xabcdef", Interface: "vlan10", Relay: "2001:db8:1::1",
		Client:  api.Client{MAC: "02:00:00:00:00:01", DUID: "00:03:00:01:02:00:00:00:00:01", Address: "2001:db8:1::100"},
		Started: at(0), Updated: at(3), State: api.Answered, Outcome: "answered",
		Steps: []api.Step{
			{
				Time: at(0), Direction: dhcp.Requests, Type: "solicit", Interface: "vlan10", Source: "[fe80::c1]:546", Destination: "[ff02::1:2]:547",
				Outcome: "relayed", Giaddr: "2001:db8:1::1", Sent: &api.Sending{Towards: "server", Cast: "unicast", Destinations: []api.Endpoint{"[2001:db8:9::2]:547"}, Type: "relay_forward"},
			},
			{
				Time: at(3), Direction: dhcp.Replies, Type: "advertise", Outer: "relay_reply", Interface: "eth0", Source: "[2001:db8:9::2]:547", Destination: "[2001:db8:1::1]:547",
				Outcome: "relayed", Giaddr: "2001:db8:1::1", Given: []string{"2001:db8:1::100", "2001:db8:8000::/56"}, RTT: (3 * time.Millisecond).Seconds(),
				Sent: &api.Sending{Towards: "client", Cast: "unicast", Destinations: []api.Endpoint{"[fe80::c1]:546"}, Type: "advertise"},
			},
		},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("transactions (-want +got):\n%s", d)
	}
}

// A client behind another relay is known by what is inside both headers.
func TestJoinChain(t *testing.T) {
	ms := exchange6()
	ms[0].Received, ms[0].Type = relay6(12, "2001:db8:7::1", "fe80::c1", ms[0].Received), 12
	ms[1].Received = relay6(13, "::", "2001:db8:7::1", ms[1].Received)
	got := join(ms, at(100), transaction.Options{Names: names}, transaction.Filter{})
	if len(got) != 1 || len(got[0].Steps) != 2 || got[0].Steps[0].Outer != "relay_forward" || got[0].Steps[0].Type != "solicit" {
		t.Errorf("want both messages in one transaction, got %+v", got)
	}
}

func TestWhatBelongsTogether(t *testing.T) {
	d := dhcp4{xid: 1, kind: 1, mac: mac1}
	other := d
	other.mac = []byte{2, 0, 0, 0, 0, 9}
	noMAC := func(id byte) dhcp4 { return dhcp4{xid: 1, kind: 1, options: []byte{61, 2, 0xff, id}} }
	short := lost(agent.Short, asked(0, d))
	short.Received = short.Received[:100]
	noDUID := func(ms int, peer string) recorder.Message {
		m := exchange6()[0]
		m.At, m.Received = at(ms), message6(11, 5)
		m.Sent = relay6(12, "2001:db8:1::1", peer, m.Received)
		m.Received = m.Sent
		return m
	}
	ack := d
	ack.kind = 5
	for name, c := range map[string]struct {
		ms   []recorder.Message
		want int
	}{
		"a repeated request":                  {[]recorder.Message{asked(0, d), asked(4000, d)}, 1},
		"one xid, two MACs":                   {[]recorder.Message{asked(0, d), asked(1, other)}, 2},
		"one xid, no MAC, one client-id":      {[]recorder.Message{asked(0, noMAC(1)), asked(1, noMAC(1))}, 1},
		"one xid, no MAC, two client-ids":     {[]recorder.Message{asked(0, noMAC(1)), asked(1, noMAC(2))}, 2},
		"two messages without a whole header": {[]recorder.Message{short, short}, 2},
		"no DUID, one peer":                   {[]recorder.Message{noDUID(0, "fe80::1"), noDUID(1, "fe80::1")}, 1},
		"no DUID, two peers":                  {[]recorder.Message{noDUID(0, "fe80::1"), noDUID(1, "fe80::2")}, 2},
		"the same xid after a pause":          {[]recorder.Message{asked(0, d), asked(130_000, d)}, 2},
		"a request long after the last answer": {
			[]recorder.Message{asked(0, d), answered(2, ack), asked(10_003, d)}, 2,
		},
		"a request at once after the last answer": {
			[]recorder.Message{asked(0, d), answered(2, ack), asked(3, d)}, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := join(c.ms, at(200_000), transaction.Options{Names: names}, transaction.Filter{})
			if len(got) != c.want {
				t.Errorf("got %d transactions, want %d", len(got), c.want)
			}
		})
	}
}

func TestJoinerHoldsNoMoreThanItMay(t *testing.T) {
	j := transaction.NewJoiner(transaction.Options{Names: names, Keep: 3})
	for n := range uint32(10) {
		m := asked(int(n), dhcp4{xid: n, kind: 1, mac: mac1})
		j.Add(&m)
	}
	var got []string
	for _, tr := range j.Last(at(10), transaction.Filter{}, 100) {
		got = append(got, tr.XID)
	}
	if d := cmp.Diff([]string{"0x00000007", "0x00000008", "0x00000009"}, got); d != "" {
		t.Errorf("transactions kept (-want +got):\n%s", d)
	}
	for n := range 100 {
		m := asked(10+n, dhcp4{xid: 9, kind: 1, mac: mac1})
		j.Add(&m)
	}
	last := j.Last(at(110), transaction.Filter{}, 1)[0]
	if n := len(last.Steps); n != 64 || last.Omitted != 37 || !last.Updated.Equal(at(109)) {
		t.Errorf("%d steps and %d omitted, the last at %v; want 64, 37 and %v", n, last.Omitted, last.Updated, at(109))
	}
}

// A reply may be recorded before the batch that held its request.
func TestStepsAreInTheOrderOfTime(t *testing.T) {
	ms := exchange()
	j := transaction.NewJoiner(transaction.Options{Names: names})
	for _, i := range []int{1, 0, 2, 3} {
		j.Add(&ms[i])
	}
	var got []string
	for _, s := range j.Last(at(100), transaction.Filter{}, 1)[0].Steps {
		got = append(got, s.Type+" "+time.Duration(s.RTT*float64(time.Second)).Round(time.Microsecond).String())
	}
	if d := cmp.Diff([]string{"discover 0s", "offer 2ms", "request 0s", "ack 3ms"}, got); d != "" {
		t.Errorf("steps (-want +got):\n%s", d)
	}
}

func TestEventsTellEachStepOnce(t *testing.T) {
	ms := exchange()
	j := transaction.NewJoiner(transaction.Options{Names: names})
	f, err := transaction.ParseFilter(func(k string) string { return map[string]string{"outcome": "refused"}[k] })
	if err != nil {
		t.Fatal(err)
	}
	type told struct {
		First, Steps int
		Outcome      string
	}
	tell := func(j *transaction.Joiner, now int, f transaction.Filter) (out []told) {
		for _, e := range j.Events(at(now), f) {
			out = append(out, told{e.First, len(e.Steps), e.Outcome})
		}
		return out
	}
	for _, c := range []struct {
		name string
		add  []recorder.Message
		now  int
		want []told
	}{
		{"a discover", ms[:1], 1, []told{{0, 1, "waiting"}}},
		{"nothing new", nil, 2, nil},
		{"the server is silent", nil, 10001, []told{{1, 0, "no answer from 10.9.0.2 and 10.9.0.3"}}},
		{"and stays silent", nil, 11000, nil},
		{"the rest", ms[1:], 11001, []told{{1, 3, "answered"}}},
	} {
		for i := range c.add {
			j.Add(&c.add[i])
		}
		if d := cmp.Diff(c.want, tell(j, c.now, transaction.Filter{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}

	// What a filter holds back is told as a whole when it passes at last.
	nak := answered(60, dhcp4{xid: 0x1a2b3c4d, kind: 6, mac: mac1})
	j = transaction.NewJoiner(transaction.Options{Names: names})
	j.Add(&ms[2])
	if got := tell(j, 51, f); got != nil {
		t.Errorf("told %v of what the filter holds back", got)
	}
	j.Add(&nak)
	if d := cmp.Diff([]told{{0, 2, "refused by server (NAK)"}}, tell(j, 61, f)); d != "" {
		t.Errorf("what passes at last (-want +got):\n%s", d)
	}
}
