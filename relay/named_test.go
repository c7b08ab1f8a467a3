package relay_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/wire/bootp"
)

// A zone is a DNS server, and what it answers for each name and type.
type zone struct {
	mu     sync.Mutex
	rcode  int
	silent bool
	rrs    map[string][]string // by name and type
}

func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.silent {
		return
	}
	m := new(dns.Msg)
	m.SetRcode(q, z.rcode)
	for _, s := range z.rrs[q.Question[0].Name+" "+dns.TypeToString[q.Question[0].Qtype]] {
		if rr, err := dns.NewRR(s); err == nil {
			m.Answer = append(m.Answer, rr)
		}
	}
	_ = w.WriteMsg(m) // the test misses what comes of it
}

// set changes what the server answers.
func (z *zone) set(change func(*zone)) {
	z.mu.Lock()
	defer z.mu.Unlock()
	change(z)
}

// A namedBed is a bed whose relay finds its servers by name: its /etc is one of the
// test's, and the DNS server is at 10.9.0.2.
type namedBed struct {
	*bed
	zone *zone
	etc  string
}

func newNamedBed(t *testing.T) *namedBed {
	b := &namedBed{bed: newBed(t), zone: &zone{rcode: dns.RcodeServerFailure, rrs: make(map[string][]string)}, etc: t.TempDir()}
	s := &dns.Server{PacketConn: b.servers.ListenUDP("udp4", "10.9.0.2:53"), Handler: b.zone}
	go s.ActivateAndServe() //nolint:errcheck // it ends with the test
	t.Cleanup(func() { _ = s.Shutdown() })
	b.etcFile("hosts", "127.0.0.1 localhost\n")
	b.etcFile("resolv.conf", "nameserver 10.9.0.2\noptions timeout:1 attempts:1\n")
	return b
}

