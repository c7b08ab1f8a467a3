package daemon

import (
	"context"
	"os"
)

// dumps writes what the flight recorder holds into a file of its own at each
// signal, for hosts on which the control socket is off or out of reach.
func (p *process) dumps(ctx context.Context, usr1 <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-usr1:
			p.dump()
		}
	}
}

func (p *process) dump() {
	dir, err := stateDir()
	if err != nil {
		p.log.Error("recorded messages not written", "err", err)
		return
	}
	file, err := p.view.WriteFile(dir)
	if err != nil {
		p.log.Error("recorded messages not written", "err", err)
		return
	}
	p.log.Info("recorded messages written", "file", file)
}
