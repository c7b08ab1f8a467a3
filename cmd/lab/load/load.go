// Package load tells tests how busy the machine is, so that what must be quick may take
// its share of a processor that others use, too.
package load

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Bound returns how long something may take now that may take d on a machine that does
// nothing else.
func Bound(d time.Duration) time.Duration {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return d
	}
	return bound(d, string(b), runtime.NumCPU())
}

// bound multiplies d by the tasks for each processor, of the last minute or of now,
// whichever are more; avg is the content of /proc/loadavg.
func bound(d time.Duration, avg string, cpus int) time.Duration {
	tasks := 0.0
	if f := strings.Fields(avg); len(f) > 3 {
		running, _, _ := strings.Cut(f[3], "/")
		for _, s := range []string{f[0], running} {
			if n, err := strconv.ParseFloat(s, 64); err == nil {
				tasks = max(tasks, n)
			}
		}
	}
	return time.Duration(float64(d) * max(1, tasks/float64(cpus)))
}
