package bench

import (
	"errors"
	"fmt"
	"os/exec"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
)

// keepAwake keeps a processor from sleeping until stop is called: to wake one up,
// a hypervisor takes 50 to 500 µs, which is more than a relay takes for a message
// and differs from minute to minute. A process does it that runs only while
// nothing else wants to (SCHED_IDLE). It ends with the namespace at the latest.
func keepAwake(ns *netns.NS, core int) (stop func(), err error) {
	p, err := ns.StartCmd(exec.Command("sh", "-c", "while :; do :; done"))
	if err != nil {
		return nil, fmt.Errorf("keep processor %d awake: %w", core, err)
	}
	pid := p.Pid()
	var one unix.CPUSet
	one.Set(core)
	if err := errors.Join(policy(pid, unix.SCHED_IDLE), unix.SchedSetaffinity(pid, &one)); err != nil {
		p.Stop()
		return nil, fmt.Errorf("keep processor %d awake: %w", core, err)
	}
	return func() {
		// What yields to everything would take seconds to end beside a busy relay.
		// If it has ended by itself, there is nothing to hurry.
		_ = policy(pid, unix.SCHED_NORMAL)
		p.Stop()
	}, nil
}

// policy sets how a process is scheduled.
func policy(pid int, p uint32) error {
	return unix.SchedSetAttr(pid, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: p}, 0)
}