// etcFile puts a file in place of the one that is in the relay's /etc.
func (b *namedBed) etcFile(name, text string) {
	b.t.Helper()
	next := filepath.Join(b.etc, "."+name)
	if err := os.WriteFile(next, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Rename(next, filepath.Join(b.etc, name)); err != nil {
		b.t.Fatal(err)
	}
}

// run starts the daemon, and waits until it relays.
func (b *namedBed) run(config string) *daemon {
	b.t.Helper()
	d := b.launchBy([]string{"unshare", "--mount", "sh", "-c", `mount --bind "$0" /etc && exec "$@"`, b.etc}, config)
	d.await("relaying", func() bool { return d.logged("relaying", nil) })
	return d
}

// lookAgain has the daemon look all names up, as a change of resolv.conf has it do.
func (b *namedBed) lookAgain(comment string) {
	b.t.Helper()
	b.etcFile("resolv.conf", "nameserver 10.9.0.2\noptions timeout:1 attempts:1\n# "+comment+"\n")
}

// get asks the daemon for what it shows.
func (d *daemon) get(path string) (code int, body string) {
	d.t.Helper()
	resp, err := d.http.Get("http://127.0.0.1:9867" + path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// found returns the findings of a kind.
func (d *daemon) found(kind string) []status.Finding {
	d.t.Helper()
	r := d.status()
	return slices.DeleteFunc(r.Findings, func(f status.Finding) bool { return f.Kind != kind })
}

// TestServersByName starts the relay while nobody knows its server's name, has DNS give
// an answer, another one and none, and looks at each: who gets the requests, and what an
// operator sees. The daemon is confined all the while.
func TestServersByName(t *testing.T) {
	b := newNamedBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	one, two := listenAt(b.servers, "10.9.0.2:67"), listenAt(b.servers, "10.9.0.3:67")
	const name = "kea.example.net"
	d := b.run("reply_sources = [\"10.9.0.77\"]\n[[interface]]\nname = \"vlan10\"\nservers = [\"" + name + "\"]\n")
	addresses := func() int { return d.scrape().sum("dhcp_relay_dns_name_addresses", `name="`+name+`"`) }
	failing := func() int { return d.scrape().sum("dhcp_relay_dns_name_failing", `name="`+name+`"`) }
	asks := func(v *server, xid uint32) {
		t.Helper()
		n.broadcast(discover(xid).request())
		v.reply(v.want(), bootp.Offer, "10.1.0.77")
		n.want()
	}
	answers := func(addrs ...string) {
		var rrs []string
		for _, a := range addrs {
			rrs = append(rrs, name+". 5 IN A "+a)
		}
		b.zone.set(func(z *zone) { z.rcode, z.silent, z.rrs[name+". A"] = dns.RcodeSuccess, false, rrs })
	}
	means := func(addrs, before string) {
		t.Helper()
		d.await("the name means "+addrs, func() bool {
			return d.logged("name of a server has other addresses", map[string]any{"name": name, "addresses": addrs, "before": before})
		})
		d.await("requests go to "+addrs, func() bool {
			r := d.status()
			var now []string
			for _, s := range r.Servers {
				if s.State != status.StateFormer && s.DNSName == name {
					now = append(now, strings.TrimSuffix(string(s.Address), ":67"))
				}
			}
			return strings.Join(now, " ") == addrs
		})
	}

	// Nobody knows the name.
	if f := d.found("dns_name_unknown"); len(f) != 1 || f[0].Severity != status.Error || !strings.Contains(f[0].Text, "SERVFAIL") || !strings.Contains(f[0].Text, "vlan10") {
		t.Errorf("findings without an answer: %+v", f)
	}
	if code, body := d.get("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "no address is known of any server of vlan10") {
		t.Errorf("readyz without an answer: %d %s", code, body)
	}
	if addresses() != 0 || failing() != 1 || !d.logged("name of a server cannot be looked up", map[string]any{"name": name}) {
		t.Errorf("%d addresses, failing %d", addresses(), failing())
	}

	answers("10.9.0.2")
	b.lookAgain("1")
	means("10.9.0.2", "")
	asks(one, 1)
	if code, body := d.get("/readyz"); code != http.StatusOK {
		t.Errorf("readyz with an answer: %d %s", code, body)
	}
	if s := d.scrape(); addresses() != 1 || failing() != 0 || s.sum("dhcp_relay_server_info", `dns_name="`+name+`"`, `server="10.9.0.2:67"`) != 1 {
		t.Errorf("%d addresses, failing %d, server %d", addresses(), failing(), s.sum("dhcp_relay_server_info"))
	}

	// It means something else once its TTL is over. No request is lost, and the one that
	// the former server has is answered.
	n.broadcast(discover(2).request())
	late := one.want()
	answers("10.9.0.3")
	sent := uint32(0)
	for end := time.Now().Add(patient); !d.logged("name of a server has other addresses", map[string]any{"addresses": "10.9.0.3"}) && time.Now().Before(end); sent++ {
		n.broadcast(discover(1000 + sent).request())
		time.Sleep(2 * time.Millisecond)
	}
	means("10.9.0.3", "10.9.0.2")
	one.reply(late, bootp.Offer, "10.1.0.78")
	n.want()
	got := drain(func(wait time.Duration) bool {
		_, ok := one.hear(wait / 2)
		if !ok {
			_, ok = two.hear(wait / 2)
		}
		return ok
	}, func() int { return int(sent) })
	if got != int(sent) {
		t.Errorf("%d of %d requests arrived while the name changed", got, sent)
	}
	asks(two, 3)

	// What fails leaves the answer as it was.
	for i, fails := range []struct {
		how string
		set func(*zone)
	}{
		{"answers SERVFAIL", func(z *zone) { z.rcode = dns.RcodeServerFailure }},
		{"there is no such name", func(z *zone) { z.rcode = dns.RcodeNameError }},
		{"it has no address", func(z *zone) { z.rcode, z.rrs = dns.RcodeSuccess, map[string][]string{} }},
		{"timeout", func(z *zone) { z.silent = true }},
	} {
		b.zone.set(fails.set)
		b.lookAgain(fmt.Sprint("failure", i))
		d.await("the finding of "+fails.how, func() bool {
			f := d.found("dns_name_stale")
			return len(f) == 1 && strings.Contains(f[0].Text, fails.how) && strings.Contains(f[0].Text, "10.9.0.3")
		})
		asks(two, 10+uint32(i))
	}
	if failing() != 1 || addresses() != 1 {
		t.Errorf("while it fails: %d addresses, failing %d", addresses(), failing())
	}

	// /etc/hosts goes before DNS, also where it is replaced under the confined daemon.
	if !d.logged("confined", nil) {
		t.Error("the daemon is not confined")
	}
	b.etcFile("hosts", "10.9.0.2 "+name+"\n")
	means("10.9.0.2", "10.9.0.3")
	asks(one, 20)
	d.await("no finding", func() bool {
		return len(d.found("dns_name_stale")) == 0
	})
	if !d.logged("name of a server is looked up again", map[string]any{"name": name}) {
		t.Error("that it can be looked up again is not logged")
	}

	// A reload keeps what is known, and a name with a port and several addresses is as
	// many servers.
	b.etcFile("hosts", "10.9.0.2 "+name+"\n10.9.0.3 "+name+"\n")
	means("10.9.0.2 10.9.0.3", "10.9.0.2")
	d.reload("[[server]]\nname = \"kea\"\naddress = \""+name+":1067\"\n[[interface]]\nname = \"vlan10\"\nservers = [\"kea\"]\n", "configuration reloaded")
	r := d.status()
	var servers []string
	for _, s := range r.Servers {
		if s.State != status.StateFormer {
			servers = append(servers, string(s.Address)+" "+s.DNSName)
		}
	}
	if want := []string{"10.9.0.2:1067 " + name, "10.9.0.3:1067 " + name}; !slices.Equal(servers, want) {
		t.Errorf("servers %q, want %q", servers, want)
	}
	if s := d.scrape(); s.sum("dhcp_relay_server_info", `name="kea"`, `dns_name="`+name+`"`) != 2 {
		t.Error("the metrics do not name the servers")
	}
	d.await("one outcome of each message", func() bool {
		s := d.scrape()
		return s.sum("dhcp_relay_received_total") == s.sum("dhcp_relay_messages_total")
	})
}
