package relay_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp6"
)

// status asks the daemon for its report.
func (d *daemon) status() (r status.Report) {
	d.t.Helper()
	resp, err := d.http.Get("http://127.0.0.1:9867/api/v1/status")
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		d.t.Fatalf("%v in %s", err, body)
	}
	return r
}

// cause returns what is said to stand in the way to a server, "" if nothing is.
func (d *daemon) cause(server string) string {
	d.t.Helper()
	for _, s := range d.status().Servers {
		if host, _, err := net.SplitHostPort(string(s.Address)); string(s.Address) == server || err == nil && host == server {
			if s.Cause == nil {
				return ""
			}
			return s.Cause.What
		}
	}
	d.t.Fatalf("no server %s", server)
	return ""
}

// awaitCause asks until something is said of a server.
func (d *daemon) awaitCause(server, want string, ask func()) {
	d.t.Helper()
	var got string
	defer func() {
		if d.t.Failed() {
			d.t.Logf("%s: last said %q", server, got)
		}
	}()
	d.await(want, func() bool {
		ask()
		got = d.cause(server)
		return got == want
	})
}

// TestCauseOfSilence has servers of which hosts say by ICMP why they are silent.
func TestCauseOfSilence(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	// A router beyond which a firewall rejects, another without a route, and one that
	// does not answer.
	b.servers.Sysctl("ipv4/conf/all/forwarding", "1")
	b.servers.Must(b.servers.NL.RouteAdd(&netlink.Route{Dst: prefixOf("10.8.1.0/24"), Type: unix.RTN_PROHIBIT}))
	b.servers.Must(b.servers.NL.RouteAdd(&netlink.Route{Dst: prefixOf("10.8.2.0/24"), Type: unix.RTN_UNREACHABLE}))
	b.relay.Route("10.8.0.0/16", "10.9.0.2")
	b.relay.Route("10.7.0.0/16", "10.9.0.98")
	v := listenAt(b.servers, "10.9.0.3:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\", \"10.9.0.3\", \"10.9.0.99\", \"10.8.1.1\", \"10.8.2.1\", \"10.8.3.1\", \"10.7.0.1\"]\n")
	asked := uint32(0)
	ask := func() {
		asked++
		n.broadcast(discover(asked).request())
		v.reply(v.want(), bootp.Offer, "10.1.0.77")
		n.want()
	}
	for server, want := range map[string]string{
		"10.9.0.2":  "10.9.0.2 says that nothing listens on port 67",
		"10.9.0.99": "10.9.0.99 does not answer ARP on up",
		"10.8.1.1":  "10.9.0.2 says: administratively prohibited",
		"10.8.2.1":  "10.9.0.2 says that it cannot reach 10.8.2.1: host unreachable",
		"10.7.0.1":  "10.9.0.98, the next router on the way, does not answer ARP on up",
	} {
		d.awaitCause(server, want, ask)
	}
	if got := d.cause("10.9.0.3"); got != "" {
		t.Errorf("of the server that answers: %s", got)
	}
	d.await("it is logged", func() bool {
		ask()
		return d.logged("server does not answer", map[string]any{"server": "10.9.0.99", "why": "10.9.0.99 does not answer ARP on up"})
	})
	s := d.balanced()
	for _, series := range []string{
		`dhcp_relay_server_icmp_errors_total{kind="port_closed",server="10.9.0.2:67",vrf=""}`,
		`dhcp_relay_server_icmp_errors_total{kind="host_unreachable",server="10.9.0.99:67",vrf=""}`,
		`dhcp_relay_server_icmp_errors_total{kind="prohibited",server="10.8.1.1:67",vrf=""}`,
	} {
		if s[series] == 0 {
			t.Errorf("%s is 0", series)
		}
	}
	// No error of one server is taken for a failure to send to it or another.
	if n := s.sum("dhcp_relay_server_failures_total") + s.sum("dhcp_relay_send_errors_total"); n > 0 {
		t.Errorf("%d sends failed", n)
	}

	// A server begins to listen.
	w := listenAt(b.servers, "10.9.0.2:67")
	n.broadcast(discover(4711).request())
	w.reply(w.want(), bootp.Offer, "10.1.0.78")
	n.want()
	d.await("what was said is over", func() bool { return d.cause("10.9.0.2") == "" })
	d.await("that is logged", func() bool {
		return d.logged("server answers again", map[string]any{"server": "10.9.0.2"})
	})
}

// TestCauseOfSilence6 is the same for DHCPv6.
func TestCauseOfSilence6(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network6("vlan10", "2001:db8:1::1/64")
	_ = b.uplink6().Close() // nothing listens
	b.servers.Sysctl("ipv6/conf/all/forwarding", "1")
	b.servers.Must(b.servers.NL.RouteAdd(&netlink.Route{Dst: prefixOf("2001:db8:81::/48"), Type: unix.RTN_PROHIBIT}))
	b.relay.Route("2001:db8:81::/48", "2001:db8:9::2")
	b.servers.Route("2001:db8:1::/64", "2001:db8:9::1")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"2001:db8:9::2\", \"2001:db8:9::99\", \"2001:db8:81::1\"]\n")
	c := client6Of(1)
	ask := func() { n.send(c.frame(c.message(dhcp6.Solicit, 0))) }
	for server, want := range map[string]string{
		"2001:db8:9::2":  "2001:db8:9::2 says that nothing listens on port 547",
		"2001:db8:9::99": "2001:db8:9::99 does not answer neighbour discovery on up",
		"2001:db8:81::1": "2001:db8:9::2 says: administratively prohibited",
	} {
		d.awaitCause(server, want, ask)
	}
	if n := d.balanced().sum("dhcp_relay_send_errors_total"); n > 0 {
		t.Errorf("%d sends failed", n)
	}
}

