package trouble

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/scene"
	"dhcp-relay/cmd/lab/server6"
	"dhcp-relay/relay/observe/status"
)

// within is how soon a fault must be told, and how soon after its repair nothing may
// be told any more.
const within = 60 * time.Second

// reading is how much later something may be seen than it is there, on a machine that
// has much to do.
const reading = 5 * time.Second

// A fault befalls a relay that has been well for an hour.
type fault struct {
	name    string
	config  string // "": one server, 10.9.0.2
	asked   string // servers in the relay's past; "": 10.9.0.2:67
	six     bool
	quick   bool // it begins and ends at once, so that it is among the usual tests
	prepare func(*old)
	strike  func(*old)
	mend    func(*old)

	finding  []string // what one finding must say, in status and on the page
	severity status.Severity
	rootOnly bool     // the command status as root tells, and the page cannot
	trace    []string // what one transaction must say
	log      []string // what one line must say
	back     []string // what one line must say once it is mended; nil: the fault has no end that the log knows
	alerts   []string // that Prometheus knows of within a minute and fires within three; no others
	slow     []string // of which it knows within three minutes, and which may fire later
}

// An old is the bed of a fault.
type old struct {
	*bed
	clients *clients
	server  *host // 10.9.0.2 on s1
	server6 *server6.Server
	other   net.PacketConn
	scraper *scraper // nil: nobody reads the metrics
}

const (
	oneServer = "[[interface]]\nname = \"clients-*\"\nservers = [\"10.9.0.2\"]\n"
	allFaults = "RELAY_TEST_TROUBLE"
)

// TestToldWithinAMinute has faults befall relays with an hour of good history, each in
// a network of its own, all at once. It prints for each what was to be said, what was
// said and when, and what was left after the repair. RELAY_TEST_TROUBLE=all asks for
// those, too, of which the beginning or the end shows only after a minute.
func TestToldWithinAMinute(t *testing.T) {
	netns.Require(t)
	path := commands(t)
	all := slices.DeleteFunc(faults(), func(f fault) bool { return !f.quick && os.Getenv(allFaults) != "all" })
	if only := os.Getenv("RELAY_TEST_FAULT"); only != "" {
		all = slices.DeleteFunc(faults(), func(f fault) bool { return !regexp.MustCompile(only).MatchString(f.name) })
	}
	rows := make([]string, len(all))
	var wg sync.WaitGroup
	room := make(chan struct{}, 3) // labs that are built at a time
	for i, f := range all {
		wg.Go(func() {
			room <- struct{}{}
			free := sync.OnceFunc(func() { <-room })
			defer free()
			t.Run(f.name, func(t *testing.T) { rows[i] = f.befall(newOld(t, path, 200+i, &f), free) })
		})
	}
	wg.Wait()
	t.Log(strings.Join(rows, ""))
}

// commands builds dhcp-relay, for its commands.
func commands(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dhcp-relay")
	if out, err := exec.Command("go", "build", "-o", path, "dhcp-relay/cmd/dhcp-relay").CombinedOutput(); err != nil {
		t.Fatalf("build the commands: %v\n%s", err, out)
	}
	return path
}

// newOld builds a lab with a relay that has been well for an hour.
func newOld(t *testing.T, program string, number int, f *fault) *old {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := scene.Plan{Config: f.config}
	if p.Config == "" {
		p.Config = oneServer
	}
	servers := f.asked
	if servers == "" {
		servers = "10.9.0.2:67"
	}
	if f.six {
		p.Family = scene.IPv6
	}
	// The environment of the relay, which takes over that of the test.
	l, err := scene.Build(ctx, scene.Options{
		Prefix: fmt.Sprintf("x%d.%d-", os.Getpid()%100000, number), Relay: self,
		Server: scene.Embedded, Client: scene.Embedded, Env: []string{asked + "=" + servers},
	}, p)
	if err != nil {
		t.Fatal(err)
	}
	b := &old{bed: &bed{Lab: l, t: t, ctx: ctx, program: program}}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("clear the lab away: %v", err)
		}
		if strings.Contains(l.Relay().Log(), "DATA RACE") {
			t.Error("a race in the relay")
		}
		if t.Failed() {
			t.Logf("the relay's log:\n%s", l.Relay().Log())
		}
	})
	b.page, b.inside = forward(t, l.Node("relay")), true
	if !f.six {
		b.must(b.StopServers())
		b.server = b.serve("s1", "10.9.0.2")
	}
	if f.prepare != nil {
		f.prepare(b)
	}
	b.clients = b.ask(f.six)
	return b
}

// report reads what the page is made of.
func (b *old) report() *status.Report {
	b.t.Helper()
	resp, err := http.Get(b.page + "api/v1/status")
	b.must(err)
	defer func() { _ = resp.Body.Close() }()
	r := new(status.Report)
	b.must(json.NewDecoder(resp.Body).Decode(r))
	return r
}

