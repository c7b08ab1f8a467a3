package deploytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The most that the program for small routers may take: its file, its memory, and of
// that what is its own.
const (
	smallFile = 13 << 20
	smallRSS  = 18 << 20
	smallOwn  = 8 << 20
)

// TestSmall: the program for small routers relays within its memory, and says what it
// lacks, where it is asked for it and where the configuration is.
func TestSmall(t *testing.T) {
	dir := t.TempDir()
	program, etc, socket := filepath.Join(dir, "dhcp-relay"), filepath.Join(dir, "relay.toml"), filepath.Join(dir, "control.sock")
	build := exec.Command("make", "-C", "../..", "small", "SMALL="+program)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if info, err := os.Stat(program); err != nil || info.Size() > smallFile {
		t.Errorf("the program has %d octets (%v), want at most %d", info.Size(), err, smallFile)
	}
	config := "control.socket = \"" + socket + "\"\n" + routerConfig
	if err := os.WriteFile(etc, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	says := func(want string, args ...string) {
		t.Helper()
		if out, _ := exec.Command(program, args...).CombinedOutput(); !strings.Contains(string(out), want) {
			t.Errorf("%q says %s, want %q", args, out, want)
		}
	}
	says("This program was built small. It lacks\n- the status page", "--help")
	says(" small\n", "version")
	says("built small, without the command import", "import", "/etc/default/isc-dhcp-relay")
	says("built small, without the part that reads and writes capture files", "record", "--out", "x.pcapng")
	says("built small, without the part that reads and writes capture files", "explain", "--config", etc, "x.pcapng")

	b := newBed(t)
	said, stop := b.run(exec.Command(program, "run", "--config", etc))
	b.login(said)
	says("ready", "ready", "--socket", socket)
	says("built small, without the part that reads and writes capture files", "record", "--socket", socket, "--out", "x.pcapng")
	pid := ask(t, "pgrep", "-f", program+" run")
	own, rss := memory(t, pid, "RssAnon"), memory(t, pid, "VmRSS")
	t.Logf("RSS %d KiB, of its own %d KiB", rss>>10, own>>10)
	if rss > smallRSS || own > smallOwn {
		t.Errorf("it has %d octets of memory, %d of its own; want at most %d and %d", rss, own, smallRSS, smallOwn)
	}
	stop()

	if err := os.WriteFile(etc, []byte("metrics.listen = \":9867\"\n"+config), 0o644); err != nil {
		t.Fatal(err)
	}
	says("relay.toml:1:18: metrics.listen: this program was built small: it serves neither metrics nor a page", "check", "--config", etc)
}

// ask returns what a program says, as a line.
func ask(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s %q: %v", name, args, err)
	}
	return strings.TrimSpace(string(out))
}

// memory returns one of the sizes of a process, in octets.
func memory(t *testing.T, pid, what string) int {
	t.Helper()
	b, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); f[0] == what+":" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatalf("the status of process %s lacks %s", pid, what)
	return 0
}
