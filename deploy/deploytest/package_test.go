package deploytest

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// aptTime bounds what apt and debootstrap do, on a slow network too.
const aptTime = 10 * time.Minute

// A debian is a root file system of Debian, of which a test may make what it wants.
type debian struct {
	*bed

	root string
}

// suites are the releases of Debian that packages are tried on.
func suites() []string { return []string{"bookworm", "trixie"} }

// newDebian returns a fresh root. Those that it copies are kept in the directory that
// the environment names; `make package-test` does.
func newDebian(t *testing.T, suite string) *debian {
	t.Helper()
	cache := os.Getenv("RELAY_TEST_ROOTS")
	if cache == "" {
		t.Skip("it makes root file systems of Debian: make package-test")
	}
	kept := filepath.Join(cache, suite)
	if _, err := os.Stat(kept); err != nil {
		run(t, "debootstrap", "--variant=minbase", "--include=systemd", suite, kept+".part")
		if err := os.Rename(kept+".part", kept); err != nil {
			t.Fatal(err)
		}
	}
	d := &debian{bed: newBed(t), root: filepath.Join(t.TempDir(), "root")}
	run(t, "cp", "-a", kept, d.root)
	run(t, "cp", "/etc/resolv.conf", d.root+"/etc/resolv.conf")
	return d
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), aptTime)
	defer cancel()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// command returns a command inside the root.
