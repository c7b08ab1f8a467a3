package main

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"dhcp-relay/metrics"
	"dhcp-relay/relay/agent"
)

// reload reads the configuration anew. One that is wrong changes nothing.
func (p *process) reload(ctx context.Context) {
	cfg, err := loadForRun(p.file)
	if err != nil {
		p.log.Error("configuration refused, the former one stays", "config", p.file, "err", err)
		p.refused()
		return
	}
	p.warn(cfg)
	if p.listen != listenAddress(cfg) {
		p.log.Warn("metrics.listen takes effect at the next start", "now", p.listen, "then", listenAddress(cfg))
	}
	p.level.Set(cfg.Log.Level)
	if err := p.engine.Reload(ctx, cfg.Policy); err != nil {
		p.log.Error("configuration not taken over", "err", err)
		p.refused()
		return
	}
	p.applied(cfg)
	p.log.Info("configuration reloaded", "config", p.file)
}

// warn logs what is legal but doubtful.
func (p *process) warn(cfg *loaded) {
	for _, w := range cfg.Warnings {
		p.log.Warn("configuration is doubtful", "problem", w.Error())
	}
}

// refused notes that the latest configuration does not hold.
func (p *process) refused() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.config.ok = false
}

// applied notes that a configuration holds now.
func (p *process) applied(cfg *loaded) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.config = configState{true, time.Now(), cfg.hash}
	p.policy = cfg.Policy
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
	return metrics.State{
		ConfigOK:   p.config.ok,
		ConfigTime: p.config.at,
		ConfigHash: p.config.hash,
		Links:      p.engine.Links(),
	}
}

func listenAddress(cfg *loaded) string {
	if !cfg.Metrics.On {
		return ""
	}
	return cfg.Metrics.Listen.String()
}

// notify tells systemd, if it is there, what the process does.
func (p *process) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		p.log.Warn("notify systemd", "err", err)
	}
}
