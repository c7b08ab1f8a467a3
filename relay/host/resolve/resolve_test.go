package resolve

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"dhcp-relay/relay/wire/dhcp"
)

// A zone is what a DNS server answers.
type zone struct {
	mu     sync.Mutex
	rcode  int
	broken uint16              // a type that it fails to answer
	silent bool                // it answers nothing
	rrs    map[string][]string // by name and type
}

func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	m := new(dns.Msg)
	m.SetRcode(q, z.rcode)
	if z.silent {
		return
	}
	if q.Question[0].Qtype == z.broken {
		m.Rcode = dns.RcodeServerFailure
	}
	for _, s := range z.rrs[q.Question[0].Name+" "+dns.TypeToString[q.Question[0].Qtype]] {
		rr, err := dns.NewRR(s)
		if err != nil {
			panic(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	_ = w.WriteMsg(m) // the test says what it misses
}

// served returns a resolver that asks a server of its own on loopback.
func served(t *testing.T, z *zone, hosts string) *Resolver {
	t.Helper()
	c, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{PacketConn: c, Handler: z}
	go s.ActivateAndServe() //nolint:errcheck // it ends with the test
	t.Cleanup(func() { _ = s.Shutdown() })
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	_, port, _ := net.SplitHostPort(c.LocalAddr().String())
	return &Resolver{Hosts: write("hosts", hosts), Conf: write("resolv.conf", "nameserver 127.0.0.1\nsearch example.net\noptions timeout:1 attempts:1\n"), Port: port}
}

func addrs(all ...string) (list []netip.Addr) {
	for _, s := range all {
		list = append(list, netip.MustParseAddr(s))
	}
	return list
}

func TestLookup(t *testing.T) {
	t.Parallel()
	z := &zone{rrs: map[string][]string{
		"kea.example.net. A":      {"kea.example.net. 300 IN CNAME k.example.net.", "k.example.net. 60 IN A 10.9.0.3", "k.example.net. 120 IN A 10.9.0.2"},
		"kea.example.net. AAAA":   {"kea.example.net. 300 IN AAAA 2001:db8:9::2"},
		"soon.example.net. A":     {"soon.example.net. 0 IN A 10.9.0.2"},
		"many.example.net. A":     {"many.example.net. 9 IN A 10.0.0.1", "many.example.net. 9 IN A 10.0.0.2", "many.example.net. 9 IN A 10.0.0.3", "many.example.net. 9 IN A 10.0.0.4", "many.example.net. 9 IN A 10.0.0.5"},
		"only6.example.net. A":    nil,
		"only6.example.net. AAAA": {"only6.example.net. 90000 IN AAAA 2001:db8::1"},
	}}
	r := served(t, z, "# 10.9.0.8 off\n10.9.0.9 Lab.example.net lab\n2001:db8::9 lab # here\nnonsense lab\n")
	for _, tc := range []struct {
		name string
		want Answer
	}{
		{"kea.example.net", Answer{Addrs: addrs("10.9.0.2", "10.9.0.3", "2001:db8:9::2"), TTL: time.Minute}},
		{"kea", Answer{Addrs: addrs("10.9.0.2", "10.9.0.3", "2001:db8:9::2"), TTL: time.Minute}},
		{"soon.example.net", Answer{Addrs: addrs("10.9.0.2"), TTL: minTTL}},
		{"many.example.net", Answer{Addrs: addrs("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"), TTL: 9 * time.Second}},
		{"only6.example.net", Answer{Addrs: addrs("2001:db8::1"), TTL: maxTTL}},
		{"lab", Answer{Addrs: addrs("10.9.0.9", "2001:db8::9"), TTL: hostsTTL}},
		{"LAB.example.net", Answer{Addrs: addrs("10.9.0.9"), TTL: hostsTTL}},
	} {
		got, err := r.Lookup(t.Context(), tc.name)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		if d := cmp.Diff(tc.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, d)
		}
	}
	if _, err := r.Lookup(t.Context(), "none.example.net"); err == nil || !strings.Contains(err.Error(), "it has no address") {
		t.Errorf("no address: %v", err)
	}
	for rcode, want := range map[int]string{dns.RcodeNameError: "127.0.0.1 says that there is no such name", dns.RcodeServerFailure: "SERVFAIL"} {
		z.mu.Lock()
		z.rcode = rcode
		z.mu.Unlock()
		if _, err := r.Lookup(t.Context(), "kea.example.net"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("rcode %d: %v, want %q", rcode, err, want)
		}
	}
}

// A file that can be read no longer is what it was.
func TestFilesGone(t *testing.T) {
	t.Parallel()
	z := &zone{rrs: map[string][]string{"kea.example.net. A": {"kea.example.net. 60 IN A 10.9.0.2"}}}
	r := served(t, z, "10.9.0.9 lab\n")
	for range 2 {
		for name, want := range map[string]string{"kea.example.net": "10.9.0.2", "lab": "10.9.0.9"} {
			if a, err := r.Lookup(t.Context(), name); err != nil || !slices.Equal(a.Addrs, addrs(want)) {
				t.Errorf("%s: %v, %v", name, a, err)
			}
		}
		_, _ = os.Remove(r.Hosts), os.Remove(r.Conf) // the second time they are gone
	}
}

// One family that cannot be looked up takes nothing from the other one.
func TestLookupOfOneFamily(t *testing.T) {
	t.Parallel()
	z := &zone{rrs: map[string][]string{"kea.example.net. A": {"kea.example.net. 60 IN A 10.9.0.2"}}, broken: dns.TypeAAAA}
	r := served(t, z, "")
	a, err := r.Lookup(t.Context(), "kea.example.net")
	if err == nil || !slices.Equal(a.Addrs, addrs("10.9.0.2")) || a.Failed != [dhcp.Families]bool{dhcp.V6: true} {
		t.Errorf("%+v, %v", a, err)
	}
	k := NewKeeper(r.Lookup)
	k.Recall("kea.example.net", addrs("10.9.0.7", "2001:db8:9::2"), time.Now())
	k.Refresh(t.Context(), []string{"kea.example.net"})
	if now, former := k.Addrs("kea.example.net"); !slices.Equal(now, addrs("10.9.0.2", "2001:db8:9::2")) || !slices.Equal(former, addrs("10.9.0.7")) {
		t.Errorf("%v, before %v", now, former)
	}
}

// No server that answers is an error within the time that resolv.conf gives it.
func TestLookupTimeout(t *testing.T) {
	t.Parallel()
	z := &zone{silent: true}
	r := served(t, z, "")
	if _, err := r.Lookup(t.Context(), "kea.example.net"); err == nil || !strings.Contains(err.Error(), "ask 127.0.0.1: ") {
		t.Errorf("no answer: %v", err)
	}
}

func TestFilesChange(t *testing.T) {
	t.Parallel()
	r := served(t, &zone{}, "10.9.0.9 lab\n")
	if !r.Changed() || r.Changed() {
		t.Error("the first look finds a change, the second one none")
	}
	next := r.Hosts + ".new"
	if err := os.WriteFile(next, []byte("10.9.0.10 lab\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, r.Hosts); err != nil {
		t.Fatal(err)
	}
	if !r.Changed() || r.Changed() {
		t.Error("a file that was replaced is one change")
	}
	if a, err := r.Lookup(t.Context(), "lab"); err != nil || !slices.Equal(a.Addrs, addrs("10.9.0.10")) {
		t.Errorf("%v, %v", a, err)
	}
}

// A changed answer takes the place of the last one once that no longer holds, and a
// look-up that fails does not. What a name had meant may reply for a while.
func TestKeeper(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer, failure, asked := addrs("10.9.0.2"), error(nil), 0
		k := NewKeeper(func(context.Context, string) (Answer, error) {
			asked++
			if failure != nil {
				return Answer{Failed: [dhcp.Families]bool{true, true}}, failure
			}
			return Answer{Addrs: answer, TTL: time.Minute}, nil
		})
		names := []string{"kea"}
		step := func(wait time.Duration, wantAsked, wantChanges int, want, wantFormer []netip.Addr) {
			t.Helper()
			time.Sleep(wait)
			changes := k.Refresh(t.Context(), names)
			now, former := k.Addrs("kea")
			if asked != wantAsked || len(changes) != wantChanges || !slices.Equal(now, want) || !slices.Equal(former, wantFormer) {
				t.Errorf("asked %d times, %d changes, %v, before %v, want %d, %d, %v, %v", asked, len(changes), now, former, wantAsked, wantChanges, want, wantFormer)
			}
		}
		one, two := addrs("10.9.0.2"), addrs("10.9.0.3")
		step(0, 1, 1, one, nil)
		answer = two
		step(59*time.Second, 1, 0, one, nil)
		step(time.Second, 2, 1, two, one)
		step(linger-1, 2, 0, two, one)
		failure = errors.New("SERVFAIL")
		step(1, 3, 2, two, nil)
		if n := k.Names(names)[0]; n.Err == nil || !n.Failed.Equal(time.Now()) || !n.Since.Equal(time.Now().Add(-time.Minute)) {
			t.Errorf("a failure: %+v", n)
		}
		step(retry-1, 3, 0, two, nil)
		step(1, 4, 0, two, nil)
		failure = nil
		step(retry, 5, 1, two, nil)
		if n := k.Names(names)[0]; n.Err != nil || !n.Failed.IsZero() {
			t.Errorf("it works again: %+v", n)
		}
		answer = one
		step(time.Second, 5, 0, two, nil)
		k.Expire()
		step(0, 6, 1, one, two)
	})
}