func (d *debian) command(args ...string) *exec.Cmd {
	const script = `mount -t proc proc "$1/proc" && exec chroot "$@"`
	cmd := exec.Command("unshare", append([]string{"--mount", "--propagation", "private", "sh", "-c", script, "sh", d.root}, args...)...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"}
	return cmd
}

// try runs a command inside the root, in the router's network, and returns what it
// says.
func (d *debian) try(args ...string) (string, error) {
	var said output
	cmd := d.command(args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	p, err := d.router.StartCmd(cmd)
	if err != nil {
		d.t.Fatal(err)
	}
	err = p.Wait()
	return said.String(), err
}

func (d *debian) must(args ...string) string {
	d.t.Helper()
	said, err := d.try(args...)
	if err != nil {
		d.t.Fatalf("%q: %v\n%s", args, err, said)
	}
	return said
}

// fetch runs apt inside the root, with the network of this host.
func (d *debian) fetch(args ...string) (string, error) {
	out, err := d.command(append([]string{"apt-get", "-qq", "-o", "Acquire::Retries=3"}, args...)...).CombinedOutput()
	return string(out), err
}

func (d *debian) write(name, text string) {
	d.t.Helper()
	path := filepath.Join(d.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		d.t.Fatal(err)
	}
}

func (d *debian) read(name string) string {
	b, err := os.ReadFile(filepath.Join(d.root, name))
	if err != nil {
		return ""
	}
	return string(b)
}

// files returns what there is, without what apt and dpkg keep for themselves.
func (d *debian) files() []string {
	d.t.Helper()
	var all []string
	err := filepath.WalkDir(d.root, func(path string, _ fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, d.root)
		switch {
		case err != nil:
			return err
		case slices.Contains([]string{"/var/lib/dpkg", "/var/cache", "/var/lib/apt", "/var/log", "/proc", "/root", "/packages"}, name):
			return fs.SkipDir
		}
		// What was there before a user was added.
		if !strings.HasSuffix(name, "-") {
			all = append(all, name)
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return all
}

// build builds packages of two versions into the root, and returns them.
func (d *debian) build() (older, newer string) {
	d.t.Helper()
	for _, version := range []string{"v1.0.0", "v1.0.0-3-gabcdef0"} {
		cmd := exec.Command("../packages/build", version, filepath.Join(d.root, "packages"), "deb")
		cmd.Env = append(os.Environ(), "ARCHS="+runtime.GOARCH, "SOURCE_DATE_EPOCH=1700000000", "COMMITS=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			d.t.Fatalf("%v: %s", err, out)
		}
	}
	name := func(version string) string {
		return "/packages/dhcp-relay_" + version + "-1_" + runtime.GOARCH + ".deb"
	}
	return name("1.0.0"), name("1.0.0+git3.abcdef0")
}

func (d *debian) install(deb string) string {
	d.t.Helper()
	return d.must("apt-get", "-qq", "install", "-y", "--allow-downgrades", deb)
}

// relay starts the daemon with the command of the unit.
func (d *debian) relay() (*output, func()) {
	d.t.Helper()
	for line := range strings.Lines(d.read("/usr/lib/systemd/system/dhcp-relay.service")) {
		if command, ok := strings.CutPrefix(line, "ExecStart="); ok {
			if err := os.MkdirAll(d.root+"/run/dhcp-relay", 0o755); err != nil {
				d.t.Fatal(err)
			}
			return d.run(d.command(strings.Fields(command)...))
		}
	}
	d.t.Fatal("the unit has no command")
	return nil, nil
}

// pretendSystemd has maintainer scripts find a systemd that only notes what it is
// asked, and says that the service runs.
func (d *debian) pretendSystemd() (asked func() string) {
	d.write("/run/systemd/system/.keep", "")
	d.must("mv", "/usr/bin/systemctl", "/usr/bin/systemctl.own")
	d.write("/usr/bin/systemctl", "#!/bin/sh\necho \"$@\" >>/asked\n")
	return func() string {
		said := d.read("/asked")
		d.write("/asked", "")
		return said
	}
}

// TestDebianPackage installs the package on fresh releases of Debian, has a client get
// an address, upgrades, goes back, removes and purges it.
func TestDebianPackage(t *testing.T) {
	for _, suite := range suites() {
		t.Run(suite, func(t *testing.T) {
			d := newDebian(t, suite)
			older, newer := d.build()
			before, users := d.files(), d.read("/etc/passwd")

			d.install(older)
			said, err := d.try("dhcp-relay", "check")
			if err == nil || !strings.Contains(said, "there is no [[interface]]") {
				t.Errorf("the default configuration: %v, %s", err, said)
			}
			if said, _ := d.try("systemctl", "is-enabled", "dhcp-relay"); !strings.HasPrefix(said, "disabled") {
				t.Errorf("before it is configured, the unit is %s", said)
			}
			d.write("/etc/dhcp-relay/relay.toml", routerConfig)
			d.must("systemctl", "enable", "dhcp-relay")
			relay, stop := d.relay()
			d.login(relay)

			asked := d.pretendSystemd()
			d.upgrades(asked, older, newer)
			d.must("dhcp-relay", "ready") // the one that was started first

			d.must("dpkg", "--remove", "dhcp-relay")
			if s := asked(); !strings.Contains(s, "stop dhcp-relay.service") {
				t.Errorf("at the removal systemd was asked %q", s)
			}
			stop()
			if d.read("/etc/dhcp-relay/relay.toml") == "" {
				t.Error("the removal took the configuration")
			}
			d.write("/etc/systemd/system/dhcp-relay.service.d/own.conf", "[Service]\n")
			d.write("/var/lib/private/dhcp-relay/messages.pcapng", "a client's")
			if err := os.MkdirAll(d.root+"/var/lib/dhcp-relay", 0o755); err != nil {
				t.Fatal(err)
			}
			d.must("dpkg", "--purge", "dhcp-relay")
			d.must("mv", "/usr/bin/systemctl.own", "/usr/bin/systemctl")
			d.must("rm", "/asked")
			gone := func(name string) bool { return strings.HasPrefix(name, "/run/systemd") }
			if diff := cmp.Diff(slices.DeleteFunc(before, gone), slices.DeleteFunc(d.files(), gone)); diff != "" {
				t.Errorf("after the purge (-before +after):\n%s", diff)
			}
			if added := strings.TrimPrefix(d.read("/etc/passwd"), users); !strings.HasPrefix(added, "dhcp-relay:") || strings.Count(added, "\n") != 1 {
				t.Errorf("users added: %s", added)
			}
		})
	}
}

// upgrades installs one version over the other, to and fro, beside a daemon that runs.
func (d *debian) upgrades(asked func() string, older, newer string) {
	const restart = "restart dhcp-relay.service"
	d.install(newer)
	if s := asked(); !strings.Contains(s, restart) {
		d.t.Errorf("at the upgrade systemd was asked %q", s)
	}
	if v := d.must("dhcp-relay", "version"); v != "dhcp-relay v1.0.0-3-gabcdef0\n" {
		d.t.Errorf("upgraded to %s", v)
	}
	d.write("/etc/dhcp-relay/relay.toml", routerConfig+"later = 1\n")
	said := d.install(older)
	if s := asked(); strings.Contains(s, restart) {
		d.t.Errorf("with a configuration that is refused systemd was asked %q", s)
	}
	if !strings.Contains(said, "still\nrunning") || !strings.Contains(said, "relay.toml:4") {
		d.t.Errorf("with a configuration that is refused the package says %s", said)
	}
	if v := d.must("dhcp-relay", "version"); v != "dhcp-relay v1.0.0\n" {
		d.t.Errorf("back at %s", v)
	}
	d.write("/etc/dhcp-relay/relay.toml", routerConfig)
	d.install(newer)
	if s := asked(); !strings.Contains(s, restart) {
		d.t.Errorf("at the second upgrade systemd was asked %q", s)
	}
}

// TestTakesOverFromISC: what isc-dhcp-relay was told is carried over, and the way back
// is that package.
func TestTakesOverFromISC(t *testing.T) {
	for _, suite := range suites() {
		t.Run(suite, func(t *testing.T) {
			d := newDebian(t, suite)
			older, _ := d.build()
			if out, err := d.fetch("update"); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if out, err := d.fetch("install", "-y", "--no-install-recommends", "isc-dhcp-relay"); err != nil {
				t.Skipf("no isc-dhcp-relay in %s: %s", suite, out)
			}
			const theirs = "/etc/default/isc-dhcp-relay"
			d.write(theirs, strings.NewReplacer(`SERVERS=""`, `SERVERS="10.9.0.2"`, `INTERFACES=""`, `INTERFACES="lan0"`).Replace(d.read(theirs)))
			said := d.install(older)
			if !strings.Contains(said, "mv /etc/dhcp-relay/relay.toml.isc /etc/dhcp-relay/relay.toml") {
				t.Fatalf("the package says %s", said)
			}
			d.must("mv", "/etc/dhcp-relay/relay.toml.isc", "/etc/dhcp-relay/relay.toml")
			d.must("dhcp-relay", "check")
			relay, stop := d.relay()
			d.login(relay)
			stop()
			if out, err := d.fetch("install", "-y", "--no-install-recommends", "isc-dhcp-relay"); err != nil {
				t.Errorf("the way back: %v: %s", err, out)
			}
			if s, _ := d.try("dpkg-query", "-W", "-f", "${Status}", "dhcp-relay"); strings.Contains(s, "ok installed") {
				t.Errorf("after the way back dhcp-relay is %s", s)
			}
		})
	}
}

// TestLintian: Debian's checker has no error and no warning that is not explained.
func TestLintian(t *testing.T) {
	if os.Getenv("RELAY_TEST_ROOTS") == "" {
		t.Skip("it wants lintian: make package-test")
	}
	d := &debian{bed: &bed{t: t}, root: t.TempDir()}
	older, _ := d.build()
	run(t, "lintian", "--allow-root", "--fail-on", "error,warning", d.root+older)
}
