package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/daemon"
	"dhcp-relay/relay/host/frame"
	web "dhcp-relay/relay/http"
	"dhcp-relay/relay/observe/status"
)

// oneInterface is what a configuration of these tests has beside its listeners.
const oneInterface = "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n"

// ask gets a path from the daemon by HTTP on an address in a namespace; "" if that
// does not answer.
func ask(s *netns.Space, address, path string) string {
	dial := func(ctx context.Context, _, _ string) (c net.Conn, err error) {
		err = s.In(func() (err error) { c, err = new(net.Dialer).DialContext(ctx, "tcp", address); return err })
		return c, err
	}
	h := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}, Timeout: patient}
	resp, err := h.Get("http://" + address + path)
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(resp.Body) // what is missing shows
	return fmt.Sprintf("%d %s", resp.StatusCode, b)
}

// eventually waits until f holds.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patient); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// An address that comes later keeps the metrics away, and nothing else.
func TestMetricsAddressComesLater(t *testing.T) {
	t.Parallel()
	s := netns.NewSpace(t)
	d := startAt(t, s, t.TempDir(), "log.format = \"json\"\nmetrics.listen = \"192.0.2.77:9867\"\n"+oneInterface)
	d.notices("READY=1")
	r := state(t, d)
	if l := r.Listeners; len(l) != 2 || l[0].Name != "metrics" || l[0].Open || !strings.Contains(l[0].Error, "cannot assign requested address") || !l[1].Open {
		t.Errorf("listeners %+v", r.Listeners)
	}
	if f := findings(r, "listener"); len(f) != 1 || f[0].Severity != status.Warn || !strings.Contains(f[0].Do, "if this host is to get the address") {
		t.Errorf("findings %+v", r.Findings)
	}
	body, err := web.NewClient(d.socket).Open(t.Context(), http.MethodGet, "/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	said, _ := io.ReadAll(body)
	_ = body.Close()
	if got := string(said); !strings.HasPrefix(got, "ready\n[metrics] is not served on 192.0.2.77:9867: ") {
		t.Errorf("readyz says %q", got)
	}
	lo, err := s.NL.LinkByName("lo")
	s.Must(err)
	a, err := netlink.ParseAddr("192.0.2.77/32")
	s.Must(err)
	s.Must(s.NL.AddrAdd(lo, a))
	eventually(t, "the metrics are served", func() bool { return ask(s, "192.0.2.77:9867", "/readyz") == "200 ready\n" })
	if said := ask(s, "192.0.2.77:9867", "/metrics"); !strings.Contains(said, `dhcp_relay_listener_up{listener="metrics"} 1`) {
		t.Errorf("the metrics do not say that they are served:\n%s", said)
	}
	if f := findings(state(t, d), "listener"); len(f) > 0 {
		t.Errorf("then findings %+v", f)
	}
	d.signal(syscall.SIGTERM)
	d.told("listener does not work, relaying goes on without it", "listener works")
}

// findings returns those of a kind.
func findings(r status.Report, kind string) (all []status.Finding) {
	for _, f := range r.Findings {
		if f.Kind == kind {
			all = append(all, f)
		}
	}
	return all
}

// told fails unless the log, read to its end, has each message once.
func (d *running) told(want ...string) {
	d.t.Helper()
	all := strings.Join(d.ends(), "\n") + "\n"
	for _, w := range want {
		if n := strings.Count(all, " "+w+"\n"); n != 1 {
			d.t.Errorf("%q stands in the log %d times:\n%s", w, n, all)
		}
	}
}

// A port that another process holds is taken when that lets go of it.
func TestMetricsPortIsHeldAndReleased(t *testing.T) {
	t.Parallel()
	s := netns.NewSpace(t)
	const at = "127.0.0.1:9867"
	var held net.Listener
	s.Do(func() (err error) { held, err = net.Listen("tcp", at); return err })
	d := startAt(t, s, t.TempDir(), "log.format = \"json\"\n"+oneInterface)
	d.notices("READY=1")
	l := state(t, d).Listeners
	// The test holds it: its process has another name than the daemon's.
	if want := fmt.Sprintf("(pid %d) on %s", os.Getpid(), at); len(l) != 2 || l[0].Open || !strings.Contains(l[0].Error, want) {
		t.Errorf("listeners %+v, want one held by %s", l, want)
	}
	s.Must(held.Close())
	eventually(t, "the metrics are served", func() bool { return strings.HasPrefix(ask(s, at, "/readyz"), "200 ready\n") })
	d.signal(syscall.SIGTERM)
	d.told("listener does not work, relaying goes on without it", "listener works")
}

// A control socket that cannot be made, or is removed, is made as soon as it can be.
func TestControlSocketComesLater(t *testing.T) {
	t.Parallel()
	s := netns.NewSpace(t)
	dir := t.TempDir()
	away := filepath.Join(dir, "run", "relay", "control.sock")
	d := startAt(t, s, dir, "log.format = \"json\"\n"+oneInterface)
	d.notices("READY=1")
	d.signal(syscall.SIGTERM)
	d.ends()

	if err := os.WriteFile(d.config, fmt.Appendf(nil, "log.format = \"json\"\ncontrol.socket = %q\n%s", away, oneInterface), 0o600); err != nil {
		t.Fatal(err)
	}
	d.again(s)
	const at = "127.0.0.1:9867"
	eventually(t, "readyz tells of the socket", func() bool {
		said := ask(s, at, "/readyz")
		return strings.HasPrefix(said, "200 ready\n[control] is not served on "+away+": ")
	})
	if err := os.Mkdir(filepath.Join(dir, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	works := func() bool { return web.NewClient(away).Get(t.Context(), api.Status, new(status.Report)) == nil }
	eventually(t, "the socket works", works)
	eventually(t, "readyz tells nothing more", func() bool { return ask(s, at, "/readyz") == "200 ready\n" })
	if err := os.Remove(away); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the socket is made again", works)
	d.signal(syscall.SIGTERM)
	d.ends()
}

// A control socket of a group is made again by a daemon that has confined itself: it
// gives the socket to the group without a capability.
func TestControlSocketOfAGroupIsMadeAgain(t *testing.T) {
	t.Parallel()
	d := startAt(t, netns.NewSpace(t), t.TempDir(), "control.group = \"daemon\"\nlog.format = \"json\"\n"+oneInterface)
	d.notices("READY=1")
	for range 2 {
		eventually(t, "the socket is the group's", func() bool {
			var st syscall.Stat_t
			return syscall.Stat(d.socket, &st) == nil && st.Gid == 1 && st.Mode&0o777 == 0o660
		})
		if err := os.Remove(d.socket); err != nil {
			t.Fatal(err)
		}
	}
	d.signal(syscall.SIGTERM)
	d.ends()
}

// A web configuration that cannot be read now is one that may be read later; one
// that is wrong is an error, as the rest of the configuration.
func TestWebConfigurationComesLater(t *testing.T) {
	t.Parallel()
	s := netns.NewSpace(t)
	dir := t.TempDir()
	web := filepath.Join(dir, "web.yml")
	d := startAt(t, s, dir, fmt.Sprintf("log.format = \"json\"\nmetrics.web_config = %q\n%s", web, oneInterface))
	d.notices("READY=1")
	if l := state(t, d).Listeners; len(l) != 2 || l[0].Open || !strings.Contains(l[0].Error, "no such file") || !strings.Contains(l[0].Do, "web_config") {
		t.Errorf("listeners %+v", l)
	}
	if err := os.WriteFile(web, []byte("http_server_config:\n  http2: false\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the metrics are served", func() bool { return ask(s, "127.0.0.1:9867", "/readyz") == "200 ready\n" })
	d.signal(syscall.SIGTERM)
	d.ends()
	if err := os.WriteFile(web, []byte("tls_server_confg: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := daemon.Load(d.config); err == nil || !strings.Contains(err.Error(), "metrics.web_config") {
		t.Errorf("a wrong one: %v", err)
	}
}

// The check names who holds the port, and says nothing of the daemon itself.
func TestCheckWarnsOfAHeldPort(t *testing.T) {
	t.Parallel()
	s := netns.NewSpace(t)
	file := filepath.Join(t.TempDir(), "relay.toml")
	if err := os.WriteFile(file, []byte("metrics.listen = \":9867\"\n"+oneInterface), 0o600); err != nil {
		t.Fatal(err)
	}
	check := func() string {
		cfg, err := daemon.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		s.Do(func() error {
			for _, w := range cfg.Listeners() {
				said = append(said, w.Error())
			}
			return nil
		})
		return strings.Join(said, "\n")
	}
	if said := check(); said != "" {
		t.Errorf("of a free port: %s", said)
	}
	var held net.Listener
	s.Do(func() (err error) { held, err = net.Listen("tcp", "127.0.0.1:9867"); return err })
	if said, want := check(), fmt.Sprintf("%s:1:18: metrics.listen: port 9867 is held by dhcp-relay.test (pid %d) on 127.0.0.1:9867, so", file, os.Getpid()); !strings.HasPrefix(said, want) {
		t.Errorf("of a held port: %q, want %q", said, want)
	}
	s.Must(held.Close())
	d := startAt(t, s, t.TempDir(), oneInterface)
	d.notices("READY=1")
	if said := check(); said != "" {
		t.Errorf("of the daemon's own: %s", said)
	}
}

// Strangers who come to the metrics and stay keep out neither Prometheus nor the
// operator; the log and the status tell of them, and the page shows itself to no
// stranger's name.
func TestStrangersLockNobodyOut(t *testing.T) {
	t.Parallel()
	s := netns.NewSpace(t)
	const at = "127.0.0.1:9867"
	d := startAt(t, s, t.TempDir(), "log.format = \"json\"\n"+oneInterface)
	d.notices("READY=1")
	come := func(says string) (c net.Conn) {
		t.Helper()
		s.Do(func() (err error) { c, err = net.Dial("tcp", at); return err })
		t.Cleanup(func() { _ = c.Close() })
		_, _ = io.WriteString(c, says) // it may hang up
		return c
	}
	const rest = " HTTP/1.1\r\nHost: a\r\n"
	for range 16 {
		_, err := come("GET /api/v1/trace?interface=none" + rest + "\r\n").Read(make([]byte, 1))
		s.Must(err) // it is answered
	}
	for range 100 {
		come("GET /healthz" + rest + "\r\n")
		come("GET /healthz" + rest)
		come("")
	}
	for range 10 {
		if said := ask(s, at, "/metrics"); !strings.HasPrefix(said, "200 ") {
			t.Fatalf("a scrape is told %.100q", said)
		}
	}
	for range 16 {
		body, err := web.NewClient(d.socket).Open(t.Context(), http.MethodGet, "/api/v1/trace", nil)
		if err != nil {
			t.Fatalf("the operator's trace: %v", err)
		}
		t.Cleanup(func() { _ = body.Close() })
	}
	if _, err := web.NewClient(d.socket).Open(t.Context(), http.MethodGet, "/api/v1/trace", nil); err == nil || !strings.Contains(err.Error(), "end one of them") {
		t.Errorf("one trace too many: %v", err)
	}
	said, _ := io.ReadAll(come("GET /api/v1/status HTTP/1.0\r\nHost: evil.example\r\n\r\n"))
	if !strings.HasPrefix(string(said), "HTTP/1.0 421 ") {
		t.Errorf("a stranger's name is told %.100q", said)
	}
	var got []string
	for _, f := range findings(state(t, d), "listener_refuses") {
		got = append(got, f.Subject+": "+f.Text)
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{`8 since the start (reason "busy")`, `(reason "idle")`, `1 since the start (reason "host")`, `1 since the start (reason "busy")`} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q among the findings:\n%s", want, all)
		}
	}
	d.signal(syscall.SIGTERM)
	said = []byte(strings.Join(d.ends(), "\n"))
	if n := strings.Count(string(said), "http refused"); n != 4 {
		t.Errorf("%d lines about it, want one for each reason and listener:\n%s", n, said)
	}
}

// On TCP, which every user of the host reaches, nobody sees which clients there are,
// unless the configuration says so; over the socket the operators do.
func TestClientsAreShownToOperatorsAlone(t *testing.T) {
	t.Parallel()
	s, clients := netns.NewSpace(t), netns.NewSpace(t)
	s.Veth("vlan10", clients, "c0")
	s.Addr("vlan10", "10.10.0.1/24")
	d := startAt(t, s, t.TempDir(), oneInterface)
	d.notices("READY=1")
	const mac, path = "02:00:00:00:00:01", "/api/v1/transactions"
	clients.Do(func() error {
		c, err := frame.Open(clients.Index("c0"), []byte{2, 0, 0, 0, 0, 1})
		if err != nil {
			return err
		}
		all := frame.Broadcast()
		err = c.Send(append(make([]byte, frame.Headroom), octets(1, 1, 1)...), 1500, netip.MustParseAddrPort("0.0.0.0:68"), netip.MustParseAddrPort("255.255.255.255:67"), all[:])
		return errors.Join(err, c.Close())
	})
	shown := func() string { return ask(s, "127.0.0.1:9867", path) }
	eventually(t, "a transaction is shown", func() bool { return strings.Contains(shown(), "discover") })
	if said := shown() + ask(s, "127.0.0.1:9867", "/"); strings.Contains(said, mac) || !strings.Contains(said, `"mac-`) {
		t.Errorf("on TCP: %s", said)
	}
	var all []api.Transaction
	if err := web.NewClient(d.socket).Get(t.Context(), path, &all); err != nil || len(all) == 0 || all[0].Client.MAC != mac {
		t.Errorf("over the socket: %+v, %v", all, err)
	}
	d.write("metrics.clients = true\n" + oneInterface)
	d.signal(syscall.SIGHUP)
	eventually(t, "the client is shown", func() bool { return strings.Contains(shown(), mac) })
}
