package relay_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dhcp-relay/relay/probe"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// A prober asks the daemon to probe.
type prober struct {
	d      *daemon
	socket string
}

// startControlled starts the daemon with a control socket.
func (b *bed) startControlled(config string) *prober {
	b.t.Helper()
	at := filepath.Join(b.t.TempDir(), "control.sock")
	return &prober{b.start("control.socket = \"" + at + "\"\n" + config), at}
}

// probe runs the command, and returns its results and its exit status.
func (p *prober) probe(args ...string) (all []probe.Result, status int) {
	p.d.t.Helper()
	out, wrong, status := p.run(append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		p.d.t.Fatalf("%v in %q, %s", err, out, wrong)
	}
	return all, status
}

func (p *prober) run(args ...string) (out, wrong string, status int) {
	p.d.t.Helper()
	cmd := exec.Command(daemonPath, append([]string{"probe", "--socket", p.socket}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.d.t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// TestProbe has one server that offers, one that answers from another address, one
// whose port is closed and one that is silent; a client in the VLAN hears none of it.
func TestProbe(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	b.servers.Addr("s", "10.9.0.4/24", "10.9.0.5/24")
	b.acquaint("10.9.0.1", "10.9.0.4", "10.9.0.5")
	offers, acks, silent := listenAt(b.servers, "10.9.0.2:67"), listenAt(b.servers, "10.9.0.3:67"), listenAt(b.servers, "10.9.0.5:67")
	p := b.startControlled("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\", \"10.9.0.3\", \"10.9.0.4\", \"10.9.0.5\"]\n")
	released := make(chan bootp.Packet, 1)
	go func() {
		h := offers.want()
		if l, ok := h.Scan(); !ok || l.Type != bootp.Discover || h.Giaddr().String() != "10.1.0.1" || circuit(h.Packet) != "vlan10" {
			t.Errorf("the server was asked %x", h.Packet)
		}
		if !bytes.Contains(h.Packet, []byte(probe.Name)) || !bytes.HasPrefix(h.Chaddr(), []byte{2, 'P', 'R'}) {
			t.Error("the servers' operators cannot tell who asks")
		}
		offers.reply(h, bootp.Offer, "10.1.0.77")
	}()
	go func() {
		acks.reply(acks.want(), bootp.Ack, "10.1.0.78") // unasked
		released <- acks.want().Packet
	}()
	all, status := p.probe("vlan10")
	if status != 0 || len(all) != 1 || len(all[0].Servers) != 4 {
		t.Fatalf("exit status %d, %+v", status, all)
	}
	s := all[0].Servers
	if !s[0].Offers || s[0].Offered != "10.1.0.77" || s[0].After <= 0 || s[0].Type != "offer" {
		t.Errorf("who offers: %+v", s[0])
	}
	if !s[1].Offers || !s[1].Released {
		t.Errorf("who gives a lease unasked: %+v", s[1])
	}
	if s[2].Offers || s[2].What != "10.9.0.4 says that nothing listens on port 67" {
		t.Errorf("who does not listen: %+v", s[2])
	}
	if s[3].Offers || s[3].What != "no answer" || s[3].Remedy == "" {
		t.Errorf("who is silent: %+v", s[3])
	}
	select {
	case r := <-released:
		if l, ok := r.Scan(); !ok || l.Type != bootp.Release || r.Ciaddr().String() != "10.1.0.78" {
			t.Errorf("instead of a release %x", r)
		}
	case <-time.After(patient):
		t.Error("the lease was kept")
	}
	silent.want()
	if n.hears(200 * time.Millisecond) {
		t.Error("the clients hear of it")
	}
	if m := p.d.balanced(); m.sum("dhcp_relay_received_total") > 0 || m.sum("dhcp_relay_server_replies_total") > 0 {
		t.Error("probes are counted as messages")
	}

	// A client that asks meanwhile is served.
	n.broadcast(discover(1).request())
	offers.reply(offers.want(), bootp.Offer, "10.1.0.79")
	n.want()

	// One server, for people.
	out, _, status := p.run("vlan10", "--server", "10.9.0.4")
	if status != 1 || !strings.Contains(out, "10.9.0.4  10.9.0.4 says that nothing listens on port 67") || strings.Contains(out, "10.9.0.2") {
		t.Errorf("exit status %d, %s", status, out)
	}
	for _, args := range [][]string{{"vlan99"}, {"vlan10", "-6"}, {"vlan10", "--server", "10.9.0.77"}} {
		if _, wrong, status := p.run(args...); status != 1 || !strings.Contains(wrong, args[len(args)-1]) && args[1] != "-6" {
			t.Errorf("%v: exit status %d, %s", args, status, wrong)
		}
	}
}

// TestProbe6 has a server with an address, which then gives a lease unasked, then has
// none left.
func TestProbe6(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network6("vlan10", "2001:db8:1::1/64")
	v := b.uplink6()
	b.servers.Route("2001:db8:1::/64", "2001:db8:9::1")
	p := b.startControlled(relaying6)
	types := make(chan dhcp6.Type, 8)
	answers := make(chan func(solicit dhcp6.Message) []byte, 4)
	go func() {
		buf := make([]byte, 4096)
		for {
			k, from, err := v.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			fwd := dhcp6.Message(bytes.Clone(buf[:k]))
			m := inside(fwd)
			types <- m.Type()
			if m.Type() != dhcp6.Solicit {
				continue
			}
			if _, err := v.WriteToUDPAddrPort(answer6(fwd, (<-answers)(m)), from); err != nil {
				t.Error(err)
			}
		}
	}()
	// reply makes an answer with a Server-Id and an IA_NA with options.
	reply := func(kind dhcp6.Type, options []byte) func(dhcp6.Message) []byte {
		return func(m dhcp6.Message) []byte {
			r := []byte{byte(kind), m[1], m[2], m[3]}
			r = dhcp6.AppendOption(r, 1, m.ClientID())
			r = dhcp6.AppendOption(r, 2, []byte{0, 3, 0, 1, 2, 0, 0, 0, 0, 9})
			return dhcp6.AppendOption(r, 3, append(make([]byte, 12), options...))
		}
	}
	address := append([]byte{0x20, 1, 0xd, 0xb8, 0, 1, 15: 0x77}, 0, 0, 0, 60, 0, 0, 0, 90)
	lease := dhcp6.AppendOption(nil, 5, address)
	none := dhcp6.AppendOption(nil, 13, append([]byte{0, 2}, "all gone"...))
	for _, c := range []struct {
		name   string
		answer func(dhcp6.Message) []byte
		want   probe.Server
		status int
		heard  []dhcp6.Type
	}{
		{"an address", reply(dhcp6.Advertise, lease), probe.Server{Offers: true, Type: "advertise", Offered: "2001:db8:1::77", Lease: 90}, 0, []dhcp6.Type{dhcp6.Solicit}},
		{"a lease", reply(dhcp6.Reply, lease), probe.Server{Offers: true, Type: "reply", Offered: "2001:db8:1::77", Lease: 90, Released: true}, 0, []dhcp6.Type{dhcp6.Solicit, dhcp6.Release}},
		{"none", reply(dhcp6.Advertise, none), probe.Server{Type: "advertise", What: "it refuses (NoAddrsAvail: all gone)"}, 1, []dhcp6.Type{dhcp6.Solicit}},
	} {
		answers <- c.answer
		all, status := p.probe("vlan10")
		if len(all) != 1 || len(all[0].Servers) != 1 || all[0].Family != dhcp.V6 {
			t.Fatalf("%s: %+v", c.name, all)
		}
		s := all[0].Servers[0]
		if s.Type != c.want.Type || s.Offers != c.want.Offers || s.Offered != c.want.Offered || s.Lease != c.want.Lease || s.Released != c.want.Released || s.What != c.want.What || status != c.status {
			t.Errorf("%s: exit status %d, %+v", c.name, status, s)
		}
		for _, want := range c.heard {
			select {
			case got := <-types:
				if got != want {
					t.Errorf("%s: the server heard %v, want %v", c.name, got, want)
				}
			case <-time.After(patient):
				t.Errorf("%s: the server did not hear %v", c.name, want)
			}
		}
	}
	_ = n
	if m := p.d.balanced(); m.sum("dhcp_relay_received_total", "ipv6") > 0 {
		t.Error("probes are counted as messages")
	}
}

// TestProbeOfARequestThatIsDropped says why such a request would be.
func TestProbeOfARequestThatIsDropped(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.network("vlan10")
	p := b.startControlled("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	all, status := p.probe("vlan10")
	if status != 1 || len(all) != 1 || all[0].Outcome != "no_giaddr" || all[0].What == "" || all[0].Remedy == "" {
		t.Errorf("exit status %d, %+v", status, all)
	}
}

// TestCanary probes at an interval, tells Prometheus, and stops when it is not to.
func TestCanary(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.network("vlan10", "10.1.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	const config = "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\", \"10.9.0.3\"]\n"
	d := b.start(config + "probe_interval = 1\n")
	series := func(name, server string) string {
		return "dhcp_relay_probe_" + name + `{interface="vlan10",server="` + server + `:67",vrf=""}`
	}
	good, bad := series("success", "10.9.0.2"), series("success", "10.9.0.3")
	d.await("a success and a failure", func() bool {
		if h, ok := v.hear(10 * time.Millisecond); ok {
			v.reply(h, bootp.Offer, "10.1.0.77")
		}
		s := d.scrape()
		failed, told := s[bad]
		return s[good] == 1 && told && failed == 0 && s[series("duration_seconds", "10.9.0.2")] > 0
	})
	d.balanced()
	d.reload(config, "configuration reloaded")
	d.await("the series end", func() bool {
		return d.scrape().sum("dhcp_relay_probe_success") == 0 && !strings.Contains(d.metrics(), "probe_success{")
	})
}

// TestCanaryOfManyInterfaces probes more interfaces within an interval than one after
// the other would take, a server of which is silent.
func TestCanaryOfManyInterfaces(t *testing.T) {
	t.Parallel()
	const n = 40
	b := newBed(t)
	for i := range n {
		b.network(fmt.Sprintf("vlan%d", i), fmt.Sprintf("10.1.%d.1/24", i))
	}
	listenAt(b.servers, "10.9.0.2:67").lease()
	listenAt(b.servers, "10.9.0.3:67")
	d := b.start("[[interface]]\nname = \"vlan*\"\nservers = [\"10.9.0.2\", \"10.9.0.3\"]\nprobe_interval = 10\n")
	d.await("a success of each interface", func() bool {
		return d.scrape().sum("dhcp_relay_probe_success") == n && strings.Count(d.metrics(), "dhcp_relay_probe_success{") == 2*n
	})
	if d.log.count("cannot probe") > 0 {
		t.Error("interfaces cannot be probed")
	}
	d.balanced()
}

// metrics returns what a scrape shows.
func (d *daemon) metrics() string {
	d.t.Helper()
	resp, err := d.http.Get("http://127.0.0.1:9867/metrics")
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(b)
}
