package scenes

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
)

// Where a package puts the daemon, and what the administrator writes.
const (
	service       = "dhcp-relay.service"
	installed     = "/usr/sbin/dhcp-relay"
	configuration = "/etc/dhcp-relay/relay.toml"
	runtimeDir    = "/run/dhcp-relay"
)

// startTime bounds what systemd does: it starts several programs for one.
const startTime = time.Minute

// A booted is a Debian system whose systemd runs the daemon, and what is attached
// to it. The subtests of TestMachineSystemd are one story.
type booted struct {
	*bed

	h  *host
	h6 *host6
	d  *dhcpd
	d6 *dhcpd6
	s  site // of the clients
}

// TestMachineSystemd: the daemon as a service, from the boot to its end.
func TestMachineSystemd(t *testing.T) {
	on(t, "systemd")
	own, err := netns.Own()
	must(t, err)
	b := &booted{bed: &bed{t: t, router: own, option: netns.WithoutDAD(), want: map[string]int{}}, s: lan()}
	b.s.dev = "lan0"
	b.daemon = b.observed()
	t.Cleanup(func() {
		if t.Failed() {
			out, _ := exec.Command("journalctl", "--no-pager", "-b", "-u", service).CombinedOutput()
			t.Logf("journal:\n%s", out)
		}
	})
	if !b.act("started at boot, before any interface exists", b.startedAtBoot) {
		return // what follows builds upon it
	}
	b.attach()
	for _, s := range []struct {
		name string
		play func()
	}{
		{"serves both families on an interface that comes", b.serves},
		{"the sandbox is in force", b.sandbox},
		{"reload", b.reload},
		{"reload of a wrong configuration fails, the former one holds", b.reloadWrong},
		{"a group of operators uses the commands, others do not", b.operators},
		{"confined to what the configuration needs", b.confined},
		{"killed: started again", b.killed},
		{"stuck: killed by the watchdog and started again", b.stuck},
		{"upgrade", b.upgrade},
		{"restarts and upgrades under load lose nothing", b.restarts},
		{"an upgrade that does not take the configuration leaves the former process", b.upgradeWrong},
		{"stopped: nothing is left behind", b.stopped},
		{"the package is removed and purged: nothing is left behind", b.purged},
	} {
		if !b.act(s.name, s.play) {
			return
		}
	}
}

// act plays a part of the story.
func (b *booted) act(name string, play func()) bool {
	whole := b.t
	defer func() { b.t, b.daemon.t = whole, whole }()
	return whole.Run(name, func(t *testing.T) {
		b.t, b.daemon.t = t, t
		play()
	})
}

// active waits until the service runs as another process than was, and its
// counters begin anew.
func (b *booted) active(was int) {
	b.t.Helper()
	b.daemon.awaitFor(startTime, "the service is active", func() bool {
		pid := b.pid()
		return pid != 0 && pid != was && b.show("ActiveState") == "active"
	})
	b.daemon.awaitFor(startTime, "it answers", func() bool { _, err := b.daemon.counts(); return err == nil })
	b.want = map[string]int{}
}

// still fails if the service does not run as the process that it was.
func (b *booted) still(was int) {
	b.t.Helper()
	if now := b.pid(); now != was {
		b.t.Errorf("it was process %d and is %d", was, now)
	}
}

// other installs the package's other version.
func (b *booted) other() {
	b.t.Helper()
	version := b.packaged()
	must(b.t, b.install())
	if now := b.packaged(); now == version {
		b.t.Errorf("the package is still %s", now)
	}
}

// serves lets clients of both families log in.
func (b *booted) serves() {
	b.t.Helper()
	b.daemon.awaitFor(startTime, "both families are relayed", func() bool {
		families, err := b.daemon.scrape()
		return err == nil && len(families["dhcp_relay_giaddr_info"].GetMetric()) > 0 &&
			len(families["dhcp_relay_link_address_info"].GetMetric()) > 0
	})
	b.login(b.h, b.s, b.d)
	s6 := lan6()
	s6.dev = b.s.dev
	b.login6(b.h6, s6, b.d6)
}

