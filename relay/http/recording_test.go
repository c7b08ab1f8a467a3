package http_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/pcapgo"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	web "dhcp-relay/relay/http"
	"dhcp-relay/relay/observe/capture"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/observe/transaction"
)

// A source is a relay that records what the tests say.
type source struct {
	log *recorder.Log
	w   *recorder.Writer
}

func newSource(messages int) *source {
	l := recorder.NewLog(messages)
	return &source{l, l.Writer()}
}

func (s *source) Recorder() *recorder.Log { return s.log }

func (s *source) Paths() map[netip.AddrPort]capture.Path { return nil }

func (s *source) LinkName(index int) string { return map[int]string{2: "vlan10", 9: "eth0"}[index] }

// discover is a DHCPDISCOVER of 02:00:00:00:00:01.
func discover(xid byte) []byte {
	p := make([]byte, 236)
	p[0], p[1], p[2], p[7] = 1, 1, 6, xid // op, htype, hlen, xid
	copy(p[28:], []byte{2, 0, 0, 0, 0, 1})
	return append(p, 99, 130, 83, 99, 53, 1, 1, 255)
}

// record records a request for which there was an outcome just now.
func (s *source) record(t *testing.T, xid byte, outcome agent.Reason) {
	t.Helper()
	p := discover(xid)
	for !s.w.Begin(1) { // a reader copies at this moment
		if t.Context().Err() != nil {
			t.Fatal("the recorder stays locked")
		}
	}
	defer s.w.End()
	s.w.Received(p)
	now := time.Now().UnixNano()
	e := recorder.Event{
		At: now, Done: now, Type: 1, Outcome: outcome, Heard: 2, Link: 2,
		Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddrPort("255.255.255.255:67"),
	}
	if outcome != agent.Relayed {
		s.w.Sent(&e, nil, 0)
		return
	}
	e.Servers, e.Copies = s.log.Servers([]recorder.Server{{Addr: netip.MustParseAddrPort("10.9.0.2:67")}}), 1
	s.w.Sent(&e, p, 0)
}

// serve serves a view on a Unix socket, with a limit for what takes long unless that is
// 0, and returns a client of it.
func serve(t *testing.T, v *web.Recording, limit time.Duration) *http.Client {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /api/v1/trace", v.Trace())
	mux.Handle("GET /record", v.Record())
	path := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: mux, ReadTimeout: limit, WriteTimeout: limit}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(ln)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}}
}

// get asks, and returns status and body of the answer for as long as the test
// runs.
func get(t *testing.T, c *http.Client, path string) (int, io.Reader) {
	t.Helper()
	r, err := c.Get("http://relay" + path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Body.Close() })
	return r.StatusCode, r.Body
}

// follow returns the lines of a trace, by a server with a limit for other answers.
func follow(t *testing.T, s *source, query string, limit time.Duration) *bufio.Scanner {
	t.Helper()
	_, body := get(t, serve(t, web.NewRecording(s, "test", false), limit), "/api/v1/trace"+query)
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	return lines
}

