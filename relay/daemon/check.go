package daemon

import (
	"fmt"
	"os"
	"strconv"

	"dhcp-relay/giaddr"
	"dhcp-relay/giaddr/watch"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/host/check"
)

// A Finding is what is wrong with a configuration, or doubtful.
type Finding struct {
	config.Problem
	Fatal bool // the relay would not run with it
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
	cfg, err := judge(files)
	if err != nil {
		return nil, err
	}
	r := new(Report)
	for _, w := range append(cfg.Warnings, cfg.Listeners()...) {
		r.Findings = append(r.Findings, Finding{Problem: w})
	}
	w, err := watch.New()
	if err != nil {
		return nil, fmt.Errorf("look at the interfaces: %w", err)
	}
	defer func() { _ = w.Close() }() // it was only read
	links := w.Links()
	snap := r.compile(cfg.Config, links)
	doubts, err := check.Host(snap, links)
	for _, d := range doubts {
		r.Findings = append(r.Findings, Finding{Problem: config.Problem{Text: d.Text}, Fatal: d.Fatal})
	}
	r.Does = append(idle(snap), segmentations(snap, links)...)
	return r, err
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
	r.Does = idle(r.compile(cfg, other.Links))
	return r, nil
}

// compile resolves the configuration against links, and notes what does not fit.
func (r *Report) compile(cfg *config.Config, links []giaddr.Link) *agent.Snapshot {
	snap, problems := agent.Compile(cfg.Policy, links)
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
		r.Findings = append(r.Findings, Finding{p, q.Fatal})
	}
	return snap
}
