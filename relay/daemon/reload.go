package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"dhcp-relay/metrics"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/host/check"
	"dhcp-relay/relay/observe/status"
)

// reload reads the configuration anew. One that is wrong changes nothing.
func (p *process) reload(ctx context.Context) api.Verdict {
	v := api.Verdict{File: p.file, Errors: []string{}, Warnings: []string{}}
	cfg, changes, err := loadForRun(ctx, p.file, p.hosts)
	p.tellNames(changes)
	if err == nil {
		err = judgeReload(&v, cfg)
	}
	if err == nil {
		_, err = check.Capable(&cfg.Policy)
	}
	if err != nil {
		return p.refuse(v, "configuration refused, the former one stays", err)
	}
	p.warn(cfg)
	v.Warnings = append(v.Warnings, p.warnLater(cfg)...)
	for _, text := range p.givenUp(cfg.Policy) {
		p.log.Warn("not all can be had until the next start", "why", text)
		v.Warnings = append(v.Warnings, text)
	}
	if err := p.engine.Reload(ctx, cfg.Policy); err != nil {
		return p.refuse(v, "configuration not taken over", err)
	}
	p.level.Set(cfg.Log.Level)
	p.view.SetRedact(cfg.Recorder.Redact)
	p.shown.SetRedact(cfg.Recorder.Redact || !cfg.Metrics.Clients)
	p.applied(cfg)
	p.reloaded()
	p.log.Info("configuration reloaded", "config", p.file)
	v.OK = true
	return v
}

// judgeReload collects what is doubtful of a configuration, and returns what can never
// work on this host.
func judgeReload(v *api.Verdict, cfg *Loaded) error {
	for _, w := range cfg.Warnings {
		v.Warnings = append(v.Warnings, w.Error())
	}
	r := new(Report)
	if err := r.onHost(cfg.Config); err != nil {
		v.Warnings = append(v.Warnings, err.Error())
	}
	var fatal []error
	for i := range r.Findings {
		if f := &r.Findings[i]; f.Fatal {
			fatal = append(fatal, errors.New(f.String()))
		} else {
			v.Warnings = append(v.Warnings, f.String())
		}
	}
	return errors.Join(fatal...)
}

// refuse notes and logs that a configuration does not hold.
func (p *process) refuse(v api.Verdict, msg string, err error) api.Verdict {
	err = p.barred(err)
	p.log.Error(msg, "config", p.file, "err", err)
	p.refused(err)
	v.Errors = slices.Collect(strings.SplitSeq(err.Error(), "\n"))
	return v
}

// warnLater logs and returns which settings have changed that hold later.
func (p *process) warnLater(cfg *Loaded) (texts []string) {
	for _, c := range []struct {
		key       string
		now, then any
	}{
		{"metrics.listen", listenAddress(p.metricsAt), listenAddress(cfg.Metrics)},
		{"metrics.web_config", p.metricsAt.WebConfig, cfg.Metrics.WebConfig},
		{"control", p.controlAt, cfg.Control},
		{"recorder.messages", p.recorderAt.Messages, cfg.Recorder.Messages},
		{"log.format", p.logAs, cfg.Log.Format},
		{"relay.confine", p.unconfined, cfg.Unconfined},
	} {
		if c.now != c.then {
			text := c.key + " takes effect at the next start"
			p.log.Warn(text, "now", c.now, "then", c.then)
			texts = append(texts, fmt.Sprintf("%s: %s", p.file, text))
		}
	}
	return texts
}

// warn logs what is legal but doubtful.
func (p *process) warn(cfg *Loaded) {
	for _, w := range cfg.Warnings {
		p.log.Warn("configuration warning", "problem", w.Error())
	}
}

// refused notes that the latest configuration does not hold.
func (p *process) refused(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.config.ok, p.config.tried, p.config.err = false, time.Now(), err
	p.config.refused++
}

// applied notes that a configuration holds now.
func (p *process) applied(cfg *Loaded) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.config.ok, p.config.tried, p.config.err = true, now, nil
	p.config.at, p.config.hash, p.config.files = now, cfg.hash, cfg.files
	p.config.names, p.config.unfit = cfg.Names, cfg.unfit
	p.config.file = onDisk{hash: cfg.hash, at: now}
	p.policy = cfg.Policy
}

// files returns the configuration in effect, as it was read.
func (p *process) files() []api.File {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]api.File, len(p.config.files))
	for i, f := range p.config.files {
		all[i] = api.File{Name: f.Name, Text: string(f.Data)}
	}
	return all
}

// reloaded counts a reload that took effect.
func (p *process) reloaded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.config.reloads++
}

// current returns the policy in effect.
func (p *process) current() agent.Policy {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.policy
}

// state is what the metrics show of this moment.
func (p *process) state() metrics.State {
	p.mu.Lock()
	defer p.mu.Unlock()
	adopted, sockets := p.engine.Adopted()
	t, host, confined := p.engine.Tracking(), p.engine.HostReading(), p.box.State()
	names, servers := p.nameStates()
	return metrics.State{
		ConfigOK:   p.config.ok,
		ConfigTime: p.config.at,
		ConfigHash: p.config.hash,
		Differs:    p.config.drift() != status.FileSame,
		Unloadable: p.config.drift() == status.FileRefused,
		Interfaces: len(p.policy.Interfaces),
		Reloads:    p.config.reloads,
		Refused:    p.config.refused,
		Links:      p.links(),
		Listeners:  p.listenerStates(),
		Stale:      host.Stale != "",
		Landlock:   confined.Landlock > 0,
		NoNewPrivs: confined.NoNewPrivs,
		Seccomp:    confined.Seccomp,
		Resyncs:    host.Resyncs,
		Open:       t.Open,
		Evicted:    t.Evicted,
		Unseen:     p.engine.Recorder().Missed(),
		Opened:     sockets - adopted,
		TakenOver:  adopted,
		Probes:     p.canaries.states(),
		Names:      names,
		Servers:    servers,
	}
}

// links is what the metrics show of each interface in each family that it has
// servers of.
func (p *process) links() (all []metrics.LinkState) {
	snap, _ := p.engine.View()
	if snap == nil {
		return nil
	}
	for s := range snap.Serving() {
		n := metrics.LinkState{Name: s.Name, Family: s.Family, State: s.State}
		if s.Link != nil {
			n.Servers = len(s.Link.Side[s.Family].Servers)
			if a := s.Link.Side[s.Family].Addr(); a.IsValid() {
				n.Address = a.String()
			}
		}
		all = append(all, n)
	}
	return all
}

func listenAddress(m config.Metrics) string {
	if !m.On {
		return ""
	}
	return m.Listen.String()
}

// notify tells systemd, if it is there, what the process does.
func (p *process) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		p.log.Warn("notify systemd", "err", err)
	}
}
