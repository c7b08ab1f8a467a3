package deploytest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/wire"
)

// routersFirewall lets nothing in that no rule lets in.
const routersFirewall = `flush ruleset
table inet filter {
	chain input { type filter hook input priority 0; policy drop; }
}
`

// A managed router is a process with a network and a root file system of its own, which
// Ansible enters.
type managed struct {
	vlans map[string]*wire.Tap // the clients' ends
	pid   int
	root  string
	ns    *netns.NS
}

// A rollout is routers that Ansible manages, and two DHCP servers.
type rollout struct {
	t       *testing.T
	dir     string
	routers []*managed
	heard   map[string]*sync.Map // by server: the xids that it heard
	xid     atomic.Uint32
	vars    map[string]any
	whole   bool // play all, and not what shows it in half a minute
}

// newRollout makes routers whose root file systems begin as lower, with what extra has.
func newRollout(t *testing.T, size int, lower, extra string) *rollout {
	t.Helper()
	netns.Require(t)
	if _, err := exec.LookPath("ansible-playbook"); err != nil {
		t.Skip("it wants ansible-core")
	}
	f := &rollout{t: t, dir: t.TempDir(), heard: map[string]*sync.Map{}, whole: os.Getenv("RELAY_TEST_FLEET") != ""}
	far := netns.Test(t, "servers")
	f.must(far.Bridge("br0"))
	f.must(far.Addr("br0", "10.9.0.2/16"), far.Addr("br0", "10.9.0.3/16"))
	for i := range size {
		f.routers = append(f.routers, f.router(i, far, lower, extra))
	}
	for _, address := range []string{"10.9.0.2", "10.9.0.3"} {
		f.serve(far, address)
	}
	f.install()
	return f
}

func (f *rollout) must(errs ...error) {
	f.t.Helper()
	for _, err := range errs {
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

// router makes the router with the number i.
func (f *rollout) router(i int, far *netns.NS, lower, extra string) *managed {
	f.t.Helper()
	r := &managed{ns: netns.Test(f.t, fmt.Sprint("r", i)), vlans: map[string]*wire.Tap{}}
	clients, port := netns.Test(f.t, fmt.Sprint("c", i)), fmt.Sprint("p", i)
	uplink := fmt.Sprintf("10.9.1.%d", i+1)
	f.must(netns.Veth(r.ns, "up0", far, port), far.Master(port, "br0"), r.ns.Addr("up0", uplink+"/16"), r.ns.Forward())
	for _, vlan := range []int{10, 20} {
		name := fmt.Sprint("vlan", vlan)
		f.must(netns.Veth(r.ns, name, clients, name), r.ns.Addr(name, fmt.Sprintf("10.%d.%d.1/24", vlan, i)),
			far.Route(fmt.Sprintf("10.%d.%d.0/24", vlan, i), uplink), r.ns.Running(name))
		tap, err := wire.Open(clients, name)
		f.must(err)
		f.t.Cleanup(func() { _ = tap.Close() })
		r.vlans[name] = tap
	}
	f.must(r.ns.Running("up0"), far.Running(port))

	const script = `set -e; cd "$1"; mount -t tmpfs tmpfs .; mkdir up work root; cp -a "$3/." up
mount -t overlay overlay -o "lowerdir=$2,upperdir=up,workdir=work" root
mount -t proc proc root/proc; mount -t sysfs sysfs root/sys; mount --rbind /dev root/dev
exec chroot root /bin/sh -c 'echo up; while :; do sleep 1000; done'`
	dir := filepath.Join(f.dir, r.ns.Name)
	f.must(os.Mkdir(dir, 0o755))
	cmd := exec.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "sh", "-c", script, "sh", dir, lower, extra)
	said := &output{}
	cmd.Stdout, cmd.Stderr = said, said
	p, err := r.ns.StartCmd(cmd)
	f.must(err)
	f.t.Cleanup(p.Stop)
	f.await("a router is up", func() bool { return strings.Contains(said.String(), "up\n") })
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.Pid()))
	f.must(err)
	r.pid, err = strconv.Atoi(strings.TrimSpace(string(b)))
	f.must(err)
	r.root = fmt.Sprintf("/proc/%d/root", r.pid)
	return r
}

