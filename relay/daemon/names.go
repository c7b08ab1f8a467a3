package daemon

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"dhcp-relay/metrics"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/host/check"
	"dhcp-relay/relay/host/resolve"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/observe/status"
)

const (
	// waitForDNS bounds how long a start, a reload or a check waits for DNS.
	waitForDNS = 2 * time.Second
	// roundOfDNS bounds how long one round of look-ups takes while the relay runs.
	roundOfDNS = 10 * time.Second
	// namesEvery is how often it is looked which names are due.
	namesEvery = time.Second
)

// hosts are the DNS names of servers, and what they mean.
type hosts struct {
	resolver *resolve.Resolver
	keeper   *resolve.Keeper
	moved    chan struct{} // holds one if a name means something else now
}

func newHosts() *hosts {
	r := resolve.Here()
	return &hosts{resolver: r, keeper: resolve.NewKeeper(r.Lookup), moved: make(chan struct{}, 1)}
}

// noAnswer stands in for the look-up of names of which nothing is known.
func noAnswer(string) (now, former []netip.Addr) { return nil, nil }

// load reads and checks the configuration with what its DNS names mean.
func (h *hosts) load(ctx context.Context, file string) (*Loaded, []resolve.Change, error) {
	files, err := config.ReadFiles(file)
	if err != nil {
		return nil, nil, err
	}
	return h.judge(ctx, files)
}

// judge checks what files say, after a look at DNS. Answers of which a configuration
// would be wrong that is right without them do not count.
func (h *hosts) judge(ctx context.Context, files []config.File) (*Loaded, []resolve.Change, error) {
	bare, err := judge(files, noAnswer)
	if err != nil || len(bare.Names) == 0 {
		return bare, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, waitForDNS)
	defer cancel()
	changes := h.keeper.Refresh(ctx, bare.Names)
	cfg, err := judge(files, h.keeper.Addrs)
	if err != nil {
		bare.unfit = err
		return bare, changes, nil
	}
	return cfg, changes, nil
}

// LoadFor reads a configuration for a host. DNS names are looked up if that is this one.
func LoadFor(hostname, file string, here bool) (*config.Config, error) {
	host := config.Host{Hostname: hostname}
	cfg, err := config.Load(file, host)
	if err != nil || !here || len(cfg.Names) == 0 {
		return cfg, err
	}
	h := newHosts()
	ctx, cancel := context.WithTimeout(context.Background(), waitForDNS)
	defer cancel()
	h.keeper.Refresh(ctx, cfg.Names)
	host.Lookup = h.keeper.Addrs
	if with, err := config.Load(file, host); err == nil {
		return with, nil
	}
	return cfg, nil // as the daemon does
}

// followNames looks names of servers up whenever their answers no longer hold, until ctx
// ends.
func (p *process) followNames(ctx context.Context) {
	tick := time.NewTicker(namesEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		names := p.names()
		if len(names) == 0 {
			continue
		}
		if p.hosts.resolver.Changed() {
			p.hosts.keeper.Expire()
		}
		round, cancel := context.WithTimeout(ctx, roundOfDNS)
		changes := p.hosts.keeper.Refresh(round, names)
		cancel()
		if ctx.Err() != nil {
			return
		}
		p.tellNames(changes)
		if slices.ContainsFunc(changes, func(c resolve.Change) bool {
			return c.Moved() || !slices.Equal(c.Was.Former, c.Is.Former)
		}) {
			select {
			case p.hosts.moved <- struct{}{}:
			default:
			}
		}
	}
}

// tellNames logs what names mean now, and which cannot be looked up.
func (p *process) tellNames(changes []resolve.Change) {
	for _, c := range changes {
		log := p.log.With("name", c.Is.Name)
		if c.Moved() {
			log.Info("name of a server has other addresses", "addresses", list(c.Is.Addrs), "before", list(c.Was.Addrs))
		}
		switch {
		case c.Is.Err != nil && c.Was.Err == nil:
			log.Warn("name of a server cannot be looked up", "err", c.Is.Err, "kept", list(c.Is.Addrs))
		case c.Is.Err == nil && c.Was.Err != nil:
			log.Info("name of a server is looked up again", "addresses", list(c.Is.Addrs), "failed_for", time.Since(c.Was.Failed).Round(time.Second))
		}
	}
}

// list writes addresses in one line.
func list(addrs []netip.Addr) string {
	all := make([]string, len(addrs))
	for i, a := range addrs {
		all[i] = a.String()
	}
	return strings.Join(all, " ")
}