func TestTraceTellsWhatHappens(t *testing.T) {
	t.Parallel()
	s := newSource(100)
	s.record(t, 1, agent.HopLimit) // before the trace
	lines := follow(t, s, "?interface=vlan*", time.Second)
	var got []string
	next := func() {
		t.Helper()
		var e api.Event
		if !lines.Scan() {
			t.Fatalf("the stream ended after %v: %v", got, lines.Err())
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		var steps []string
		for _, s := range e.Steps {
			steps = append(steps, s.Type+" "+s.Outcome)
		}
		got = append(got, strings.Join([]string{e.XID, e.Interface, e.Outcome, strings.Join(steps, ",")}, "|"))
	}
	s.record(t, 2, agent.UntrustedOption82)
	next()
	s.record(t, 3, agent.Relayed)
	next()
	next() // only because time goes by, more of it than the server's limits for other answers
	want := []string{
		"0x00000002|vlan10|dropped: untrusted_option82|discover untrusted_option82",
		"0x00000003|vlan10|waiting|discover relayed",
		"0x00000003|vlan10|no answer from 10.9.0.2|",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
}

func TestTraceFilters(t *testing.T) {
	t.Parallel()
	s := newSource(100)
	lines := follow(t, s, "?outcome=no_giaddr", 0)
	s.record(t, 1, agent.HopLimit)
	s.record(t, 2, agent.NoGiaddr)
	if !lines.Scan() || !strings.Contains(lines.Text(), `"xid":"0x00000002"`) {
		t.Errorf("got %q, want what was dropped for no_giaddr", lines.Text())
	}
}

func TestTraceTellsWhatItMissed(t *testing.T) {
	t.Parallel()
	const many = 200
	s := newSource(64)
	lines := follow(t, s, "", 0)
	for n := range byte(many) { // in much less time than there is between two looks
		s.record(t, n, agent.HopLimit)
	}
	var shown, lost uint64
	for shown+lost < many && lines.Scan() {
		var e api.Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		shown, lost = shown+uint64(len(e.Steps)), lost+e.Lost
	}
	if shown+lost != many || lost == 0 {
		t.Errorf("%d shown and %d lost, want %d in all: %v", shown, lost, many, lines.Err())
	}
}

func TestRecordingRefuses(t *testing.T) {
	t.Parallel()
	off := serve(t, web.NewRecording(&source{}, "test", false), 0)
	on := serve(t, web.NewRecording(newSource(4), "test", false), 0)
	for _, c := range []struct {
		name   string
		client *http.Client
		path   string
		code   int
		want   string
	}{
		{"a filter that is wrong", on, "/api/v1/trace?family=5", http.StatusBadRequest, `family "5": want ipv4 or ipv6`},
		{"redact that is wrong", on, "/record?redact=perhaps", http.StatusBadRequest, "redact: want 0 or 1"},
		{"a trace of nothing", off, "/api/v1/trace", http.StatusServiceUnavailable, web.ErrRecorderOff.Error()},
		{"a capture of nothing", off, "/record", http.StatusServiceUnavailable, web.ErrRecorderOff.Error()},
	} {
		code, r := get(t, c.client, c.path)
		body, err := io.ReadAll(r)
		if got := strings.TrimSpace(string(body)); err != nil || code != c.code || got != c.want {
			t.Errorf("%s: %d %q (%v), want %d %q", c.name, code, got, err, c.code, c.want)
		}
	}
	if got := web.NewRecording(&source{}, "test", false).Last(transaction.Filter{}, 10); len(got) != 0 {
		t.Errorf("%d transactions of no recorder", len(got))
	}
}

func TestLastReadsWhatIsNew(t *testing.T) {
	t.Parallel()
	s := newSource(4)
	v := web.NewRecording(s, "test", false)
	for n := range byte(6) { // more than the recorder keeps
		s.record(t, n, agent.HopLimit)
		if got := v.Last(transaction.Filter{}, 10); len(got) != int(n)+1 || got[n].Cause == "" {
			t.Fatalf("after %d messages: %+v", n+1, got)
		}
	}
	open := v.Last(transaction.Filter{}, 1)[0].Client.MAC
	v.SetRedact(true)
	hidden := v.Last(transaction.Filter{}, 1)[0].Client.MAC
	if open != "02:00:00:00:00:01" || !strings.HasPrefix(hidden, "mac-") {
		t.Errorf("MAC %q, redacted %q", open, hidden)
	}
}

// packets returns how many packets a capture has, and whether it names the MAC.
func packets(t *testing.T, capture []byte) (n int, named bool) {
	t.Helper()
	r, err := pcapgo.NewNgReader(bytes.NewReader(capture), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	for {
		data, _, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return n, named
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
		named = named || bytes.Contains(data, []byte{2, 0, 0, 0, 0, 1})
	}
}

func TestRecord(t *testing.T) {
	t.Parallel()
	s := newSource(4)
	s.record(t, 1, agent.Relayed)
	s.record(t, 2, agent.HopLimit)
	v := web.NewRecording(s, "test", false)
	c := serve(t, v, 0)
	ask := func(path string) (int, bool) {
		_, r := get(t, c, path)
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return packets(t, b)
	}
	if n, named := ask("/record"); n != 3 || !named {
		t.Errorf("%d packets, MAC %v; want 3 with it", n, named)
	}
	if n, named := ask("/record?redact=1"); n != 3 || named {
		t.Errorf("redacted on request: %d packets, MAC %v; want 3 without it", n, named)
	}
	v.SetRedact(true)
	if n, named := ask("/record?redact=0"); n != 3 || named {
		t.Errorf("redacted by setting: %d packets, MAC %v; want 3 without it", n, named)
	}
}

func TestWriteFile(t *testing.T) {
	t.Parallel()
	s := newSource(4)
	s.record(t, 1, agent.HopLimit)
	dir := t.TempDir()
	path, err := web.NewRecording(s, "test", false).WriteFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := packets(t, b); n != 1 || filepath.Dir(path) != dir {
		t.Errorf("%d packets in %s, want 1 in %s", n, path, dir)
	}
	for range 30 {
		if path, err = web.NewRecording(s, "test", false).WriteFile(dir); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.pcapng"))
	if err != nil || len(files) != 20 || files[19] != path {
		t.Errorf("%d files are kept, want the last 20 (%v)", len(files), err)
	}
	if _, err := web.NewRecording(&source{}, "test", false).WriteFile(dir); !errors.Is(err, web.ErrRecorderOff) {
		t.Errorf("without a recorder: %v, want %v", err, web.ErrRecorderOff)
	}
	if es, _ := os.ReadDir(dir); len(es) != 20 {
		t.Errorf("%d files, want only the captures", len(es))
	}
}

func TestCreateFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	put := func(s string) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := io.WriteString(w, s)
			return err
		}
	}
	broken := errors.New("broken")
	if err := os.Symlink("/dev/null", link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		path  string
		force bool
		write func(io.Writer) error
		ok    bool
		is    error // if not nil
		want  string
	}{
		{"a new file", file, false, put("one"), true, nil, "one"},
		{"a file that is there", file, false, put("two"), false, fs.ErrExist, "one"},
		{"a file that is there, by force", file, true, put("three"), true, nil, "three"},
		{"a write that fails", file, true, func(io.Writer) error { return broken }, false, broken, "three"},
		{"no file, by force", link, true, put("four"), false, nil, ""},
		{"no directory", filepath.Join(dir, "none", "file"), false, put("five"), false, fs.ErrNotExist, ""},
	} {
		err := web.CreateFile(c.path, c.force, c.write)
		if (err == nil) != c.ok || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: error %v", c.name, err)
		}
		got, _ := os.ReadFile(c.path)
		if string(got) != c.want {
			t.Errorf("%s: the file holds %q, want %q", c.name, got, c.want)
		}
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v (%v), want 0600", info.Mode(), err)
	}
	if es, _ := os.ReadDir(dir); len(es) != 2 {
		t.Errorf("%d entries, want the file and the link: %v", len(es), es)
	}
}
