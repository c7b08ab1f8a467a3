package recorder_test

import (
	"bytes"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/wire/dhcp"
)

// FuzzRecord holds the slots and the deltas of the recorder to telling what they were
// given: the octets of two messages as received and as sent, and what became of them.
func FuzzRecord(f *testing.F) {
	bootp := make([]byte, 300)
	f.Add(bootp, append([]byte{9}, bootp...), 0, []byte{10, 0, 0, 1}, uint16(67), uint8(0), uint64(1), uint64(2), int64(1))
	f.Add(bootp[:236], bootp[:250], -40, []byte{}, uint16(0), uint8(0xff), uint64(0), uint64(0), int64(-1))
	f.Add(bootp[:0], bootp[:1], 7, make([]byte, 16), uint16(547), uint8(5), ^uint64(0), ^uint64(0), int64(1)<<62)
	servers := []netip.AddrPort{netip.MustParseAddrPort("10.9.0.2:67"), netip.MustParseAddrPort("[2001:db8::2]:547")}
	log := recorder.NewLog(1)
	w, r := log.Writer(), log.Reader()
	list := log.Servers([]recorder.Server{{Addr: servers[0]}, {Addr: servers[1]}})
	f.Fuzz(func(t *testing.T, received, sent []byte, shift int, addr []byte, port uint16, how uint8, copies, refused uint64, took int64) {
		a, _ := netip.AddrFromSlice(addr)
		e := recorder.Event{
			At: 1 << 60, Done: 1<<60 + took, Family: dhcp.Family(how & 1), Direction: dhcp.Direction(how >> 1 & 1),
			Type: how, Outcome: agent.Reason(int(how) % agent.NumReasons), To: agent.Target(how >> 2 % 3),
			Omitted: how>>4&1 == 1, Heard: int(port), Link: int(how), Errno: syscall.Errno(how),
			Src: netip.AddrPortFrom(a, port), Dst: netip.AddrPortFrom(a, port), From: a,
			Servers: list, Copies: copies, Refused: refused, Client: netip.AddrPortFrom(a, port), HW: [6]byte{how},
		}
		if !w.Begin(2) {
			t.Fatal("nobody reads, yet the recorder was refused")
		}
		for range 2 {
			w.Received(received)
		}
		for range 2 {
			w.Sent(&e, sent, shift)
		}
		w.End()
		ms, lost := r.Read()
		if len(ms)+int(lost) != 2 {
			t.Fatalf("%d messages and %d lost", len(ms), lost)
		}
		for i := range ms {
			checkMessage(t, &ms[i], &e, received, sent)
			if e.To == agent.ToServers {
				checkServers(t, "copies", copies, servers, ms[i].Servers)
				checkServers(t, "refused", refused, servers, ms[i].Refused)
			}
		}
	})
}

// checkMessage compares what is told of a message with what was recorded.
func checkMessage(t *testing.T, m *recorder.Message, e *recorder.Event, received, sent []byte) {
	t.Helper()
	cut := func(b []byte) []byte { return b[:min(len(b), recorder.MaxOctets)] }
	if !bytes.Equal(m.Received, cut(received)) || !bytes.Equal(m.Sent, cut(sent)) {
		t.Errorf("told as % x and % x, want % x and % x", m.Received, m.Sent, received, sent)
	}
	want := recorder.Event{
		At: e.At, Done: e.Done, Family: m.Family, Direction: m.Direction, Type: m.Type, Outcome: m.Outcome, To: m.To, Omitted: m.Omitted,
		Heard: m.Heard, Link: m.Link, Src: m.Src, Dst: m.Dst, From: m.From, Servers: e.Servers, Copies: e.Copies, Refused: e.Refused,
		Client: e.Client, HW: e.HW, Errno: m.Errno,
	}
	if e.To != agent.ToServers {
		want.Client, want.HW = m.Client, m.HW
	}
	if diff := cmp.Diff(*e, want, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("(-recorded +told):\n%s", diff)
	}
	if took := m.Done.Sub(m.At); took < 0 || e.Done >= e.At && took > 1<<32 {
		t.Errorf("took %v, want at most what there is room for", took)
	}
}

func checkServers(t *testing.T, what string, mask uint64, servers, told []netip.AddrPort) {
	t.Helper()
	var want []netip.AddrPort
	for i, s := range servers {
		if mask>>i&1 == 1 {
			want = append(want, s)
		}
	}
	if !slices.Equal(want, told) {
		t.Errorf("%s: %v, want %v", what, told, want)
	}
}
