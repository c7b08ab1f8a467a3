package relay_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp6"
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
		netns.Need(s.T, name, err)
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

// T26: another relay is told when it comes, and no more when it has gone. Once the
// daemon is confined it cannot see who it is; the command status can.
func TestT26_AnotherRelayIsTold(t *testing.T) {
	t.Parallel()
	for name, who := range map[string]string{"auto": "an unknown process (socket ", "off": "dhcrelay (pid "} {
		t.Run("confine "+name, func(t *testing.T) {
			t.Parallel()
			anotherRelay(t, "relay.confine = \""+name+"\"\n", who)
		})
	}
}

func anotherRelay(t *testing.T, config, who string) {
	b := newBed(t)
	b.network("vlan10", "10.1.0.1/24")
	d := b.start(config + "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	if code, why := d.ready(); code != http.StatusOK {
		t.Errorf("before: %d %s", code, why)
	}
	other := b.relay.program("dhcrelay", "-4", "-d", "--no-pid", "-i", "vlan10", "-i", "up", "10.9.0.2")
	d.await("not ready", func() bool {
		code, why := d.ready()
		return code == http.StatusServiceUnavailable && strings.Contains(why, who) && strings.Contains(why, " on 0.0.0.0:67")
	})
	d.await("an error in the log", func() bool {
		return d.logged("another program listens on the port", map[string]any{"level": "ERROR"})
	})
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	d.await("ready again", func() bool { code, _ := d.ready(); return code == http.StatusOK })
	d.await("that it has gone, in the log", func() bool { return d.logged("another program listens no more", nil) })
}

// T26: a server of a network that is none of the relay's is not told.
func TestT26_AServerOfAnotherNetworkIsNotTold(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.network("vlan10", "10.1.0.1/24")
	b.relay.Add(&netlink.Bridge{LinkAttrs: netns.Attrs("virbr0")})
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

// T26: ISC dhcpd -6, which was there first, has a wildcard that the kernel looks at
// before the relay's. It serves another network.
func TestT26_BesideAnOlderServerOfDHCPv6(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	v := b.uplink6()
	serve6(t, v)
	n := b.network6("vlan10", "2001:db8:10::1/64")
	b.network6("lan", "2001:db8:20::1/64")
	dir := t.TempDir()
	conf, leases := filepath.Join(dir, "dhcpd6.conf"), filepath.Join(dir, "leases")
	text := "subnet6 2001:db8:20::/64 { range6 2001:db8:20::100 2001:db8:20::200; }\n"
	if err := errors.Join(os.WriteFile(conf, []byte(text), 0o644), os.WriteFile(leases, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	b.relay.program("dhcpd", "-6", "-f", "-d", "--no-pid", "-cf", conf, "-lf", leases, "lan")
	const wildcard = "00000000000000000000000000000000:0223" // port 547
	heard := func() bool {
		var table []byte
		b.relay.Do(func() (err error) { table, err = os.ReadFile("/proc/thread-self/net/udp6"); return err })
		return strings.Contains(string(table), wildcard)
	}
	for end := time.Now().Add(patient); !heard(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("dhcpd does not listen")
		}
	}
	d := b.start(relaying6)
	d.await("sockets of its own", func() bool { return d.logged("addresses have sockets of their own", nil) })
	for i := range uint32(5) {
		c := client6Of(i)
		n.send(c.frame(c.message(dhcp6.Solicit, 0)))
		n.await(c.addr)
	}
	if code, why := d.ready(); code != http.StatusOK {
		t.Errorf("a server of another network: %d %s", code, why)
	}
	d.balanced()
}

// T26: a server that is bound to the device by which replies come takes nothing,
// and the sockets that see to it end with it.
func TestT26_SocketsOfAddressesComeAndGo(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	b.relay.Addr("vlan10", "10.2.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	sockets := func() (n int) {
		for _, p := range b.relay.ports() {
			if p == 67 {
				n++
			}
		}
		return n
	}
	before := sockets()
	other := b.relay.program("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--bind-dynamic", "--interface=up", "--except-interface=lo", "--dhcp-range=10.9.0.100,10.9.0.200",
		"--dhcp-leasefile="+filepath.Join(t.TempDir(), "leases"), "--pid-file="+filepath.Join(t.TempDir(), "pid"), "--user=root")
	d.await("sockets of its own", func() bool {
		return d.logged("addresses have sockets of their own", map[string]any{"addresses": float64(1)})
	})
	for i := range uint32(20) {
		n.broadcast(discover(i + 1).request())
		h := v.want()
		v.reply(h, bootp.Offer, "10.1.0.77")
		n.want()
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	d.await("no more sockets than before", func() bool { return sockets() == before })
	d.balanced()
}