// renew has the configuration in effect hold with what its names mean now. No message is
// lost, and what the file says since then does not matter.
func (p *process) renew(ctx context.Context) {
	p.mu.Lock()
	files, former := p.config.files, p.policy
	p.mu.Unlock()
	cfg, err := judge(files, p.hosts.keeper.Addrs)
	if err == nil {
		if cfg.NeedsDUID() {
			cfg.Policy.DUID = former.DUID
		}
		_, err = check.Capable(&cfg.Policy)
	}
	if err == nil {
		err = p.engine.Reload(ctx, cfg.Policy)
	}
	if err != nil && ctx.Err() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.config.unfit = err; err != nil {
		p.log.Error("addresses of servers are not taken over, the former ones stay", "err", err)
		return
	}
	p.policy = cfg.Policy
}

// names lists the DNS names of the configuration in effect.
func (p *process) names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.config.names
}

// unresolved lists the interfaces that have no server, for nobody knows what address the
// servers have that they name.
func unresolved(p *agent.Policy) (all []string) {
	for i := range p.Interfaces {
		if in := &p.Interfaces[i]; len(in.Hosts) > 0 && len(in.Servers) == 0 {
			all = append(all, in.Name)
		}
	}
	return all
}

// dnsNames tells of the names of servers.
func (p *process) dnsNames() (all []status.DNSName) {
	policy := p.current()
	alone := unresolved(&policy)
	for _, n := range p.hosts.keeper.Names(p.names()) {
		s := status.DNSName{Name: n.Name, Addresses: append([]netip.Addr{}, n.Addrs...)}
		for i := range policy.Interfaces {
			if in := &policy.Interfaces[i]; slices.Contains(in.Hosts, n.Name) {
				s.Interfaces = append(s.Interfaces, in.Name)
				s.Needed = s.Needed || slices.Contains(alone, in.Name)
			}
		}
		if !n.Since.IsZero() {
			s.Since = &n.Since
		}
		if n.Err != nil {
			s.FailedSince, s.Error = &n.Failed, n.Err.Error()
		}
		all = append(all, s)
	}
	return all
}

// unfit says why what names mean is not in effect, "" if it is.
func (p *process) unfit() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.config.unfit == nil {
		return ""
	}
	return p.config.unfit.Error()
}

// hostsOf returns which servers have their address of a DNS name.
func hostsOf(p *agent.Policy) map[count.ServerID]string {
	all := make(map[count.ServerID]string)
	for _, v := range p.Servers {
		if v.Host != "" {
			all[count.ServerID{Addr: v.Addr, VRF: v.VRF}] = v.Host
		}
	}
	return all
}

// nameStates is what the metrics show of names. Call it with the lock held.
func (p *process) nameStates() (names []metrics.NameState, servers []metrics.ServerInfo) {
	for _, n := range p.hosts.keeper.Names(p.config.names) {
		names = append(names, metrics.NameState{Name: n.Name, Addresses: len(n.Addrs), Failing: n.Err != nil})
	}
	for _, v := range p.policy.Servers {
		servers = append(servers, metrics.ServerInfo{Server: v.Addr.String(), VRF: v.VRF, Name: v.Name, Host: v.Host})
	}
	return names, servers
}

// lookedUp tells what the names of a configuration mean now, and which have no address.
func (r *Report) lookedUp(cfg *Loaded, names []resolve.Name) {
	for _, n := range names {
		if len(n.Addrs) > 0 {
			r.Does = append(r.Does, n.Name+": the server has "+addresses(n.Addrs)+" now")
		}
		if n.Err == nil {
			continue
		}
		text := n.Err.Error() + ", so no request goes there"
		if len(n.Addrs) > 0 {
			text = n.Err.Error() + ", so that other addresses of it are not known"
		}
		p := config.Problem{Text: text, Hint: "correct the name, or what DNS and /etc/hosts say of it; the daemon asks again and again"}
		for i := range cfg.Policy.Interfaces {
			if slices.Contains(cfg.Policy.Interfaces[i].Hosts, n.Name) {
				p = cfg.At(i, "servers", p.Text, p.Hint)
				break
			}
		}
		r.Findings = append(r.Findings, Finding{Problem: p, Passing: true})
	}
	if cfg.unfit != nil {
		var wrong config.Problems
		if errors.As(cfg.unfit, &wrong) {
			for _, w := range wrong {
				w.Text += "; this is so by what DNS names mean now, which the daemon would leave out"
				r.Findings = append(r.Findings, Finding{Problem: w})
			}
		}
	}
}

// addresses says which addresses there are.
func addresses(addrs []netip.Addr) string {
	word := "the address "
	if len(addrs) > 1 {
		word = "the addresses "
	}
	return word + strings.ReplaceAll(list(addrs), " ", ", ")
}
