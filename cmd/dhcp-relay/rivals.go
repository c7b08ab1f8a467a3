package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/check"
	"dhcp-relay/relay/host/udp"
)

// onlyOne fails if this daemon runs already: two of them would share the sockets
// and tear conversations apart.
func onlyOne(p agent.Policy) error {
	for f, port := range check.Ports(p) {
		hs, err := udp.Holders(f, port)
		if err != nil {
			return nil //nolint:nilerr // kernels without udp_diag cannot tell; followRivals logs it
		}
		for _, h := range hs {
			if h.PID != os.Getpid() && h.Command == check.Program && h.Link == 0 {
				return fmt.Errorf("%s already runs here: %s", check.Program, h)
			}
		}
	}
	return nil
}

// rivalsEvery is how often to look for other listeners: one that comes later takes
// unicast replies or answers clients a second time, and nothing else tells of it.
// To look costs some 100 µs as long as there is none.
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
	names := known{}
	tick := time.NewTicker(rivalsEvery)
	defer tick.Stop()
	for {
		rs, err := look(names.name)
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

// known remembers whose sockets are, by inode. The zero value is not usable.
type known map[uint32]owner

type owner struct {
	pid     int
	command string
	looked  time.Time
}

// lookAgain is how long to wait before looking again for a process that was not
// found: to look at all takes 12 ms of CPU where there are 80.
const lookAgain = 30 * time.Second

// name says whose the sockets are.
func (k known) name(hs []udp.Holder) {
	now := time.Now()
	if slices.ContainsFunc(hs, func(h udp.Holder) bool { return k.due(h.Inode, now) }) {
		udp.Name(hs)
		clear(k)
		for _, h := range hs {
			k[h.Inode] = owner{h.PID, h.Command, now}
		}
		return
	}
	for i := range hs {
		o := k[hs[i].Inode]
		hs[i].PID, hs[i].Command = o.pid, o.command
	}
}

// due reports whether to look for who has a socket.
func (k known) due(inode uint32, now time.Time) bool {
	o, ok := k[inode]
	return !ok || o.pid == 0 && now.Sub(o.looked) > lookAgain
}

// nameUnknown replaces the processes that the daemon could not see by their names,
// as far as this process sees them: the daemon runs without the privileges that
// whoever asks may have.
func nameUnknown(text string, name check.Namer) string {
	const before = "an unknown process (socket "
	for at := 0; ; {
		i := strings.Index(text[at:], before)
		if i < 0 {
			return text
		}
		i += at
		var inode uint32
		if _, err := fmt.Sscanf(text[i+len(before):], "%d)", &inode); err != nil {
			at = i + len(before)
			continue
		}
		hs := []udp.Holder{{Inode: inode}}
		name(hs)
		at = i + len(before)
		if hs[0].PID != 0 {
			who := hs[0].Who()
			text = strings.ReplaceAll(text, udp.Unknown(inode), who)
			at = i + len(who)
		}
	}
}
