package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopacket/gopacket/pcapgo"

	"dhcp-relay/cmd/lab/netns"
	web "dhcp-relay/relay/http"
)

// patient is how long a test waits for what must come.
const patient = 60 * time.Second

// A running is this program, running where there is nothing else.
type running struct {
	t      *testing.T
	cmd    *exec.Cmd
	config string
	socket string        // of the commands
	notice *net.UnixConn // where systemd would hear it
	stderr *bufio.Reader
	lacks  string // a capability; "": it has all
}

func start(t *testing.T, config string) *running {
	t.Helper()
	return startIn(t, t.TempDir(), config)
}

// startIn has all files of the program in one directory.
func startIn(t *testing.T, dir, config string) *running {
	t.Helper()
	return startAt(t, nil, dir, config)
}

// startAt runs the program in a namespace of the test's, or where there is nothing
// else if that is nil.
func startAt(t *testing.T, s *netns.Space, dir, config string) *running {
	t.Helper()
	needRoot(t)
	d := &running{t: t, config: filepath.Join(dir, "relay.toml"), socket: filepath.Join(dir, "control.sock")}
	d.hear(dir, config)
	d.again(s)
	return d
}

// startWithout runs the program without a capability, where there is nothing else.
func startWithout(t *testing.T, capability, config string) *running {
	t.Helper()
	needRoot(t)
	dir := t.TempDir()
	d := &running{t: t, config: filepath.Join(dir, "relay.toml"), socket: filepath.Join(dir, "control.sock"), lacks: capability}
	d.hear(dir, config)
	d.again(nil)
	return d
}

// hear makes what the program needs, and hears its notices.
func (d *running) hear(dir, config string) {
	t := d.t
	t.Helper()
	d.write(config)
	socket := filepath.Join(dir, "notify")
	var err error
	d.notice, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.notice.Close() })
}

// again runs the program, another time if it has ended.
func (d *running) again(s *netns.Space) {
	t := d.t
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 6*patient)
	args, in := []string{"alone", "dhcp-relay"}, func(f func() error) error { return f() }
	if s != nil {
		args, in = args[1:], s.In
	}
	if d.lacks != "" {
		args = slices.Insert(args, 1, "without", d.lacks)
	}
	args = append(args, "run", "--config", d.config)
	d.cmd = exec.CommandContext(ctx, args[0], args[1:]...)
	d.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+d.notice.LocalAddr().String(), "STATE_DIRECTORY="+filepath.Dir(d.config), "GORACE=atexit_sleep_ms=0")
	stderr, err := d.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	d.stderr = bufio.NewReader(stderr)
	if err := in(d.cmd.Start); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel() // kills it, unless it has ended
		_ = d.cmd.Wait()
	})
}

func (d *running) write(config string) {
	d.t.Helper()
	config = fmt.Sprintf("control.socket = %q\n", d.socket) + config
	if err := os.WriteFile(d.config, []byte(config), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *running) signal(s syscall.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		d.t.Fatal(err)
	}
}

// notices fails unless the next notices to systemd begin as wanted, but for those
// about descriptors to be kept.
func (d *running) notices(want ...string) {
	d.t.Helper()
	for _, w := range want {
		b := make([]byte, 256)
		if err := d.notice.SetReadDeadline(time.Now().Add(patient)); err != nil {
			d.t.Fatal(err)
		}
		n, err := d.notice.Read(b)
		if err != nil {
			d.t.Fatalf("no notice %s: %v", w, err)
		}
		got := string(b[:n])
		for strings.HasPrefix(got, "FDSTORE") {
			if n, err = d.notice.Read(b); err != nil {
				d.t.Fatalf("no notice %s: %v", w, err)
			}
			got = string(b[:n])
		}
		if !strings.HasPrefix(got, w) {
			d.t.Fatalf("notice %q, want %s", got, w)
		}
	}
}

