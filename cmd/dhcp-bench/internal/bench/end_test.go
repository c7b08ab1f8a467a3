package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
)

// TestInterrupted ends runs in the midst of what takes long.
func TestInterrupted(t *testing.T) {
	if raceEnabled {
		t.Skip("the null relay bears no instrumentation")
	}
	netns.Require(t)
	t.Setenv(asNull, "1")
	t.Setenv("TMPDIR", t.TempDir())
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	idle := func(pid int) bool {
		a, err := unix.SchedGetAttr(pid, 0)
		return err == nil && a.Policy == unix.SCHED_IDLE
	}
	for _, tt := range []struct {
		name string
		plan plan
		when func(pid int) bool // what is looked for in a child
	}{
		{"flood", plan{step: time.Millisecond, flood: time.Hour}, func(int) bool { return true }},
		{"latency", plan{
			step: time.Millisecond, flood: time.Millisecond, search: time.Millisecond, after: time.Millisecond,
			taxPairs: 1, taxPackets: 1000, slices: 1, rates: []int{500}, samples: 1000,
		}, idle},
	} {
		t.Run(tt.name, func(t *testing.T) {
			had := affinity(t, 0)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() {
				_, err := run(ctx, Config{Self: []string{self}, Only: []string{nullName}, Rounds: 1, Log: t.Output()}, tt.plan)
				ended <- err
			}()
			await(t, ended, tt.when)
			cancel()
			select {
			case err := <-ended:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("got %v, want that it was interrupted", err)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("goes on after it was interrupted")
			}
			nothingLeft(t, had)
		})
	}
}

// await waits until there is a child as wanted.
func await(t *testing.T, ended <-chan error, when func(pid int) bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		for _, pid := range children(t) {
			if when(pid) {
				return
			}
		}
		select {
		case err := <-ended:
			t.Fatalf("ended: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	t.Fatal("does not come to what is to be interrupted")
}

// children returns the processes that this one has started.
func children(t *testing.T) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		// "1234 (name) R 1 ...": the fourth is the parent.
		rest := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if len(rest) > 1 && rest[1] == strconv.Itoa(os.Getpid()) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			pids = append(pids, pid)
		}
	}
	return pids
}

// affinity returns where a thread may run; 0 is the current one.
func affinity(t *testing.T, tid int) (set unix.CPUSet) {
	t.Helper()
	if err := unix.SchedGetaffinity(tid, &set); err != nil && !errors.Is(err, unix.ESRCH) {
		t.Fatal(err)
	}
	return set
}

// nothingLeft fails the test if a run has left something: namespaces, processes,
// files, or threads that may not run where they could before.
func nothingLeft(t *testing.T, had unix.CPUSet) {
	t.Helper()
	for _, pattern := range []string{
		fmt.Sprintf("/run/netns/db%d-*", os.Getpid()), filepath.Join(os.TempDir(), "dhcp-bench-*"),
	} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) > 0 {
			t.Errorf("left %v, %v", names, err)
		}
	}
	if pids := children(t); len(pids) > 0 {
		t.Errorf("left the processes %v", pids)
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range tasks {
		tid, err := strconv.Atoi(x.Name())
		if err != nil {
			t.Fatal(err)
		}
		if set := affinity(t, tid); set != had && set.Count() > 0 {
			t.Errorf("thread %d is bound to %d of %d processors", tid, set.Count(), had.Count())
		}
	}
}