func (b *booted) startedAtBoot() {
	links, err := os.ReadDir("/sys/class/net")
	must(b.t, err)
	for _, l := range links {
		// The others come with modules of the kernel.
		if !slices.Contains([]string{"lo", "bonding_masters", "bond0", "dummy0"}, l.Name()) {
			b.t.Errorf("there is an interface %s already", l.Name())
		}
	}
	b.active(0)
	if n := b.show("NRestarts"); n != "0" {
		b.t.Errorf("it was started again %s times", n)
	}
	if said := b.log(); !strings.Contains(said, `msg="interface does not exist" link=lan*`) {
		b.t.Errorf("the log tells nothing of the interface that is missing:\n%s", said)
	}
}

// attach makes the networks, which live as long as the story.
func (b *booted) attach() {
	must(b.t, b.router.Forward(), b.router.Forward6())
	n := b.cable("lan0")
	must(b.t, b.router.Addr("lan0", "10.1.0.1/24"), b.router.Addr("lan0", "2001:db8:1::1/64"))
	b.h, b.h6 = b.client(n, "eth0"), b.client6(n, "eth0")
	b.d = b.server("up4", "", "10.9.0.1/24", "10.9.0.2", "10.1.0.1/24")
	b.d6 = b.server6("up6", "", "2001:db8:1::1/64")
}

func (b *booted) sandbox() {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.pid()))
	must(b.t, err)
	fields := map[string]string{}
	for line := range strings.Lines(string(status)) {
		k, v, _ := strings.Cut(line, ":")
		fields[k] = strings.TrimSpace(v)
	}
	// CAP_NET_BIND_SERVICE 10, CAP_NET_ADMIN 12, CAP_NET_RAW 13, CAP_BPF 39.
	const granted, needed, none = "0000008000003400", "0000008000002400", "0000000000000000"
	for k, want := range map[string]string{"NoNewPrivs": "1", "Seccomp": "2", "CapBnd": granted, "CapPrm": needed, "CapEff": needed, "CapAmb": none} {
		if fields[k] != want {
			b.t.Errorf("%s: got %s, want %s", k, fields[k], want)
		}
	}
	if strings.HasPrefix(fields["Uid"], "0\t") {
		b.t.Error("it runs as root")
	}
	// Not one that systemd made up: operators are in its group.
	if u, err := user.Lookup("dhcp-relay"); err != nil || !strings.HasPrefix(fields["Uid"], u.Uid+"\t") || !strings.HasPrefix(fields["Gid"], u.Gid+"\t") {
		b.t.Errorf("it runs as %s, %s; the package's user is %+v, %v", fields["Uid"], fields["Gid"], u, err)
	}
	// What is left is the network that a relay is for, and BPF.
	b.exposed(1.9)
}

// exposed measures how much of the system the service can reach.
func (b *booted) exposed(most float64) {
	b.t.Helper()
	out, err := exec.Command("systemd-analyze", "security", "--no-pager", service).CombinedOutput()
	m := regexp.MustCompile(`Overall exposure level for dhcp-relay\.service: ([0-9.]+)`).FindSubmatch(out)
	if m == nil {
		b.t.Fatalf("systemd-analyze security: %v: %s", err, out)
	}
	level, err := strconv.ParseFloat(string(m[1]), 64)
	must(b.t, err)
	b.t.Logf("systemd-analyze security: exposure %v", level)
	if level > most {
		b.t.Errorf("exposure %v, want at most %v:\n%s", level, most, out)
	}
}

// confined serves with the drop-in that is made of the configuration, and without it
// again.
func (b *booted) confined() {
	const dir = "/etc/systemd/system/" + service + ".d"
	again := func() {
		pid := b.pid()
		_, err := ctl("daemon-reload")
		must(b.t, err)
		_, err = ctl("restart", service)
		must(b.t, err)
		b.active(pid)
		b.serves()
	}
	text, err := exec.Command(installed, "config", "unit", "--bpf=false").Output()
	must(b.t, err, os.MkdirAll(dir, 0o755), os.WriteFile(dir+"/confine.conf", text, 0o644))
	again()
	b.exposed(1.5)
	_, err = ctl("reload", service)
	must(b.t, err)
	b.serves()
	const want = "confined: CAP_NET_BIND_SERVICE, CAP_NET_RAW, system calls filtered"
	out, _ := exec.Command(installed, "status").Output() // its status is of what it finds
	if !strings.Contains(string(out), want) || strings.Contains(string(out), "; not ") {
		b.t.Errorf("status does not say %q:\n%s", want, out)
	}
	must(b.t, os.RemoveAll(dir))
	again()
}

