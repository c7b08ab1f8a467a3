package relay_test

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/real"
)

// renewals is how often a client renews while the master changes; a lease is three times as
// long as it takes to find a dead master, as is usual.
const (
	renewals    = 50
	shortLease  = 6 // seconds
	masterStays = 7 * time.Second
)

// A real server tells a real client to renew at the virtual address, as by server identifier
// override (RFC 5107), so that the relay which has it brings each renewal to the server.
// While the master changes again and again none is lost: the client never has to go without
// its address.
func TestRenewalsWhileTheMasterChanges(t *testing.T) {
	if !planVRRP().exact {
		t.Skip("this takes three minutes: make ha has it")
	}
	for _, err := range []error{real.CheckServer("kea"), real.CheckClient("dhclient")} {
		if err != nil {
			netns.Need(t, "the programs that make deps-test installs", err)
		}
	}
	g := byKeepalived(t)
	first, second := g.routers[0], g.routers[1]
	g.settle(first, second)
	s, err := real.StartServer(context.Background(), "kea", g.servers.NS(), "wan", real.ServerConfig{
		Dir: t.TempDir(), Link: netip.MustParsePrefix("10.9.0.2/24"), Lease: shortLease,
		Subnets: []real.Subnet{{
			Prefix: netip.MustParsePrefix("10.1.0.0/16"), Router: netip.MustParseAddr("10.1.0.1"),
			First: netip.MustParseAddr("10.1.64.0"), Last: netip.MustParseAddr("10.1.127.255"),
			ServerID: netip.MustParseAddr("10.1.0.1"),
		}},
	})
	g.fatal(err)
	defer func() { g.must(s.Close()) }()
	c := g.dhclient()
	defer func() {
		if t.Failed() {
			t.Logf("dhclient: %s", strings.Join(c.reasons(t), " "))
		}
	}()
	first.daemon.await("the client has a lease", func() bool { return len(c.reasons(t)) > 1 })

	changes := 0
	for end := time.Now().Add(10 * time.Minute); c.count(t, "RENEW", "REBIND") < renewals; {
		if time.Now().After(end) {
			t.Fatalf("%d renewals in 10 minutes", c.count(t, "RENEW", "REBIND"))
		}
		time.Sleep(masterStays)
		changes++
		if changes%2 == 1 {
			g.must(first.keepalived.Process.Signal(syscall.SIGTERM))
			_ = first.keepalived.Wait()
			g.settle(second, first)
		} else {
			first.elect()
			g.settle(first, second)
		}
	}
	t.Logf("%d changes of the master; of the client: %d RENEW, %d REBIND", changes, c.count(t, "RENEW"), c.count(t, "REBIND"))
	if n := c.count(t, "EXPIRE", "FAIL", "TIMEOUT", "STOP"); n > 0 {
		t.Errorf("the client has lost its address %d times", n)
	}
	if n := c.count(t, "BOUND"); n != 1 {
		t.Errorf("the client was bound %d times", n)
	}
	for _, r := range g.routers {
		if r.daemon.scrape().outcome("relayed") == 0 {
			t.Errorf("router %d has relayed nothing", r.number)
		}
	}
}

// A renewing is a real dhclient, which writes down what happens to it.
type renewing struct{ log string }

const renewingScript = `#!/bin/sh
echo "$reason" >>"${0%/*}/reasons"
case "$reason" in
PREINIT) ip link set "$interface" up ;;
BOUND|RENEW|REBIND|REBOOT) ip addr replace "$new_ip_address/$new_subnet_mask" dev "$interface" ;;
EXPIRE|FAIL|TIMEOUT|STOP) ip addr flush dev "$interface" ;;
esac
exit 0
`

func (g *gateway) dhclient() *renewing {
	g.t.Helper()
	dir := g.t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	g.must(os.WriteFile(at("script"), []byte(renewingScript), 0o755))
	g.must(os.WriteFile(at("conf"), []byte("initial-interval 2;\nselect-timeout 0;\n"), 0o600))
	g.clients.start(exec.Command("dhclient", "-4", "-d", "-sf", at("script"), "-cf", at("conf"), "-lf", at("leases"), "-pf", at("pid"), "c"))
	return &renewing{at("reasons")}
}

// reasons returns what has happened so far.
func (c *renewing) reasons(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile(c.log)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Fields(string(b))
}

func (c *renewing) count(t *testing.T, reasons ...string) (n int) {
	t.Helper()
	for _, r := range c.reasons(t) {
		for _, want := range reasons {
			if r == want {
				n++
			}
		}
	}
	return n
}