// well waits until the relay answers clients and says that nothing is wrong.
func (b *old) well() {
	b.t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(500 * time.Millisecond) {
		r := b.report()
		ok := len(r.Servers) > 0 && wrong(r) == "" && r.Uptime >= past.Seconds()
		for i := range r.Servers {
			ok = ok && r.Servers[i].State == status.StateAnswering && r.Servers[i].LastReply != nil
		}
		if ok {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("before the fault all should be well:\n%s%+v", wrong(r), r.Servers)
		}
	}
}

// wrong lists the findings that ask somebody to act.
func wrong(r *status.Report) string {
	var out strings.Builder
	for _, f := range r.Findings {
		if f.Severity != status.Info {
			fmt.Fprintf(&out, "%s %s: %s -> %s\n", f.Severity, f.Subject, f.Text, f.Do)
		}
	}
	return out.String()
}

// befall has the fault befall the relay, and mends it. It returns the table's row.
func (f *fault) befall(b *old, built func()) string {
	b.t.Helper()
	b.well()
	built()
	if f.alerted() {
		b.scraper = b.scrape()
		b.sampled(3)
		b.scraper.struck = b.scraper.mark()
	}
	var row strings.Builder
	fmt.Fprintf(&row, "\n%s\n", f.name)
	begun := time.Now()
	f.strike(b)
	struck := time.Since(begun) // it may take its time
	for _, v := range []struct {
		name  string
		words []string
		skip  bool
		look  func() []string
	}{
		{"page", append([]string{string(f.severity)}, f.finding...), f.rootOnly || len(f.finding) == 0, b.findings},
		{"status", f.finding, len(f.finding) == 0, func() []string { return strings.Split(b.command("status"), "\n\n") }},
		{"trace", f.trace, len(f.trace) == 0, func() []string { return strings.Split(b.command("trace", "--last", "300"), "\n\n") }},
		{"log", f.log, len(f.log) == 0, b.lines},
	} {
		if v.skip {
			continue
		}
		what, after, ok := seek(v.look, v.words, begun.Add(struck+within))
		fmt.Fprintf(&row, "  %-7s after %2.0f s: %s\n", v.name, after.Sub(begun).Seconds(), flat(what))
		if !ok {
			b.t.Errorf("%s: %s says within a minute not %q but\n%s", f.name, v.name, v.words, strings.Join(v.look(), "\n"))
		}
	}
	// So long that it is an outage, the first losses of which are known.
	time.Sleep(time.Until(begun.Add(struck + 15*time.Second)))
	marked := len(b.Relay().Log())
	if b.scraper != nil {
		b.scraper.mended = b.scraper.mark()
	}
	f.mend(b)
	mended := time.Now()
	for end := mended.Add(within + reading); ; time.Sleep(time.Second) {
		left := wrong(b.report())
		if left == "" {
			fmt.Fprintf(&row, "  mended  after %2.0f s: nothing\n", time.Since(mended).Seconds())
			break
		}
		if time.Now().After(end) {
			b.t.Errorf("%s: a minute after the repair there is left:\n%s", f.name, left)
			fmt.Fprintf(&row, "  mended  LEFT: %s\n", flat(left))
			break
		}
	}
	out := b.command("status", "--fail-on", "warn")
	if strings.Contains(out, "ERROR") || strings.Contains(out, "WARN ") {
		b.t.Errorf("%s: a minute after the repair status says\n%s", f.name, out)
	}
	if len(f.back) > 0 {
		what, _, ok := seek(func() []string { return strings.Split(b.Relay().Log()[marked:], "\n") }, f.back, mended.Add(within+reading))
		fmt.Fprintf(&row, "  log     then: %s\n", flat(what))
		if !ok {
			b.t.Errorf("%s: the log says after the repair not %q but\n%s", f.name, f.back, b.Relay().Log()[marked:])
		}
	}
	if b.scraper != nil {
		b.sampled(3)
		row.WriteString(f.alarms(b))
	}
	return row.String()
}

// findings are those of the page.
func (b *old) findings() (all []string) {
	for _, f := range b.report().Findings {
		all = append(all, fmt.Sprintf("%s %s: %s -> %s", f.Severity, f.Subject, f.Text, f.Do))
	}
	return all
}

// lines are those of the log.
func (b *old) lines() []string { return strings.Split(b.Relay().Log(), "\n") }

// seek looks until one part has all words, and returns it, and when that was.
func seek(look func() []string, words []string, end time.Time) (part string, at time.Time, ok bool) {
	for pause := 500 * time.Millisecond; ; time.Sleep(pause) {
		for _, p := range look() {
			if len(lacking(p, words)) == 0 {
				return p, time.Now(), true
			}
		}
		if at = time.Now(); at.After(end.Add(reading)) {
			return "NOT SAID", at, false
		}
		pause = min(2*time.Second, pause*3/2)
	}
}

// configure replaces the configuration and has the relay read it.
func (b *old) configure(config string) {
	b.t.Helper()
	file := filepath.Join(filepath.Dir(b.Relay().Socket()), "relay.toml")
	head := fmt.Sprintf("control.socket = %q\nmetrics.clients = true\n", b.Relay().Socket())
	b.must(os.WriteFile(file, []byte(head+config), 0o600))
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	// What is refused is refused, and the relay tells.
	_ = exec.CommandContext(ctx, b.program, "reload", "--socket", b.Relay().Socket()).Run()
}
