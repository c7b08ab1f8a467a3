package relay_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
)

// programs is where Debian has FRR's daemons.
const programs = "/usr/lib/frr"

// FRR makes one of two routers the master, with the devices and files that deploy has. One
// of them relays, each message once, and when the master's part is shut down or its port is
// lost, the other one does.
func TestVRRPByFRR(t *testing.T) {
	plan := planVRRP()
	if !plan.exact {
		t.Skip("this needs FRR: make ha has it")
	}
	if _, err := exec.LookPath(programs + "/vrrpd"); err != nil {
		netns.Need(t, "FRR, which make ha installs", err)
	}
	g := newGateway(t, "recipes/frr", (*router).frr)
	g.servers.Route("10.1.0.2/32", "10.9.0.11")
	g.servers.Route("10.1.0.3/32", "10.9.0.12")
	g.serve()
	first, second := g.routers[0], g.routers[1]
	g.settle(first, second)
	login := func(what string, mayOverlap bool, during func()) {
		t.Helper()
		g.heard.reset()
		l := &logins{g: g, every: time.Second / time.Duration(plan.perSecond), again: 4 * time.Second, first: g.xid}
		clients := 3 * plan.perSecond
		g.xid += uint32(2 * clients)
		done := make(chan struct{})
		go func() {
			defer close(done)
			time.Sleep(time.Second)
			during()
		}()
		l.run(clients)
		<-done
		twice := g.heard.beyond(&l.sent)
		t.Logf("%s: %d clients, at most %d transmissions of a message; more copies than that of %d at a server", what, clients, l.most(), twice)
		if l.most() > plan.transmissions {
			t.Errorf("%s: a client has sent a message %d times", what, l.most())
		}
		if twice > 0 && !mayOverlap {
			t.Errorf("%s: %d messages came twice to a server", what, twice)
		}
	}
	login("both are up", false, func() {})
	login("VRRP of the master is shut down", false, func() { first.vtysh("interface vlan10", "vrrp 51 shutdown") })
	g.settle(second, first)
	login("it is back", true, func() { first.vtysh("interface vlan10", "no vrrp 51 shutdown") })
	g.settle(first, second)
	login("the master's port on the VLAN is lost", false, func() { g.must(g.clients.NL.LinkSetDown(g.clients.Link("l0"))) })
	second.daemon.await("the second router relays", second.master)
}

// frr starts zebra and vrrpd with the file that deploy has, after its devices.
func (r *router) frr() {
	r.t.Helper()
	devices, err := filepath.Abs("../deploy/recipes/frr/macvlans")
	r.relay.Must(err)
	r.relay.Sysctl("ipv6/conf/default/disable_ipv6", "0")
	if out, err := r.relay.NS().Run(context.Background(), devices); err != nil {
		r.t.Fatalf("%s: %v\n%s", devices, err, out)
	}
	text, err := os.ReadFile("../deploy/recipes/frr/vrrpd.conf")
	r.relay.Must(err)
	text = bytes.Replace(text, []byte("priority 200"), fmt.Appendf(nil, "priority %d", 200-50*r.number), 1)
	every, err := strconv.ParseFloat(planVRRP().every, 64)
	r.relay.Must(err)
	text = bytes.Replace(text, []byte("interval 1000"), fmt.Appendf(nil, "interval %d", int(1000*every)), 1)
	// FRR runs as a user of its own, which may not look into directories of the test.
	r.vty, err = os.MkdirTemp("", "frr")
	r.relay.Must(err)
	r.t.Cleanup(func() { _ = os.RemoveAll(r.vty) })
	who, err := user.Lookup("frr")
	r.relay.Must(err)
	uid, _ := strconv.Atoi(who.Uid)
	gid, _ := strconv.Atoi(who.Gid)
	r.relay.Must(os.Chown(r.vty, uid, gid))
	for _, program := range []string{"zebra", "vrrpd"} {
		file := filepath.Join(r.vty, program+".conf")
		if program == "zebra" {
			r.relay.Must(os.WriteFile(file, nil, 0o644))
		} else {
			r.relay.Must(os.WriteFile(file, text, 0o644))
		}
		cmd := exec.Command(filepath.Join(programs, program), "-f", file, "-i", filepath.Join(r.vty, program+".pid"),
			"-z", filepath.Join(r.vty, "zserv.api"), "--vty_socket", r.vty, "-A", "127.0.0.1", "-u", "frr", "-g", "frr")
		out := &journal{}
		cmd.Stdout, cmd.Stderr = out, out
		r.relay.start(cmd)
		r.t.Cleanup(func() {
			if r.t.Failed() {
				r.t.Logf("%s of router %d:\n%s", program, r.number, out)
			}
		})
		r.daemon.await(program, func() bool { _, err := os.Stat(filepath.Join(r.vty, program+".vty")); return err == nil })
	}
}

// vtysh configures a router's FRR.
func (r *router) vtysh(commands ...string) {
	args := []string{"--vty_socket", r.vty, "-c", "configure terminal"}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	if out, err := r.relay.NS().Run(context.Background(), "vtysh", args...); err != nil {
		r.t.Errorf("vtysh %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
