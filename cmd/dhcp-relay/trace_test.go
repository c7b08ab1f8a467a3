package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	web "dhcp-relay/relay/http"
	"dhcp-relay/relay/observe/capture"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/wire/dhcp"
)

// A tape is a relay that recorded what the tests say.
type tape struct {
	log *recorder.Log
	w   *recorder.Writer
}

func newTape() *tape {
	l := recorder.NewLog(200)
	return &tape{l, l.Writer()}
}

func (p *tape) Recorder() *recorder.Log { return p.log }

func (p *tape) Paths() map[netip.AddrPort]capture.Path { return nil }

func (p *tape) LinkName(index int) string { return map[int]string{2: "vlan10", 9: "eth0"}[index] }

// serve serves the tape as the daemon does, and returns its socket.
func (p *tape) serve(t *testing.T) string {
	t.Helper()
	v := web.NewRecording(p, "dhcp-relay test", false)
	mux := web.NewMux(web.Relay{
		Metrics: http.NotFoundHandler(), Unready: func() []string { return nil },
		Report:       func() status.Report { return status.Report{} },
		Transactions: v.Last, Trace: v.Trace(), Control: &web.Control{Record: v.Record()},
	}, web.NewGate("control", false, slog.New(slog.DiscardHandler)))
	return serveSocket(t, mux)
}

// octets is a DHCPv4 message of 02:00:00:00:00:01.
func octets(op, kind, xid byte) []byte {
	p := make([]byte, 236)
	p[0], p[1], p[2], p[7] = op, 1, 6, xid // op, htype, hlen, xid
	if op == 2 {
		copy(p[16:], []byte{10, 1, 0, 100}) // yiaddr
	}
	copy(p[28:], []byte{2, 0, 0, 0, 0, 1})              // chaddr
	return append(p, 99, 130, 83, 99, 53, 1, kind, 255) // cookie, type, END
}

// record records an event of which the octets are given.
func (p *tape) record(t *testing.T, payload []byte, e recorder.Event) {
	t.Helper()
	for !p.w.Begin(1) { // a reader copies at this moment
		if t.Context().Err() != nil {
			t.Fatal("the recorder stays locked")
		}
	}
	defer p.w.End()
	p.w.Received(payload)
	e.At = time.Now().UnixNano()
	e.Done, e.Type = e.At, payload[242]
	sent := payload
	if e.Outcome != agent.Relayed {
		sent = nil
	}
	p.w.Sent(&e, sent, 0)
}

func (p *tape) ask(t *testing.T, xid byte, outcome agent.Reason) {
	t.Helper()
	e := recorder.Event{
		Outcome: outcome, Heard: 2, Link: 2,
		Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddrPort("255.255.255.255:67"),
	}
	if outcome == agent.Relayed {
		e.Servers, e.Copies = p.log.Servers([]recorder.Server{{Addr: netip.MustParseAddrPort("10.9.0.2:67")}}), 1
	}
	p.record(t, octets(1, 1, xid), e)
}

func (p *tape) answer(t *testing.T, xid byte, outcome agent.Reason) {
	t.Helper()
	p.record(t, octets(2, 2, xid), recorder.Event{
		Outcome: outcome, Direction: dhcp.Replies, Heard: 9, Link: 2, To: agent.ToFrame, HW: [6]byte{2, 0, 0, 0, 0, 1},
		Src: netip.MustParseAddrPort("10.9.0.2:67"), Dst: netip.MustParseAddrPort("10.1.0.1:67"),
		From: netip.MustParseAddr("10.1.0.1"), Client: netip.MustParseAddrPort("10.1.0.100:68"),
	})
}

// invoke runs a command of dhcp-relay.
func invoke(ctx context.Context, stdout io.Writer, args ...string) (stderr string, err error) {
	c := newCommand()
	var errs bytes.Buffer
	c.SetArgs(args)
	c.SetOut(stdout)
	c.SetErr(&errs)
	err = c.ExecuteContext(ctx)
	return errs.String(), err
}

// Whatever the reason for which a message was dropped, trace names it, where it
// was, and what to do.
func TestTraceNamesEveryReason(t *testing.T) {
	t.Parallel()
	p := newTape()
	socket := p.serve(t)
	for r := agent.Relayed + 1; int(r) < agent.NumReasons; r++ {
		if r >= agent.ReplyFromClient {
			p.answer(t, byte(r), r)
		} else {
			p.ask(t, byte(r), r)
		}
	}
	for r := agent.Relayed + 1; int(r) < agent.NumReasons; r++ {
		var out strings.Builder
		if _, err := invoke(t.Context(), &out, "trace", "--socket", socket, "--last", "5", "--outcome", r.String()); err != nil {
			t.Fatal(err)
		}
		seen := strings.Join(strings.Fields(out.String()), " ") // as if no line had been wrapped
		where := "on vlan10"
		if r >= agent.ReplyFromClient {
			where = "on eth0"
		}
		for _, want := range []string{"dropped: " + r.String(), where, r.Doc().What, r.Doc().Remedy} {
			if !strings.Contains(seen, want) {
				t.Errorf("%s: no %q in:\n%s", r, want, out.String())
			}
		}
	}
}

