package daemon

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// watchdog tells systemd that the engine lives, for as long as it does, if the
// unit has WatchdogSec. Without being told, systemd kills the process and starts
// it anew.
func (p *process) watchdog(ctx context.Context) {
	within, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		p.log.Warn("systemd's watchdog is not served", "err", err)
		return
	}
	if within == 0 {
		return
	}
	// One that comes late does no harm yet.
	p.pat(ctx, within/3)
}

// pat tells systemd each time that the engine answers.
func (p *process) pat(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		probe, cancel := context.WithTimeout(ctx, every)
		err := p.engine.Alive(probe)
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			p.log.Error("the relay is stuck, systemd is not told that it lives", "err", err)
		default:
			p.notify(daemon.SdNotifyWatchdog)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