func (b *booted) reload() {
	pid := b.pid()
	must(b.t, os.WriteFile(configuration, []byte("[defaults.dhcpv4.option82]\ncircuit_id = \"port {interface}\"\n"+twoFamilies), 0o644))
	_, err := ctl("reload", service)
	must(b.t, err)
	b.s.circuit = "port lan0"
	b.daemon.awaitFor(startTime, "the configuration is reloaded", func() bool { return strings.Contains(b.log(), `msg="configuration reloaded"`) })
	b.serves()
	b.still(pid)
}

// twoFamilies is the configuration that the machine starts with.
const twoFamilies = `[[interface]]
name = "lan*"
servers = ["10.9.0.2", "2001:db8:9::2"]
`

func (b *booted) reloadWrong() {
	pid := b.pid()
	must(b.t, os.WriteFile(configuration, []byte(twoFamilies+"dhcpv4.hop_limit = 99\n"), 0o644))
	if _, err := ctl("reload", service); err == nil {
		b.t.Error("systemctl reload tells of no failure")
	}
	if said := b.log(); !strings.Contains(said, "relay.toml:4") {
		b.t.Errorf("the journal does not name file and line:\n%s", said)
	}
	if !b.refused() {
		b.t.Error("the metrics do not say that the configuration was refused")
	}
	must(b.t, os.WriteFile(configuration, nil, 0o644))
	if _, err := ctl("reload", service); err == nil {
		b.t.Error("systemctl reload takes an empty file")
	}
	b.serves()
	b.still(pid)
	must(b.t, os.WriteFile(configuration, []byte(twoFamilies), 0o644))
	_, err := ctl("reload", service)
	must(b.t, err)
	if b.refused() {
		b.t.Error("the metrics still say that the configuration was refused")
	}
	b.s.circuit = ""
}

// refused reports whether the metrics say that the last reload failed.
func (b *booted) refused() bool {
	b.t.Helper()
	families, err := b.daemon.scrape()
	must(b.t, err)
	for _, m := range families["dhcp_relay_config_last_reload_successful"].GetMetric() {
		return m.GetGauge().GetValue() == 0
	}
	b.t.Error("there is no dhcp_relay_config_last_reload_successful")
	return false
}

// dropIn adds a line to the unit for a part of the story, and restarts the service.
func (b *booted) dropIn(line string) {
	b.t.Helper()
	dir := "/run/systemd/system/" + service + ".d"
	must(b.t, os.MkdirAll(dir, 0o755), os.WriteFile(dir+"/part.conf", []byte("[Service]\n"+line+"\n"), 0o644))
	b.t.Cleanup(func() {
		removed := os.RemoveAll(dir)
		_, err := ctl("daemon-reload")
		must(b.t, removed, err)
	})
	pid := b.pid()
	_, reloaded := ctl("daemon-reload")
	_, restarted := ctl("restart", service)
	must(b.t, reloaded, restarted)
	b.active(pid)
}

func (b *booted) operators() {
	const name, nobody = "adm", 65534
	group, err := user.LookupGroup(name)
	must(b.t, err)
	gid, err := strconv.ParseUint(group.Gid, 10, 32)
	must(b.t, err)
	must(b.t, os.WriteFile(configuration, []byte("control.group = \""+name+"\"\n"+twoFamilies), 0o644))
	b.dropIn("SupplementaryGroups=" + name)
	status := func(groups ...uint32) string {
		c := exec.Command(installed, "status")
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody, Groups: groups}}
		out, _ := c.CombinedOutput() // it fails where something is wrong with the networks, too
		return string(out)
	}
	if said := status(uint32(gid)); !strings.Contains(said, "lan0") {
		b.t.Errorf("to one of the group, status says\n%s", said)
	}
	if said := status(); !strings.Contains(said, "no permission to use "+runtimeDir+"/control.sock") {
		b.t.Errorf("to others, status says\n%s", said)
	}
	must(b.t, os.WriteFile(configuration, []byte(twoFamilies), 0o644))
}

