package recorder_test

import (
	"net/netip"
	"testing"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/wire/dhcp"
)

// A message tells of each copy where it left from.
func TestServersWithASourceOfTheirOwn(t *testing.T) {
	t.Parallel()
	l := recorder.NewLog(4)
	w := l.Writer()
	source, other := netip.MustParseAddr("10.7.0.1"), netip.MustParseAddr("10.8.0.1")
	list := l.Servers([]recorder.Server{
		{Addr: netip.MustParseAddrPort("10.9.0.1:67"), Source: source},
		{Addr: netip.MustParseAddrPort("10.9.0.2:67")},
		{Addr: netip.MustParseAddrPort("10.9.0.3:67"), Source: source},
	})
	for _, copies := range []uint64{0b111, 0b110, 0b010} {
		if !w.Begin(1) {
			t.Fatal("nobody reads, yet the recorder was refused")
		}
		w.Received([]byte{1})
		w.Sent(&recorder.Event{
			Direction: dhcp.Requests, Outcome: agent.Relayed, To: agent.ToServers, From: other, Servers: list, Copies: copies,
		}, []byte{1}, 0)
		w.End()
	}
	ms, _ := l.Reader().Read()
	want := [][]netip.Addr{{source, other, source}, {other, source}, {other}}
	if len(ms) != len(want) {
		t.Fatalf("%d messages, want %d", len(ms), len(want))
	}
	for i := range ms {
		for n := range ms[i].Servers {
			if got := ms[i].FromTo(n); got != want[i][n] {
				t.Errorf("message %d to %v from %v, want %v", i, ms[i].Servers[n], got, want[i][n])
			}
		}
	}
}