func TestTraceLast(t *testing.T) {
	t.Parallel()
	p := newTape()
	p.ask(t, 1, agent.Relayed)
	p.answer(t, 1, agent.Relayed)
	p.ask(t, 2, agent.HopLimit)
	socket := p.serve(t)
	var out strings.Builder
	if _, err := invoke(t.Context(), &out, "trace", "--socket", socket, "--last", "9", "--json", "--address", "10.1.0.100"); err != nil {
		t.Fatal(err)
	}
	var ts []api.Transaction
	if err := json.Unmarshal([]byte(out.String()), &ts); err != nil {
		t.Fatal(err)
	}
	if len(ts) != 1 || ts[0].XID != "0x00000001" || ts[0].Outcome != "answered" || len(ts[0].Steps) != 2 {
		t.Errorf("got %+v, want the transaction that was answered", ts)
	}
	out.Reset()
	stderr, err := invoke(t.Context(), &out, "trace", "--socket", socket, "--last", "9", "--family", "ipv6")
	if want := "no such transaction is recorded\n"; err != nil || out.Len() != 0 || stderr != want {
		t.Errorf("nothing to show: %q, %q on standard error, %v; want %q there", out.String(), stderr, err, want)
	}
}

// A sink takes output, and ends what writes it when it has seen enough.
type sink struct {
	mu   sync.Mutex
	b    strings.Builder
	want string
	done context.CancelFunc
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Write(p)
	if strings.Contains(s.b.String(), s.want) {
		s.done()
	}
	return len(p), nil
}

func TestTraceFollows(t *testing.T) {
	t.Parallel()
	p := newTape()
	socket := p.serve(t)
	p.ask(t, 1, agent.HopLimit) // before
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out := &sink{want: "10.9.0.2 has not answered a discover", done: cancel}
	ended := make(chan error, 1)
	go func() {
		_, err := invoke(ctx, out, "trace", "--socket", socket, "--last", "1", "--follow")
		ended <- err
	}()
	// The trace may begin after any of these: what it shows last is that nobody
	// has answered the one that it saw.
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for xid := byte(2); ; xid++ {
		select {
		case <-tick.C:
			p.ask(t, xid, agent.Relayed)
			continue
		case err := <-ended:
			if err != nil {
				t.Errorf("an interrupted trace ends with %v", err)
			}
		}
		break
	}
	for _, want := range []string{"= dropped: hop_limit", "DISCOVER", out.want} {
		if !strings.Contains(out.b.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.b.String())
		}
	}
}

func TestTraceRefusals(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "none")
	off := (&tape{}).serve(t)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"a filter that is wrong":    {[]string{"trace", "--socket", off, "--mac", "zz"}, `mac "zz": want an address such as 02:00:00:00:00:01`},
		"no number":                 {[]string{"trace", "--socket", off, "--last", "0"}, "--last: want a number from 1"},
		"no recorder":               {[]string{"trace", "--socket", off}, "set recorder.messages"},
		"no daemon":                 {[]string{"trace", "--socket", missing}, "there is no socket " + missing},
		"record without a recorder": {[]string{"record", "--socket", off, "--out", missing}, "set recorder.messages"},
		"record without a file":     {[]string{"record", "--socket", off}, "--out is missing"},
		"record, JSON and capture":  {[]string{"record", "--socket", off, "--out", "-", "--json"}, "--json needs a file"},
	} {
		_, err := invoke(t.Context(), io.Discard, c.args...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("a capture that was refused left a file")
	}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	p := newTape()
	p.ask(t, 1, agent.Relayed)
	p.answer(t, 1, agent.Relayed)
	p.ask(t, 2, agent.HopLimit)
	socket := p.serve(t)
	file := filepath.Join(t.TempDir(), "c.pcapng")
	run := func(args ...string) (string, error) {
		var out strings.Builder
		_, err := invoke(t.Context(), &out, append([]string{"record", "--socket", socket}, args...)...)
		return out.String(), err
	}
	if out, err := run("--out", file); err != nil || out != file+": 5 packets\n" {
		t.Errorf("record: %q, %v", out, err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run("--out", file); err == nil || !strings.Contains(err.Error(), "exists already; --force replaces it") {
		t.Errorf("a file that is there: %v", err)
	}
	mac := []byte{2, 0, 0, 0, 0, 1}
	if !bytes.Contains(whole, mac) || !bytes.Contains(whole, []byte("dropped: hop_limit: "+agent.HopLimit.Doc().What)) {
		t.Error("the capture holds neither the MAC nor the reason")
	}
	out, err := run("--out", file, "--force", "--redact", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var got api.Recording
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	redacted, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(api.Recording{File: file, Packets: 5, Octets: int64(len(redacted))}, got); d != "" || bytes.Contains(redacted, mac) {
		t.Errorf("redacted, MAC %v (-want +got):\n%s", bytes.Contains(redacted, mac), d)
	}
	if out, err := run("--out", "-"); err != nil || out != string(whole) {
		t.Errorf("standard output got %d octets (%v), want the %d of the file", len(out), err, len(whole))
	}
}

// A capture that breaks off is not taken for a whole one.
func TestRecordWantsAWholeCapture(t *testing.T) {
	t.Parallel()
	p := newTape()
	p.ask(t, 1, agent.Relayed)
	var whole bytes.Buffer
	if _, err := invoke(t.Context(), &whole, "record", "--socket", p.serve(t), "--out", "-"); err != nil {
		t.Fatal(err)
	}
	b := whole.Bytes()
	for _, c := range []struct {
		name    string
		capture io.Reader
	}{
		{"nothing", strings.NewReader("")},
		{"no capture", bytes.NewReader(make([]byte, 64))},
		{"within a packet", bytes.NewReader(b[:len(b)-9])},
		{"an answer that breaks off", io.MultiReader(bytes.NewReader(b), iotest.ErrReader(io.ErrUnexpectedEOF))},
	} {
		if _, _, err := capture.Copy(io.Discard, c.capture); err == nil {
			t.Errorf("%s: it passes for a whole capture", c.name)
		}
	}
	var out bytes.Buffer
	if _, _, err := capture.Copy(&out, bytes.NewReader(b)); err != nil || !bytes.Equal(out.Bytes(), b) {
		t.Errorf("a whole one: %v, %d of %d octets", err, out.Len(), len(b))
	}
}