func (b *booted) killed() {
	pid := b.pid()
	must(b.t, syscall.Kill(pid, syscall.SIGKILL))
	b.active(pid)
	b.serves()
	if n := b.show("NRestarts"); n != "1" {
		b.t.Errorf("started again %s times, want 1", n)
	}
}

func (b *booted) stuck() {
	if b.show("WatchdogUSec") != "30s" {
		b.t.Errorf("WatchdogUSec is %s, want 30s", b.show("WatchdogUSec"))
	}
	b.dropIn("WatchdogSec=10s") // who waits half a minute sees no more
	pid := b.pid()
	must(b.t, syscall.Kill(pid, syscall.SIGSTOP))
	b.active(pid)
	b.serves()
	if !strings.Contains(b.log(), "Watchdog timeout") {
		b.t.Errorf("the journal tells nothing of a watchdog:\n%s", b.log())
	}
}

func (b *booted) upgrade() {
	was := b.pid()
	before, err := sockets()
	must(b.t, err)
	b.other()
	b.active(was)
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", b.pid()))
	must(b.t, err)
	if exe != installed {
		b.t.Errorf("it runs %s, want %s", exe, installed)
	}
	b.serves()
	after, err := sockets()
	must(b.t, err)
	if after != before {
		b.t.Errorf("sockets: %d before, %d after", before, after)
	}
	if pids, err := processes(); len(pids) != 1 || err != nil {
		b.t.Errorf("processes: %v, want one (%v)", pids, err)
	}
}

func (b *booted) stopped() {
	_, err := ctl("stop", service)
	must(b.t, err)
	if result := b.show("Result"); result != "success" {
		b.t.Errorf("result %s, want success", result)
	}
	n, err := sockets()
	must(b.t, err)
	pids, err := processes()
	must(b.t, err)
	if n != 0 || len(pids) != 0 {
		b.t.Errorf("%d sockets and the processes %v are left", n, pids)
	}
	if _, err := os.Stat(runtimeDir); !errors.Is(err, os.ErrNotExist) {
		b.t.Errorf("%s is left: %v", runtimeDir, err)
	}
}

// upgradeWrong installs a version while the file is one that no version takes.
func (b *booted) upgradeWrong() {
	pid := b.pid()
	must(b.t, os.WriteFile(configuration, []byte(twoFamilies+"dhcpv4.hop_limit = 99\n"), 0o644))
	b.other()
	b.serves()
	b.still(pid)
	must(b.t, os.WriteFile(configuration, []byte(twoFamilies), 0o644))
	_, err := ctl("restart", service)
	must(b.t, err)
	b.active(pid)
	b.serves()
}

// purged removes the package while the service runs, and then what it has left.
func (b *booted) purged() {
	_, err := ctl("start", service)
	must(b.t, err)
	b.active(0)
	_, err = dpkg("--remove", "dhcp-relay")
	must(b.t, err)
	if state := b.show("ActiveState"); state == "active" {
		b.t.Error("the service still runs")
	}
	if pids, err := processes(); len(pids) != 0 || err != nil {
		b.t.Errorf("processes: %v (%v)", pids, err)
	}
	if _, err := os.Stat(configuration); err != nil {
		b.t.Errorf("the configuration is gone before it is purged: %v", err)
	}
	_, err = dpkg("--purge", "dhcp-relay")
	must(b.t, err)
	for _, path := range []string{filepath.Dir(configuration), installed, runtimeDir, "/var/lib/dhcp-relay", "/var/lib/private/dhcp-relay", "/etc/systemd/system/multi-user.target.wants/" + service} {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			b.t.Errorf("%s is left: %v", path, err)
		}
	}
}
