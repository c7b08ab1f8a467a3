package bench

import (
	"os/exec"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/cputime"
	"dhcp-relay/cmd/lab/netns"
)

// TestKeepAwake has another process want the same processor, which must have
// nearly all of it.
func TestKeepAwake(t *testing.T) {
	netns.Require(t)
	ns := netns.Test(t, "awake")
	var core int
	for had := affinity(t, 0); !had.IsSet(core); {
		core++
	}
	before := children(t)
	stop, err := keepAwake(ns, core)
	if err != nil {
		t.Fatal(err)
	}
	pids := slices.DeleteFunc(children(t), func(pid int) bool { return slices.Contains(before, pid) })
	if len(pids) != 1 {
		t.Fatalf("%d processes, want 1", len(pids))
	}
	keeper := pids[0]
	if set := affinity(t, keeper); set.Count() != 1 || !set.IsSet(core) {
		t.Errorf("may run on %d processors, want only processor %d", set.Count(), core)
	}
	busy, err := ns.StartCmd(exec.Command("sh", "-c", "while :; do :; done"))
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Stop()
	var one unix.CPUSet
	one.Set(core)
	if err := unix.SchedSetaffinity(busy.Pid(), &one); err != nil {
		t.Fatal(err)
	}
	const enough = 200 * time.Millisecond
	mine, others := cputime.Of(keeper), cputime.Of(busy.Pid())
	for end := time.Now().Add(10 * time.Second); cputime.Of(busy.Pid())-others < enough; {
		if time.Now().After(end) {
			t.Fatal("keeps another from running")
		}
		time.Sleep(time.Millisecond)
	}
	if took := cputime.Of(keeper) - mine; took > enough/10 {
		t.Errorf("ran for %v while another wanted to, which ran for %v", took, enough)
	}
	stop()
	if pids := children(t); slices.Contains(pids, keeper) {
		t.Error("goes on after its end")
	}
}