// TestServerStopsToListen has a server that has answered well close its port: it is
// told as unreachable, with the cause, by status and log, and no more once it is back.
func TestServerStopsToListen(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	answered := func(v *server, xid uint32) {
		n.broadcast(discover(xid).request())
		v.reply(v.want(), bootp.Offer, "10.1.0.77")
		n.want()
	}
	for xid := range uint32(50) {
		answered(v, xid)
	}
	b.servers.Must(v.conn.Close())
	found := func(text string) bool {
		return slices.ContainsFunc(d.status().Findings, func(f status.Finding) bool {
			return f.Severity == status.Error && f.Subject == "server 10.9.0.2" && strings.Contains(f.Text, text)
		})
	}
	const why = "10.9.0.2 says that nothing listens on port 67"
	xid := uint32(100)
	d.await("a finding with the cause", func() bool {
		n.broadcast(discover(xid).request())
		xid++
		time.Sleep(50 * time.Millisecond)
		return found(why)
	})
	if s := d.status().Servers[0]; s.State != status.StateUnreachable || !strings.Contains(s.Verdict, why) {
		t.Errorf("%s: %s", s.State, s.Verdict)
	}
	d.await("it is logged", func() bool { return d.logged("server does not answer", map[string]any{"why": why}) })
	if n := d.log.count("requests do not reach a server"); n > 0 {
		t.Errorf("the cause is told %d times apart", n)
	}
	w := listenAt(b.servers, "10.9.0.2:67")
	answered(w, 4711)
	d.await("nothing is left of it", func() bool { return !found("") && d.cause("10.9.0.2") == "" })
}

// TestCauseThroughTheFirewall drops all but what deploy/dhcp-relay.nft lets pass, with
// its table: of what is not tracked, connection tracking knows no errors.
func TestCauseThroughTheFirewall(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("nft"); err != nil {
		netns.Skip(t, "needs nftables")
	}
	text, err := os.ReadFile("../deploy/dhcp-relay.nft")
	if err != nil {
		t.Fatal(err)
	}
	rules := string(text) + "table inet filter {\nchain input {\ntype filter hook input priority filter; policy drop;\niif lo accept\n"
	for _, m := range regexp.MustCompile(`(?m)^#\t(.* accept comment "(?:input|both): .*)$`).FindAllStringSubmatch(string(text), -1) {
		rules += m[1] + "\n"
	}
	rules += "}\n}\n"
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	b.relay.Do(func() error {
		cmd := exec.Command("nft", "-f", "-")
		cmd.Stdin = strings.NewReader(rules)
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("nft: %w: %s", err, out)
		}
		return err
	})
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	d.awaitCause("10.9.0.2", "10.9.0.2 says that nothing listens on port 67", func() { n.broadcast(discover(1).request()) })
}

// TestForgedErrorMarksNoServerDown has the clients' network send an error about a
// server that answers, and about none.
func TestForgedErrorMarksNoServerDown(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	answered := func(xid uint32) {
		n.broadcast(discover(xid).request())
		v.reply(v.want(), bootp.Offer, "10.1.0.77")
		n.want()
	}
	answered(1)
	b.servers.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		for i := range 2000 { // more than is read in a moment
			if err := unix.Sendto(fd, portClosed(byte(i)), 0, &unix.SockaddrInet4{Addr: [4]byte{10, 9, 0, 1}}); err != nil {
				return err
			}
		}
		return nil
	})
	d.await("the error is heard", func() bool {
		return d.scrape()[`dhcp_relay_server_icmp_errors_total{kind="port_closed",server="10.9.0.2:67",vrf=""}`] > 0
	})
	r := d.status()
	if s := r.Servers[0]; s.State == status.StateSilent || s.State == status.StateUnreachable {
		t.Errorf("the server is %s: %s", s.State, s.Verdict)
	}
	for _, f := range r.Findings {
		if strings.HasPrefix(f.Kind, "server_") {
			t.Errorf("%+v", f)
		}
	}
	answered(2)
	d.balanced()
}

// portClosed is an ICMP message by which nothing listens on port 67 of 10.9.0.2.
func portClosed(id byte) []byte {
	b := []byte{
		3, 3, 0, 0, 0, 0, 0, 0,
		0x45, 0, 1, 72, 0, id, 0, 0, 64, 17, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2,
		0, 67, 0, 67, 1, 52, 0, 0,
	}
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	sum = sum&0xffff + sum>>16
	b[2], b[3] = byte(^sum>>8), byte(^sum)
	return b
}

func prefixOf(s string) *net.IPNet {
	_, p, err := net.ParseCIDR(s)
	if err != nil {
		panic(err)
	}
	return p
}