func (f *rollout) await(what string, done func() bool) {
	f.t.Helper()
	for end := time.Now().Add(patient); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			f.t.Fatalf("not within %v: %s", patient, what)
		}
	}
}

// serve has a server offer an address to each client that discovers.
func (f *rollout) serve(far *netns.NS, address string) {
	f.t.Helper()
	heard := &sync.Map{}
	f.heard[address] = heard
	var conn *net.UDPConn
	f.must(far.Do(func() (err error) {
		conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address+":67")))
		return err
	}))
	_ = conn.SetReadBuffer(4 << 20)
	var wg sync.WaitGroup
	wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, _, err := conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			m, err := dhcpv4.FromBytes(b[:n])
			if err != nil {
				continue
			}
			heard.Store(m.TransactionID, true)
			offer, err := dhcpv4.NewReplyFromRequest(m, dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer),
				dhcpv4.WithYourIP(m.GatewayIPAddr.Mask(net.CIDRMask(24, 32))), dhcpv4.WithServerIP(net.ParseIP(address)),
				dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.ParseIP(address))))
			if err == nil {
				if info := m.Options.Get(dhcpv4.OptionRelayAgentInformation); info != nil {
					offer.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionRelayAgentInformation, info))
				}
				_, _ = conn.WriteToUDP(offer.ToBytes(), &net.UDPAddr{IP: m.GatewayIPAddr, Port: 67})
			}
		}
	})
	f.t.Cleanup(func() { _ = conn.Close(); wg.Wait() })
}

// install makes the collection and the inventory known to Ansible.
func (f *rollout) install() {
	f.t.Helper()
	collection, err := filepath.Abs("../ansible")
	f.must(err)
	plugins, err := filepath.Abs("testdata/ansible/connection")
	f.must(err)
	f.must(os.MkdirAll(f.dir+"/collections/ansible_collections/dhcp", 0o755), os.Symlink(collection, f.dir+"/collections/ansible_collections/dhcp/relay"))
	f.write("ansible.cfg", fmt.Sprintf("[defaults]\ncollections_path = %s/collections\nconnection_plugins = %s\nforks = 6\n"+
		"interpreter_python = /usr/bin/python3\nlocal_tmp = %[1]s/tmp\n[connection]\npipelining = true\n", f.dir, plugins))
	hosts := map[string]any{}
	for i, r := range f.routers {
		hosts[fmt.Sprint("router", i)] = map[string]any{"router_pid": r.pid}
	}
	inventory, err := json.Marshal(map[string]any{"routers": map[string]any{"hosts": hosts, "vars": map[string]any{"ansible_connection": "router"}}})
	f.must(err)
	f.write("hosts.json", string(inventory))
	f.write("prometheus/.keep", "")
	f.vars = map[string]any{
		"dhcp_relay_package": "", "dhcp_relay_replaces": []string{},
		"dhcp_relay_manager": "command", "dhcp_relay_commands": map[string]string{"start": "router-relay start", "restart": "router-relay restart"},
		"dhcp_relay_servers":  []string{"10.9.0.2"},
		"dhcp_relay_vlans":    []map[string]any{{"id": 10, "name": "Offices"}, {"id": 20, "name": "Telephones"}},
		"dhcp_relay_firewall": true, "dhcp_relay_firewall_chains": map[string]string{"input": "inet filter input"},
		"dhcp_relay_scrape_host": "localhost", "dhcp_relay_scrape_dir": f.dir + "/prometheus",
	}
}

func (f *rollout) write(name, text string) {
	f.t.Helper()
	path := filepath.Join(f.dir, name)
	f.must(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o755))
}

