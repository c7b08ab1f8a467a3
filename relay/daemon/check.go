package daemon

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"

	"dhcp-relay/giaddr"
	"dhcp-relay/giaddr/watch"
	"dhcp-relay/relay"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/host/check"
	"dhcp-relay/relay/text"
)

// A Finding is what is wrong with a configuration, or doubtful.
type Finding struct {
	config.Problem
	Fatal   bool // the relay would not run with it
	Passing bool // it is with the host as it is now, which the relay follows: the configuration may be what is meant
}

// String returns the finding as one line.
func (f *Finding) String() string {
	switch {
	case f.File != "":
		return f.Error()
	case f.Hint == "":
		return f.Text
	}
	return f.Text + "; " + f.Hint
}

// A Report is what is found about a configuration.
type Report struct {
	Findings []Finding
	Does     []string // what the daemon would do that depends on the host
}

// Another is a host that is not this one.
type Another struct {
	Hostname string // "" if it is not known
	Links    []giaddr.Link
}

// Good reports whether the relay would run with the configuration.
func (r *Report) Good() bool {
	for _, f := range r.Findings {
		if f.Fatal {
			return false
		}
	}
	return true
}

// Check judges the files of a configuration: for this host, or for another, of which no
// more than its links is known. The error is config.Problems if the files are wrong in
// themselves.
func Check(files []config.File, other *Another) (*Report, error) {
	if other != nil {
		return checkFor(files, other)
	}
	names := newHosts()
	cfg, _, err := names.judge(context.Background(), files)
	if err != nil {
		return nil, err
	}
	r := new(Report)
	r.lookedUp(cfg, names.keeper.Names(cfg.Names))
	for _, w := range cfg.Warnings {
		r.Findings = append(r.Findings, Finding{Problem: w})
	}
	for _, w := range cfg.Listeners() {
		r.Findings = append(r.Findings, Finding{Problem: w, Passing: true})
	}
	err = r.onHost(cfg.Config)
	return r, err
}

// onHost holds a configuration against the links, routes, settings, sockets and firewall
// of this host. What can never work there is fatal.
func (r *Report) onHost(cfg *config.Config) error {
	w, err := watch.New()
	if err != nil {
		return fmt.Errorf("look at the interfaces: %w", err)
	}
	defer func() { _ = w.Close() }() // it was only read
	links := w.Links()
	snap := r.compile(cfg, links, relay.Held(cfg.Policy.Files()))
	r.unrouted(cfg, snap, links)
	doubts, err := check.Host(snap, links)
	for _, d := range append(doubts, firewallDoubts(context.Background(), snap)...) {
		r.Findings = append(r.Findings, Finding{Problem: config.Problem{Text: d.Text}, Fatal: d.Fatal, Passing: !d.Fatal})
	}
	r.Does = slices.Concat(r.Does, idle(snap), segmentations(snap, links), unknown(cfg))
	return err
}

func checkFor(files []config.File, other *Another) (*Report, error) {
	hostname := other.Hostname
	if hostname == "" {
		var err error
		if hostname, err = os.Hostname(); err != nil {
			return nil, fmt.Errorf("read the host's name: %w", err)
		}
	}
	cfg, err := config.ParseFiles(files, config.Host{Hostname: hostname})
	if err != nil {
		return nil, err
	}
	r := new(Report)
	for _, w := range cfg.Warnings {
		r.Findings = append(r.Findings, Finding{Problem: w})
	}
	held := make(map[string]bool) // what its files say is not known
	for _, f := range cfg.Policy.Files() {
		held[f] = true
	}
	for _, name := range cfg.Names {
		r.Does = append(r.Does, name+": not looked up, for it may mean something else on that host")
	}
	r.Does = slices.Concat(r.Does, idle(r.compile(cfg, other.Links, held)), unknown(cfg))
	for i := range r.Findings {
		r.Findings[i].Passing = false // whoever tells of the host's links tells of those that it is to have
	}
	return r, nil
}

// unknown says what presets cannot say here.
func unknown(cfg *config.Config) (lines []string) {
	for _, u := range cfg.Unknowns() {
		lines = append(lines, fmt.Sprintf("%s: preset %q: %s; on a bridge write %s = %q beside it", text.Some(u.Interfaces, 5), u.Preset, u.Text, u.Key, u.Port))
	}
	return lines
}

// compile resolves the configuration against links, and notes what does not fit. held
// are the files that say that the router is active.
func (r *Report) compile(cfg *config.Config, links []giaddr.Link, held map[string]bool) *agent.Snapshot {
	policy := cfg.Policy
	policy.Held = held
	snap, problems := agent.Compile(policy, links)
	of := make(map[string]int)
	for name, i := range agent.Matches(cfg.Policy.Interfaces, links) {
		of[name] = i
	}
	for _, q := range problems {
		p := config.Problem{Text: q.String()}
		if q.Entry > 0 {
			p = cfg.At(q.Entry-1, "name", strconv.Quote(q.Interface)+": "+q.Text, q.Hint)
		} else if i, ok := of[q.Interface]; ok {
			p = cfg.At(i, "name", strconv.Quote(q.Interface)+": "+q.Text, q.Hint)
		}
		r.Findings = append(r.Findings, Finding{p, q.Fatal, q.Text == agent.NoSuchName && !q.Fatal})
	}
	return snap
}
