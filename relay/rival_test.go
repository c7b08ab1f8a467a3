package relay_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"dhcp-relay/relay/spacetest"
)

// program starts a program in a namespace, or skips.
func (s *space) program(name string, args ...string) *exec.Cmd {
	s.T.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		for _, dir := range []string{"/usr/sbin", "/sbin"} {
			if p, derr := exec.LookPath(filepath.Join(dir, name)); derr == nil {
				path, err = p, nil
			}
		}
	}
	if err != nil {
		spacetest.Need(s.T, name, err)
	}
	cmd := exec.Command(path, args...)
	s.start(cmd)
	return cmd
}

// ready asks whether the daemon is ready, and why not.
func (d *daemon) ready() (code int, why string) {
	d.t.Helper()
	resp, err := d.http.Get("http://127.0.0.1:9867/readyz")
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// T26: another relay is told when it comes, and no more when it has gone.
func TestT26_AnotherRelayIsTold(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.network("vlan10", "10.1.0.1/24")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	if code, why := d.ready(); code != http.StatusOK {
		t.Errorf("before: %d %s", code, why)
	}
	other := b.relay.program("dhcrelay", "-4", "-d", "--no-pid", "-i", "vlan10", "-i", "up", "10.9.0.2")
	d.await("not ready", func() bool {
		code, why := d.ready()
		return code == http.StatusServiceUnavailable && strings.Contains(why, fmt.Sprintf("dhcrelay (pid %d) on 0.0.0.0:67", other.Process.Pid))
	})
	if !d.logged("another program listens on the port", map[string]any{"level": "ERROR"}) {
		t.Error("no error in the log")
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	d.await("ready again", func() bool { code, _ := d.ready(); return code == http.StatusOK })
	if !d.logged("another program listens no more", nil) {
		t.Error("that it has gone is not logged")
	}
}

// T26: a server of a network that is none of the relay's is not told.
func TestT26_AServerOfAnotherNetworkIsNotTold(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.network("vlan10", "10.1.0.1/24")
	b.relay.Add(&netlink.Bridge{LinkAttrs: spacetest.Attrs("virbr0")})
	b.relay.Up("virbr0")
	b.relay.Addr("virbr0", "192.168.122.1/24")
	dir := t.TempDir()
	pid := filepath.Join(dir, "pid")
	b.relay.program("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--bind-dynamic", "--interface=virbr0", "--except-interface=lo",
		"--dhcp-range=192.168.122.2,192.168.122.254", "--dhcp-leasefile="+filepath.Join(dir, "leases"), "--pid-file="+pid, "--user=root")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	d.await("dnsmasq", func() bool { _, err := os.Stat(pid); return err == nil })
	// A relay that is told of is found after dnsmasq.
	b.relay.sharing()
	d.await("another listener", func() bool {
		return d.logged("another program listens on the port", nil)
	})
	if strings.Contains(d.log.String(), "dnsmasq") {
		t.Errorf("dnsmasq is told of")
	}
}
