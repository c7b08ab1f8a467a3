package daemon

import (
	"golang.org/x/sys/unix"

	"dhcp-relay/relay/wire/dhcp"
)

// The descriptors that a process needs: those that it has in any case and room for
// those who ask, and for each interface with clients the socket of its frames.
const (
	descriptors     = 64
	mostDescriptors = 1 << 16 // what is asked of the kernel, since interfaces may come
)

// raiseDescriptors raises the limit of open files if that is low, for as long as the
// process may. What the kernel refuses, warnOfDescriptors tells.
func raiseDescriptors() {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) == nil && l.Max < mostDescriptors {
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: mostDescriptors, Max: mostDescriptors})
	}
}

// warnOfDescriptors tells, once the sockets are open, whether there is room for the
// others that will be needed: without it replies are dropped, and nobody is answered.
func (p *process) warnOfDescriptors() {
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &l) != nil {
		return
	}
	s, _ := p.engine.View()
	needed := descriptors
	for _, i := range s.Links {
		if len(i.Side[dhcp.V4].Servers) > 0 {
			needed++
		}
	}
	if l.Cur < uint64(needed) {
		p.log.Warn("too few open files are allowed: replies may be dropped", "limit", l.Cur, "needed", needed,
			"hint", "raise LimitNOFILE in the service's unit, or ulimit -n")
	}
}