// ends reads the log to its end, each line a record, and returns the messages.
func (d *running) ends() (msgs []string) {
	d.t.Helper()
	for {
		line, err := d.stderr.ReadString('\n')
		if err != nil {
			break
		}
		var r struct {
			Time  time.Time
			Level string
			Msg   string
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil || r.Time.IsZero() || r.Level == "" {
			d.t.Errorf("no record: %q (%v)", line, err)
		}
		msgs = append(msgs, r.Level+" "+r.Msg)
	}
	if err := d.cmd.Wait(); err != nil {
		d.t.Errorf("end: %v", err)
	}
	return msgs
}

func TestRunTellsSystemdAndLogsRecords(t *testing.T) {
	t.Parallel()
	const good = `
log.format = "json"
metrics.listen = ""
[[server]]
address = "10.9.0.3" # which no interface lists
[[interface]]
name = "vlan10"
servers = ["10.9.0.2"]
`
	d := start(t, good)
	d.notices("READY=1")
	d.signal(syscall.SIGHUP)
	d.notices("RELOADING=1\nMONOTONIC_USEC=", "READY=1")
	d.write("nonsense")
	d.signal(syscall.SIGHUP)
	d.notices("RELOADING=1", "READY=1")
	d.write(strings.NewReplacer(`""`, `"127.0.0.1:9999"`, `"json"`, `"text"`).Replace(good) + "[recorder]\nmessages = 7\n")
	d.signal(syscall.SIGHUP)
	d.notices("RELOADING=1", "READY=1")
	d.signal(syscall.SIGTERM)
	d.notices("STOPPING=1")
	want := []string{
		"WARN configuration warning",
		"INFO interface does not exist",
		"INFO confined",
		"INFO relaying",
		"WARN configuration warning",
		"INFO configuration reloaded",
		"ERROR configuration refused, the former one stays",
		"WARN configuration warning",
		"WARN metrics.listen takes effect at the next start",
		"WARN recorder.messages takes effect at the next start",
		"WARN log.format takes effect at the next start",
		"INFO configuration reloaded",
	}
	// How long the test takes decides whether the file was seen to have changed.
	got := slices.DeleteFunc(d.ends(), func(m string) bool { return strings.Contains(m, " configuration file ") })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func TestSIGUSR1WritesWhatWasRecorded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := startIn(t, dir, "metrics.listen = \"\"\n[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	d.notices("READY=1")
	d.signal(syscall.SIGUSR1)
	for {
		line, err := d.stderr.ReadString('\n')
		if err != nil {
			t.Fatalf("no file was told of: %v", err)
		}
		if strings.Contains(line, "recorded messages written") {
			break
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "dhcp-relay-*.pcapng"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files: %v, %v", files, err)
	}
	f, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := pcapgo.NewNgReader(f, pcapgo.DefaultNgReaderOptions); err != nil {
		t.Errorf("it is no capture: %v", err)
	}
	if info, err := f.Stat(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

// Whether it relays as configured is told on the socket of the commands.
func TestRunTellsWhetherItIsReady(t *testing.T) {
	t.Parallel()
	const good = "log.format = \"json\"\nmetrics.listen = \"\"\n[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n"
	d := start(t, good)
	d.notices("READY=1")
	c := web.NewClient(d.socket)
	ready := func() string {
		t.Helper()
		body, err := c.Open(t.Context(), http.MethodGet, "/readyz", nil)
		if err != nil {
			return err.Error()
		}
		defer func() { _ = body.Close() }()
		b, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if got, want := ready(), "ready\n"; got != want {
		t.Errorf("at the start: %q, want %q", got, want)
	}
	d.write("nonsense")
	d.signal(syscall.SIGHUP)
	d.notices("RELOADING=1", "READY=1")
	if got, want := ready(), "the configuration was changed and could not be applied"; !strings.Contains(got, want) {
		t.Errorf("after a wrong configuration: %q, want %q", got, want)
	}
	d.write(good)
	d.signal(syscall.SIGHUP)
	d.notices("RELOADING=1", "READY=1")
	if got, want := ready(), "ready\n"; got != want {
		t.Errorf("after it was put right: %q, want %q", got, want)
	}
	d.signal(syscall.SIGTERM)
	d.ends()
	if _, err := os.Lstat(d.socket); !os.IsNotExist(err) {
		t.Errorf("the socket stays: %v", err)
	}
}
