package relay

import (
	"context"
	"time"

	"dhcp-relay/relay/observe"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/wire/dhcp"
)

// pendingSlots is how many requests may wait for replies at once; 32 octets each.
// The table shares the processor's cache with the messages, so it is no larger.
const pendingSlots = 1 << 13

// observers returns what watches a new loop.
func (e *Engine) observers(f dhcp.Family) []observe.Observer {
	return []observe.Observer{
		e.pending.Observer(batchSize),
		observe.NewCounter(e.counts, f),
		e.recorder.Observer(),
	}
}

// Record makes the engine keep the last messages of each socket. Call it before
// Run.
func (e *Engine) Record(messages int) { e.recorder = recorder.NewLog(messages) }

// Recorder returns what keeps the last messages, nil if nothing does.
func (e *Engine) Recorder() *recorder.Log { return e.recorder }

// A Tracking is what is known of transactions at one moment.
type Tracking struct {
	Open    [2]int    // that wait for a reply, as of a second ago, by dhcp.Family
	Evicted [2]uint64 // that were forgotten while they waited
}

// Tracking returns what is known of transactions.
func (e *Engine) Tracking() (t Tracking) {
	for f := range e.open {
		t.Open[f] = int(e.open[f].Load())
		t.Evicted[f] = e.pending.Evicted(dhcp.Family(f))
	}
	return t
}

// sweep counts the requests that nobody has answered, and forgets what was counted
// of interfaces and servers that are gone, until ctx ends.
func (e *Engine) sweep(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for f, n := range e.pending.Sweep(now.Sub(e.start)) {
				e.open[f].Store(int64(n))
			}
			e.counts.Sweep(now)
			e.judgeServers(now)
			e.paceServers()
			e.standGroups(e.state.Load(), now)
			e.collectShed()
			e.watched(e.watcher.Stats(), now)
			e.lookNeighbours(e.state.Load(), now)
			e.showRest(now, e.state.Load().Snap)
		}
	}
}
