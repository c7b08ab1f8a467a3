package relay_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dhcp-relay/cmd/lab/netns"
)

// privileges reads what the kernel says of each thread of the daemon, and fails if
// they differ.
func (d *daemon) privileges() map[string]string {
	d.t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", d.cmd.Process.Pid))
	if err != nil || len(files) < 2 {
		d.t.Fatalf("threads %v: %v", files, err)
	}
	all := make(map[string]string)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		for line := range strings.Lines(string(b)) {
			k, v, _ := strings.Cut(line, ":")
			if v = strings.TrimSpace(v); !strings.HasPrefix(k, "Cap") && k != "NoNewPrivs" && k != "Seccomp" {
				continue
			}
			if one, ok := all[k]; ok && one != v {
				d.t.Errorf("%s is %s of one thread and %s of another", k, one, v)
			}
			all[k] = v
		}
	}
	return all
}

// has fails unless the daemon is confined, and has these capabilities alone.
func (d *daemon) has(capabilities string) {
	d.t.Helper()
	got := d.privileges()
	want := map[string]string{
		"CapInh": "0000000000000000", "CapAmb": "0000000000000000",
		"CapEff": capabilities, "CapPrm": capabilities, "CapBnd": capabilities, "NoNewPrivs": "1", "Seccomp": "2",
	}
	for k, w := range want {
		if got[k] != w {
			d.t.Errorf("%s: %s, want %s", k, got[k], w)
		}
	}
}

// The capabilities of a daemon that relays both, and one family.
const (
	needs4 = "0000000000002400" // CAP_NET_BIND_SERVICE, CAP_NET_RAW
	needs6 = "0000008000002400" // and CAP_BPF
)

const relaying4 = "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n"

// TestRSEC2_StartedByHand starts the daemon as root: once it relays it has what it
// needs alone, also as the program that takes its place.
func TestRSEC2_StartedByHand(t *testing.T) {
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start(relaying4, "STATE_DIRECTORY="+t.TempDir())
	d.has(needs4)
	relays := func(xid uint32) {
		t.Helper()
		n.broadcast(discover(xid).request())
		if got := v.want().Xid(); got != xid {
			t.Errorf("request %d has come, want %d", got, xid)
		}
	}
	relays(1)
	d.reload(relaying4+"option82 = false\n", "configuration reloaded")
	relays(2)
	d.signal(syscall.SIGUSR1)
	d.await("the capture is written", func() bool { return d.logged("recorded messages written", nil) })
	d.signal(syscall.SIGUSR2)
	d.await("the program takes its own place", func() bool { return d.log.count("relaying") == 2 })
	d.has(needs4)
	relays(3)
	const small = "sockets hold less of a burst than they should; raise net.core.rmem_max, or restart with CAP_NET_ADMIN"
	if d.log.count(small) > 0 {
		t.Error("the sockets that were taken over have shrunk")
	}
	// It has given up what DHCPv6 alone needs, and says so.
	d.reload(strings.Replace(relaying4, "\"]", "\", \"2001:db8:9::2\"]", 1), "configuration reloaded")
	if d.log.count("not all can be had until the next start") != 1 {
		t.Error("a reload that adds DHCPv6 does not tell what is lacking")
	}
	if most, err := os.ReadFile("/proc/sys/net/core/rmem_max"); err == nil && len(most) < 9 && d.log.count(small) == 0 {
		t.Error("it does not tell that the new sockets hold little")
	}
	d.has(needs4)
}

// TestRSEC2_AsAnotherUser starts the daemon as a unit does, as a user of its own: the
// program that takes its place has the capabilities that it had left, too.
func TestRSEC2_AsAnotherUser(t *testing.T) {
	if _, err := exec.LookPath("setpriv"); err != nil {
		netns.Need(t, "setpriv (Debian: util-linux)", err)
	}
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	dir := t.TempDir()
	// The program and the directories above are for root alone.
	for _, above := range []string{filepath.Dir(daemonPath), filepath.Dir(dir)} {
		if err := os.Chmod(above, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const unit = `caps=-all,+net_bind_service,+net_raw,+net_admin,+bpf
chown 65534 "$STATE_DIRECTORY" "$3" &&
exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=$caps --inh-caps=$caps --ambient-caps=$caps -- "$0" "$@"`
	d := b.launchBy([]string{"sh", "-c", unit}, relaying4, "STATE_DIRECTORY="+dir)
	for start := 1; start < 4; start++ {
		d.await("relaying", func() bool { return d.log.count("relaying") == start })
		got := d.privileges()
		for k, want := range map[string]string{"CapEff": needs4, "CapPrm": needs4, "CapInh": "0000000000000000", "CapAmb": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2"} {
			if got[k] != want {
				t.Errorf("start %d: %s: %s, want %s", start, k, got[k], want)
			}
		}
		n.broadcast(discover(uint32(start)).request())
		if got := v.want().Xid(); got != uint32(start) {
			t.Errorf("request %d has come, want %d", got, start)
		}
		d.signal(syscall.SIGUSR2)
	}
}

// TestRSEC2_ForDHCPv6Alone has the daemon keep what DHCPv6 needs.
func TestRSEC2_ForDHCPv6Alone(t *testing.T) {
	b := newBed(t)
	b.uplink6()
	b.network6("vlan10", "2001:db8:10::1/64")
	b.start(relaying6).has(needs6)
}

// TestRSEC2_NotConfined has the daemon keep all.
func TestRSEC2_NotConfined(t *testing.T) {
	b := newBed(t)
	b.network("vlan10", "10.1.0.1/24")
	d := b.start("relay.confine = \"off\"\n" + relaying4)
	if got := d.privileges(); got["NoNewPrivs"] != "0" || got["Seccomp"] != "0" || got["CapEff"] == needs4 {
		t.Errorf("%v", got)
	}
}

// TestRSEC2_OutOfReach has the daemon reload a configuration that it can no longer
// read: it says why, and what to do.
func TestRSEC2_OutOfReach(t *testing.T) {
	b := newBed(t)
	b.network("vlan10", "10.1.0.1/24")
	d := b.start(relaying4)
	elsewhere := filepath.Join(t.TempDir(), "relay.toml")
	if err := os.Rename(d.config, elsewhere); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, d.config); err != nil {
		t.Fatal(err)
	}
	d.signal(syscall.SIGHUP)
	const refused = "configuration refused, the former one stays"
	d.await(refused, func() bool { return d.logged(refused, nil) })
	if !strings.Contains(d.log.String(), "restart it, or set relay.confine") {
		t.Error("it does not say what to do")
	}
}
