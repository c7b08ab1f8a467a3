package daemon

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"dhcp-relay/relay/host/check"
)

// rivalsEvery is how often to look for other listeners: one that comes later takes
// unicast replies or answers clients a second time, and nothing else tells of it.
const rivalsEvery = time.Second

// errNotYet says that the relay does not know its interfaces yet.
var errNotYet = errors.New("the relay does not hear clients yet")

// rivals lists who else hears what is meant for the relay.
func (p *process) rivals(name check.Namer) ([]check.Rival, error) {
	snap, _ := p.engine.View()
	if snap == nil {
		return nil, errNotYet
	}
	return check.Rivals(snap, p.engine.Host, true, name)
}

// setRivals keeps the other listeners of the moment, and guards what they may be
// given.
func (p *process) setRivals(rs []check.Rival) {
	var guard [2]bool
	for i := range rs {
		guard[rs[i].Family] = true
	}
	p.engine.Guard(guard)
	p.surroundings.setRivals(rs)
}

// followRivals logs the other listeners on the ports of the policy in effect, each
// when it comes and when it goes, and keeps those of the moment, until ctx ends.
func followRivals(ctx context.Context, look func(check.Namer) ([]check.Rival, error), keep func([]check.Rival), log *slog.Logger) {
	logged := make(map[string]bool)
	names := check.Names{}
	tick := time.NewTicker(rivalsEvery)
	defer tick.Stop()
	for {
		rs, err := look(names.Name)
		if err != nil {
			log.Warn("other listeners cannot be found", "err", err)
			return
		}
		if ctx.Err() != nil {
			return
		}
		logRivals(log, logged, rs)
		keep(rs)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// logRivals logs those that are new, and those of the logged ones that are gone.
func logRivals(log *slog.Logger, logged map[string]bool, rs []check.Rival) {
	for i := range rs {
		name := rs[i].String()
		if logged[name] {
			continue
		}
		logged[name] = true
		level := slog.LevelWarn
		if rs[i].Error() {
			level = slog.LevelError
		}
		log.Log(context.Background(), level, "another program listens on the port", "holder", name, "effect", rs[i].Effect())
	}
	for name := range logged {
		if !slices.ContainsFunc(rs, func(r check.Rival) bool { return r.String() == name }) {
			delete(logged, name)
			log.Info("another program listens no more", "holder", name)
		}
	}
}
