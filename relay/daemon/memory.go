package daemon

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How much garbage there may be, of which each reply leaves some 140 octets. With
// few interfaces little memory is in use, and as much again of garbage halves the
// collector's part in a reply's CPU, which was 1 to 2 %. With 4,000 interfaces the
// garbage is what would make the process large.
const (
	garbage      = 10 << 20 // octets
	leastGarbage = 50       // percent of what is in use, all the same
	mostGarbage  = 200
)

// limitGarbage sets the garbage collector for the start, unless the operator has.
// It reports whether it has.
func limitGarbage() bool {
	if os.Getenv("GOGC") != "" {
		return false
	}
	debug.SetGCPercent(leastGarbage)
	return true
}

// followGarbage sets the garbage collector by what is in use, until ctx ends.
func followGarbage(ctx context.Context) {
	used := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/globals:bytes"}, {Name: "/gc/scan/stack:bytes"},
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for last := leastGarbage; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(used)
		var n uint64
		for i := range used {
			n += used[i].Value.Uint64()
		}
		if p := garbagePercent(n); p != last {
			debug.SetGCPercent(p)
			last = p
		}
	}
}

// garbagePercent returns how much garbage there may be where so many octets are
// in use, in steps, for each change stops all work for a moment.
func garbagePercent(used uint64) int {
	const step = 25
	p := int(garbage * 100 / max(used, 1))
	return min(max(p/step*step, leastGarbage), mostGarbage)
}