// play plays the role with variables beside those of the fleet.
func (f *rollout) play(vars map[string]any, args ...string) (said string, err error) {
	f.t.Helper()
	all := maps.Clone(f.vars)
	maps.Copy(all, vars)
	b, err := json.Marshal(all)
	f.must(err)
	f.write("vars.json", string(b))
	// A router takes seconds, and much longer where the processors are busy.
	ctx, cancel := context.WithTimeout(f.t.Context(), max(aptTime, time.Duration(len(f.routers))*time.Minute))
	defer cancel()
	site, err := filepath.Abs("testdata/ansible/site.yml")
	f.must(err)
	cmd := exec.CommandContext(ctx, "ansible-playbook", append([]string{"-i", f.dir + "/hosts.json", "-e", "@" + f.dir + "/vars.json", site}, args...)...)
	cmd.Env = append(os.Environ(), "ANSIBLE_CONFIG="+f.dir+"/ansible.cfg", "ANSIBLE_NOCOLOR=1", "LC_ALL=C.UTF-8", "HOME="+f.dir)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	f.t.Logf("ansible-playbook %q: %.1f s", args, time.Since(began).Seconds())
	return string(out), err
}

// apply plays the role, which must do, and returns on how many routers it changed
// something.
func (f *rollout) apply(vars map[string]any) (changed int) {
	f.t.Helper()
	said, err := f.play(vars)
	if err != nil {
		f.t.Fatalf("%v\n%s\n%s", err, said, f.log())
	}
	recaps := regexp.MustCompile(`(?m)^router\d+ .* changed=(\d+) `).FindAllStringSubmatch(said, -1)
	if len(recaps) != len(f.routers) {
		f.t.Fatalf("it tells of %d routers of %d:\n%s", len(recaps), len(f.routers), said)
	}
	for _, r := range recaps {
		if r[1] != "0" {
			changed++
		}
	}
	return changed
}

// log returns what the first relay logged.
func (f *rollout) log() string {
	b, _ := os.ReadFile(f.routers[0].root + "/var/log/dhcp-relay.log")
	return string(b)
}

// ask has a client of a router discover, and returns its xid.
func (f *rollout) ask(r *managed, vlan string) dhcpv4.TransactionID {
	n := f.xid.Add(1)
	xid := dhcpv4.TransactionID{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	mac := net.HardwareAddr{2, 9, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	m, err := dhcpv4.NewDiscovery(mac, dhcpv4.WithTransactionID(xid), dhcpv4.WithBroadcast(true))
	if err != nil {
		f.t.Error(err)
		return xid
	}
	p := wire.Packet{EtherSrc: mac, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddrPort("255.255.255.255:67"), Payload: m.ToBytes()}
	if err := r.vlans[vlan].Send(p.Frame()); err != nil {
		f.t.Error(err)
	}
	return xid
}

// drain strikes out those whose offers have come to the clients.
func (f *rollout) drain(open map[dhcpv4.TransactionID]string) {
	f.t.Helper()
	for _, r := range f.routers {
		for _, tap := range r.vlans {
			frames, err := tap.Drain()
			f.must(err)
			for i := range frames {
				if !frames[i].DHCP4() {
					continue
				}
				if m, err := dhcpv4.FromBytes(frames[i].Payload); err == nil && m.MessageType() == dhcpv4.MessageTypeOffer {
					delete(open, m.TransactionID)
				}
			}
		}
	}
}

// answered has a client of each VLAN of each router discover once; all must be answered,
// by the server of that VLAN alone.
func (f *rollout) answered(servers map[string]string) {
	f.t.Helper()
	open, of := map[dhcpv4.TransactionID]string{}, map[dhcpv4.TransactionID]string{}
	for _, r := range f.routers {
		for vlan := range r.vlans {
			xid := f.ask(r, vlan)
			open[xid], of[xid] = vlan, vlan
		}
	}
	f.await("every client has an offer", func() bool { f.drain(open); return len(open) == 0 })
	for xid, vlan := range of {
		for address, heard := range f.heard {
			if _, ok := heard.Load(xid); ok != (address == servers[vlan]) {
				f.t.Errorf("a request of %s at %s: %v", vlan, address, ok)
			}
		}
	}
}

// underLoad has clients ask on all VLANs while something is done, and says how many
// asked and what was lost of it.
func (f *rollout) underLoad(do func()) {
	f.t.Helper()
	open, quit := map[dhcpv4.TransactionID]string{}, make(chan struct{})
	asked := 0
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(time.Duration(len(f.routers)) * 5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			for i, r := range f.routers {
				for vlan := range r.vlans {
					open[f.ask(r, vlan)] = fmt.Sprintf("%s of router %d", vlan, i)
					asked++
				}
			}
			f.drain(open)
		}
	})
	do()
	close(quit)
	wg.Wait()
	for end := time.Now().Add(patient); len(open) > 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		f.drain(open)
	}
	unheard := 0
	for xid := range open {
		if _, ok := f.heard["10.9.0.2"].Load(xid); ok {
			continue
		}
		if _, ok := f.heard["10.9.0.3"].Load(xid); !ok {
			unheard++
		}
	}
	f.t.Logf("%d asked; lost %d requests, %d replies", asked, unheard, len(open)-unheard)
	if len(open) > 0 {
		f.t.Errorf("%d of %d clients have no offer; of %d no server heard", len(open), asked, unheard)
	}
}

