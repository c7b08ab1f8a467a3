package main

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"dhcp-relay/metrics"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
)

// reload reads the configuration anew. One that is wrong changes nothing.
func (p *process) reload(ctx context.Context) {
	cfg, err := loadForRun(p.file)
	if err != nil {
		p.log.Error("configuration refused, the former one stays", "config", p.file, "err", err)
		p.refused(err)
		return
	}
	p.warn(cfg)
	p.warnLater("metrics.listen", listenAddress(p.metricsAt), listenAddress(cfg.Metrics))
	p.warnLater("metrics.web_config", p.metricsAt.WebConfig, cfg.Metrics.WebConfig)
	p.warnLater("control", p.controlAt, cfg.Control)
	p.warnLater("recorder.messages", p.recorderAt.Messages, cfg.Recorder.Messages)
	p.warnLater("log.format", p.logAs, cfg.Log.Format)
	if err := p.engine.Reload(ctx, cfg.Policy); err != nil {
		p.log.Error("configuration not taken over", "err", err)
		p.refused(err)
		return
	}
	p.level.Set(cfg.Log.Level)
	p.view.SetRedact(cfg.Recorder.Redact)
	p.applied(cfg)
	p.reloaded()
	p.log.Info("configuration reloaded", "config", p.file)
}

// warnLater logs that a setting has changed, and that it holds later.
func (p *process) warnLater(key string, now, then any) {
	if now != then {
		p.log.Warn(key+" takes effect at the next start", "now", now, "then", then)
	}
}

// warn logs what is legal but doubtful.
func (p *process) warn(cfg *loaded) {
	for _, w := range cfg.Warnings {
		p.log.Warn("configuration is doubtful", "problem", w.Error())
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
func (p *process) applied(cfg *loaded) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.config.ok, p.config.tried, p.config.err = true, now, nil
	p.config.at, p.config.hash = now, cfg.hash
	p.policy = cfg.Policy
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
	t := p.engine.Tracking()
	return metrics.State{
		ConfigOK:   p.config.ok,
		ConfigTime: p.config.at,
		ConfigHash: p.config.hash,
		Interfaces: len(p.policy.Interfaces),
		Reloads:    p.config.reloads,
		Refused:    p.config.refused,
		Links:      p.engine.Links(),
		Listeners:  p.listenerStates(),
		Open:       t.Open,
		Evicted:    t.Evicted,
		Unseen:     p.engine.Recorder().Missed(),
	}
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
