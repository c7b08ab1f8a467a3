// Package resolve finds the addresses of servers that the configuration names: in
// /etc/hosts, then by DNS. It keeps the last answer while a look-up fails, and touches
// no message.
package resolve

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"dhcp-relay/relay/wire/dhcp"
)

// MaxAnswers is how many addresses of a family a name may have. More are left out.
const MaxAnswers = 4

// The bounds of how long an answer holds, and that of one of /etc/hosts.
const (
	minTTL   = 5 * time.Second
	maxTTL   = time.Hour
	hostsTTL = maxTTL // what changes is seen by Changed
)

// An Answer is what a name means.
type Answer struct {
	Addrs  []netip.Addr // sorted
	TTL    time.Duration
	Failed [dhcp.Families]bool // families of which it tells nothing
}

// A Resolver looks names up as this host does. A process that has confined itself may
// no longer be able to read a file that was replaced: what it said last holds then.
type Resolver struct {
	Hosts string // path of /etc/hosts
	Conf  string // path of /etc/resolv.conf
	Port  string // of the DNS servers

	mu     sync.Mutex
	hosts  map[string][]netip.Addr
	conf   *dns.ClientConfig
	stamps [2]stamp
}

// Here returns the resolver of this host.
func Here() *Resolver {
	return &Resolver{Hosts: "/etc/hosts", Conf: "/etc/resolv.conf", Port: "53"}
}

// Files lists what the resolver of this host reads.
func Files() []string { return []string{Here().Hosts, Here().Conf} }

// A stamp changes when a file does, whether it is written or replaced.
type stamp struct {
	at   time.Time
	size int64
}

// Changed reports whether the files have changed since the last time.
func (r *Resolver) Changed() bool {
	var now [2]stamp
	for i, path := range []string{r.Hosts, r.Conf} {
		if info, err := os.Stat(path); err == nil {
			now[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.stamps
	r.stamps = now
	return was != now
}

// Lookup returns what a name means. With an error the answer may tell of one family.
func (r *Resolver) Lookup(ctx context.Context, name string) (Answer, error) {
	none := Answer{Failed: [dhcp.Families]bool{true, true}}
	hosts, conf, err := r.read()
	if addrs := hosts[strings.ToLower(strings.TrimSuffix(name, "."))]; len(addrs) > 0 {
		return Answer{Addrs: bound(slices.Clone(addrs)), TTL: hostsTTL}, nil
	}
	if err != nil {
		return none, fmt.Errorf("look up %s: %w", name, err)
	}
	for _, full := range conf.NameList(name) {
		a, failed := r.ask(ctx, conf, full)
		if len(a.Addrs) > 0 && failed == nil {
			return a, nil
		}
		if len(a.Addrs) > 0 {
			return a, fmt.Errorf("look up %s: %w", name, failed)
		}
		err = cmp.Or(err, failed)
	}
	return none, fmt.Errorf("look up %s: %w", name, cmp.Or(err, errNone))
}

var errNone = errors.New("it has no address")

// read reads the files anew.
func (r *Resolver) read() (hosts map[string][]netip.Addr, conf *dns.ClientConfig, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if hosts, err := readHosts(r.Hosts); err == nil {
		r.hosts = hosts
	}
	conf, err = dns.ClientConfigFromFile(r.Conf)
	if err == nil {
		r.conf = conf
	} else if r.conf == nil {
		return r.hosts, nil, err
	}
	if len(r.conf.Servers) == 0 {
		return r.hosts, r.conf, errors.New(r.Conf + " names no DNS server")
	}
	return r.hosts, r.conf, nil
}

// readHosts returns the addresses of each name of a file as in hosts(5).
func readHosts(path string) (map[string][]netip.Addr, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	all := make(map[string][]netip.Addr)
	s := bufio.NewScanner(f)
	for s.Scan() {
		line, _, _ := strings.Cut(s.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		a, err := netip.ParseAddr(fields[0])
		if err != nil {
			continue // other programs pass over it, too
		}
		for _, name := range fields[1:] {
			name = strings.ToLower(name)
			all[name] = append(all[name], a)
		}
	}
	return all, s.Err()
}

// ask asks the DNS servers for both families at once. With an error the answer tells of
// one family alone, or of none.
func (r *Resolver) ask(ctx context.Context, conf *dns.ClientConfig, name string) (a Answer, err error) {
	var got [dhcp.Families]*dns.Msg
	var errs [dhcp.Families]error
	var wg sync.WaitGroup
	for f, kind := range [dhcp.Families]uint16{dhcp.V4: dns.TypeA, dhcp.V6: dns.TypeAAAA} {
		wg.Go(func() { got[f], errs[f] = r.exchange(ctx, conf, name, kind) })
	}
	wg.Wait()
	a.TTL = maxTTL
	for f, m := range got {
		if errs[f] != nil {
			a.Failed[f] = true
			err = cmp.Or(err, errs[f])
			continue
		}
		for _, rr := range m.Answer {
			a.TTL = min(a.TTL, time.Duration(rr.Header().Ttl)*time.Second)
			switch rr := rr.(type) {
			case *dns.A:
				a.add(rr.A)
			case *dns.AAAA:
				a.add(rr.AAAA)
			}
		}
	}
	a.TTL = max(a.TTL, minTTL)
	a.Addrs = bound(a.Addrs)
	return a, err
}

// add adds an address of an answer.
func (a *Answer) add(ip net.IP) {
	if addr, ok := netip.AddrFromSlice(ip); ok {
		a.Addrs = append(a.Addrs, addr.Unmap())
	}
}

// exchange asks one server after the other, until one answers. A truncated answer has
// more addresses than are taken.
func (r *Resolver) exchange(ctx context.Context, conf *dns.ClientConfig, name string, kind uint16) (*dns.Msg, error) {
	q := new(dns.Msg)
	q.SetQuestion(name, kind)
	q.SetEdns0(dns.DefaultMsgSize, false)
	c := dns.Client{Net: "udp", Timeout: time.Duration(conf.Timeout) * time.Second}
	err := errNone
	for range max(conf.Attempts, 1) {
		for _, server := range conf.Servers {
			m, _, failed := c.ExchangeContext(ctx, q, net.JoinHostPort(server, r.Port))
			switch {
			case failed != nil:
				err = fmt.Errorf("ask %s: %w", server, failed)
			case m.Rcode == dns.RcodeSuccess:
				return m, nil
			case m.Rcode == dns.RcodeNameError:
				return nil, fmt.Errorf("%s says that there is no such name", server)
			default:
				err = fmt.Errorf("%s answers %s", server, dns.RcodeToString[m.Rcode])
			}
			if ctx.Err() != nil {
				return nil, err
			}
		}
	}
	return nil, err
}

// bound sorts addresses, and leaves out what is there twice or too many.
func bound(all []netip.Addr) (kept []netip.Addr) {
	slices.SortFunc(all, netip.Addr.Compare)
	n := map[dhcp.Family]int{}
	for _, a := range slices.Compact(all) {
		if f := dhcp.FamilyOf(a); n[f] < MaxAnswers {
			n[f]++
			kept = append(kept, a)
		}
	}
	return kept
}
