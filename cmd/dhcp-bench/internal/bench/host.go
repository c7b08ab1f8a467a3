package bench

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cores are the two processors of a run: one for the load, the servers and all
// else of the lab, one for the relay.
type cores struct {
	load, relay int
	softirqd    int // the process number of the kernel's softirq thread on the load's core
}

// splitCores keeps every thread of this process, and those that they start, on
// the load's core, until undo is called.
func splitCores() (c cores, undo func(), err error) {
	var had unix.CPUSet
	if err := unix.SchedGetaffinity(0, &had); err != nil {
		return c, nil, fmt.Errorf("processors: %w", err)
	}
	var ids []int
	for i := range 1024 {
		if had.IsSet(i) {
			ids = append(ids, i)
		}
	}
	if len(ids) < 2 {
		return c, nil, errors.New("needs two processors: one for the load, one for the relay")
	}
	c = cores{load: ids[0], relay: ids[1], softirqd: kernelThread(fmt.Sprintf("ksoftirqd/%d", ids[0]))}
	var one unix.CPUSet
	one.Set(c.load)
	return c, func() { _ = bindAll(&had) }, bindAll(&one)
}

// kernelThread returns the process number of a kernel thread, or 0 if none is to
// be seen.
func kernelThread(name string) int {
	// The pattern is well-formed, so there is no error.
	files, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && strings.TrimSpace(string(b)) == name {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
			return pid
		}
	}
	return 0
}

// bindAll binds the threads of this process, also those that are started by
// others before they are bound.
func bindAll(set *unix.CPUSet) error {
	bound := map[int]bool{}
	for again := true; again; {
		again = false
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, t := range tasks {
			tid, err := strconv.Atoi(t.Name())
			if err != nil {
				return err
			}
			if bound[tid] {
				continue
			}
			// A thread may have ended since.
			if err := unix.SchedSetaffinity(tid, set); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("bind thread %d: %w", tid, err)
			}
			bound[tid], again = true, true
		}
	}
	return nil
}

// running reports whether a thread of a process runs or waits for a processor.
func running(pid int) bool {
	// The pattern is well-formed, so there is no error.
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has ended
		}
		// "1234 (name) R ...": the name may hold anything but a last ")".
		if i := strings.LastIndexByte(string(b), ')'); i >= 0 && strings.HasPrefix(string(b[i:]), ") R") {
			return true
		}
	}
	return false
}

// residentOf returns the resident memory of a process, in octets.
func residentOf(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.Atoi(fields[1])
	return pages * os.Getpagesize()
}

// threadCPU returns the time that the current thread has run.
func threadCPU() time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts)
	return time.Duration(ts.Nano())
}

// A Host says where a run took place.
type Host struct {
	CPU     string `json:"cpu"`
	Cores   int    `json:"cores"`
	Kernel  string `json:"kernel"`
	Go      string `json:"go"`
	Started string `json:"started"`
}

func thisHost() Host {
	h := Host{Cores: runtime.NumCPU(), Go: runtime.Version(), Started: time.Now().UTC().Format(time.RFC3339)}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		h.Kernel = unix.ByteSliceToString(u.Release[:])
	}
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			h.CPU = strings.TrimSpace(v)
			break
		}
	}
	return h
}

// backlogDrops returns how many packets the kernel has dropped, on all
// processors, before any socket saw them.
func backlogDrops() (n uint64) {
	b, _ := os.ReadFile("/proc/net/softnet_stat")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 {
			v, _ := strconv.ParseUint(f[1], 16, 64)
			n += v
		}
	}
	return n
}