// routerFiles makes what routers have beside the root that they begin with.
func routerFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, sub := range []string{"/etc/dhcp-relay", "/usr/sbin", "/usr/bin", "/run/systemd/system"} {
		if err := os.MkdirAll(dir+sub, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "cp", "testdata/ansible/router-relay", dir+"/usr/sbin/router-relay")
	if err := os.WriteFile(dir+"/etc/nftables.conf", []byte(routersFirewall), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestAnsibleRole: the role brings up routers, changes nothing when it is played again,
// and changes one VLAN's servers, or what takes a restart, without losing a message.
func TestAnsibleRole(t *testing.T) {
	extra := routerFiles(t)
	run(t, "go", "build", "-ldflags", "-s -w", "-o", extra+"/usr/sbin/dhcp-relay", "dhcp-relay/cmd/dhcp-relay")
	// systemd, as far as Ansible asks it.
	run(t, "cp", "testdata/ansible/systemctl", extra+"/usr/bin/systemctl")
	size := 1
	if os.Getenv("RELAY_TEST_FLEET") != "" {
		size = 2
	}
	f := newRollout(t, size, "/", extra)
	delete(f.vars, "dhcp_relay_manager")
	delete(f.vars, "dhcp_relay_commands")
	f.bringUp()
	targets, err := filepath.Glob(f.dir + "/prometheus/dhcp-relay-router*.json")
	f.must(err)
	if len(targets) != len(f.routers) {
		t.Errorf("targets for Prometheus: %q", targets)
	}
	f.refuses()
	f.changes(f.whole)
}

// TestAnsibleFleet: so with many routers that begin as fresh Debian roots with
// isc-dhcp-relay, and get the package.
func TestAnsibleFleet(t *testing.T) {
	size, _ := strconv.Atoi(os.Getenv("RELAY_TEST_FLEET"))
	if size == 0 {
		t.Skip("it takes minutes, and a root file system of Debian: make ansible-test")
	}
	lower := managedRoot(t)
	f := newRollout(t, size, lower, routerFiles(t))
	cmd := exec.Command("../packages/build", "v1.0.0", f.dir+"/packages", "deb")
	cmd.Env = append(os.Environ(), "ARCHS="+runtime.GOARCH, "SOURCE_DATE_EPOCH=1700000000", "COMMITS=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	f.vars["dhcp_relay_package"] = f.dir + "/packages/dhcp-relay_1.0.0-1_" + runtime.GOARCH + ".deb"
	f.vars["dhcp_relay_replaces"] = []string{"isc-dhcp-relay"}
	// What TestAnsibleRole shows need not be played on each.
	maps.Copy(f.vars, map[string]any{"dhcp_relay_firewall": false, "dhcp_relay_scrape_host": ""})
	f.bringUp()
	for i, r := range f.routers {
		if _, err := os.Stat(r.root + "/usr/sbin/dhcrelay"); err == nil {
			t.Errorf("router %d still has dhcrelay", i)
		}
	}
	f.vars["dhcp_relay_package"], f.vars["dhcp_relay_replaces"] = "", []string{}
	f.changes(false)
}

// managedRoot returns a root of Debian with what Ansible needs of a host, and
// isc-dhcp-relay. It is kept in the directory that the environment names.
func managedRoot(t *testing.T) string {
	t.Helper()
	kept := filepath.Join(cmp.Or(os.Getenv("RELAY_TEST_ROOTS"), t.TempDir()), "trixie-managed")
	if _, err := os.Stat(kept); err == nil {
		return kept
	}
	run(t, "debootstrap", "--variant=minbase", "--include=python3,python3-apt,nftables,isc-dhcp-relay", "trixie", kept+".part")
	if err := os.Rename(kept+".part", kept); err != nil {
		t.Fatal(err)
	}
	return kept
}

// bringUp plays the role on routers that have nothing, and again.
func (f *rollout) bringUp() {
	f.t.Helper()
	if n := f.apply(nil); n != len(f.routers) {
		f.t.Errorf("the first run changed %d of %d routers", n, len(f.routers))
	}
	f.answered(map[string]string{"vlan10": "10.9.0.2", "vlan20": "10.9.0.2"})
	if n := f.apply(nil); n != 0 {
		f.t.Errorf("the second run changed %d of %d routers", n, len(f.routers))
	}
}

// refuses plays what must be refused, and change nothing.
func (f *rollout) refuses() {
	f.t.Helper()
	f.t.Run("refuses", func(t *testing.T) {
		before, err := os.ReadFile(f.routers[0].root + "/etc/dhcp-relay/relay.toml")
		f.must(err)
		for _, tc := range []struct {
			name string
			vars map[string]any
			args []string
			want string
		}{
			{"an error, in check mode", map[string]any{"dhcp_relay_servers": []string{"10.9.0"}}, []string{"--check"}, `\"10.9.0\"`},
			{"an error", map[string]any{"dhcp_relay_servers": []string{"10.9.0"}}, nil, "/etc/dhcp-relay/relay.toml:"},
			{"no VLANs", map[string]any{"dhcp_relay_vlans": []any{}}, nil, "there is no [[interface]]"},
			{"a mistyped variable", map[string]any{"dhcp_relay_server": []string{"10.9.0.3"}}, nil, "no variable dhcp_relay_server;"},
			{"a variable of another kind", map[string]any{"dhcp_relay_vlans": "vlan10"}, nil, "dhcp_relay_vlans"},
		} {
			if !f.whole && tc.args == nil {
				continue
			}
			said, err := f.play(tc.vars, append(tc.args, "--limit", "router0")...)
			if err == nil || !strings.Contains(said, tc.want) {
				t.Errorf("%s: %v\n%s", tc.name, err, said)
			}
		}
		if after, err := os.ReadFile(f.routers[0].root + "/etc/dhcp-relay/relay.toml"); err != nil || !bytes.Equal(after, before) {
			t.Errorf("the file has changed: %v, %s", err, after)
		}
	})
}

// changes gives one VLAN other servers while clients ask, and then changes what takes a
// restart.
func (f *rollout) changes(restart bool) {
	f.t.Helper()
	restarted := func() int { return strings.Count(f.log(), "sockets taken over") }
	servers := map[string]any{"dhcp_relay_interfaces_phones": map[string]any{"vlan20": map[string]any{"servers": []string{"10.9.0.3"}}}}
	said, err := f.play(servers, "--check", "--limit", "router0")
	if err != nil || !strings.Contains(said, "10.9.0.3") {
		f.t.Errorf("in check mode: %v\n%s", err, said)
	}
	f.answered(map[string]string{"vlan10": "10.9.0.2", "vlan20": "10.9.0.2"})
	f.underLoad(func() {
		if n := f.apply(servers); n != len(f.routers) {
			f.t.Errorf("other servers changed %d of %d routers", n, len(f.routers))
		}
	})
	f.answered(map[string]string{"vlan10": "10.9.0.2", "vlan20": "10.9.0.3"})
	if n := restarted(); n != 0 {
		f.t.Errorf("other servers restarted the relay %d times", n)
	}
	if !restart {
		return
	}
	maps.Copy(f.vars, servers)
	f.underLoad(func() {
		f.apply(map[string]any{"dhcp_relay_config": map[string]any{"log": map[string]any{"format": "json"}}})
	})
	if n := restarted(); n != 1 {
		f.t.Errorf("another log format restarted the relay %d times:\n%s", n, f.log())
	}
}
