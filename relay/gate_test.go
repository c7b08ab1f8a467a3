package relay

import (
	"testing"
	"time"

	"dhcp-relay/relay/host/shed"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/limit"
)

// late has a cut read full batches of late messages of some links for a second.
func late(c *cut, from time.Duration, links ...int) (now time.Duration) {
	return lateIn(c, from, false, links...)
}

// lateIn is late; filling says that they fill the receive buffer.
func lateIn(c *cut, from time.Duration, filling bool, links ...int) (now time.Duration) {
	ds := make([]udp.Datagram, batchSize)
	for now = from; now < from+time.Second; now += 10 * time.Millisecond {
		for i := range ds {
			ds[i] = udp.Datagram{Link: links[i%len(links)], Age: 500 * time.Millisecond}
		}
		c.read(ds, true, filling, now)
	}
	return now
}

// Only where interfaces contend is any of them cut: a burst on one alone is relayed,
// however long it takes.
func TestNobodyIsCutForItself(t *testing.T) {
	t.Parallel()
	c := &cut{buckets: make([]limit.Bucket, shed.Slots)}
	now := late(c, time.Second, 7)
	if c.rate.Limits() {
		t.Error("an interface is cut that is alone")
	}
	now = late(c, now, 7, 7, 7, 8)
	if !c.rate.Limits() {
		t.Error("no interface is cut where two contend")
	}
	if now = late(c, now, 7); !c.rate.Limits() {
		t.Error("the other one is forgotten at once")
	}
	now = late(c, now+contestFor, 7)
	if c.rate.Limits() {
		t.Error("an interface is cut for one that was heard long ago")
	}
	if lateIn(c, now, true, 7); !c.rate.Limits() {
		t.Error("an interface is not cut that may keep others from being heard")
	}

	// A long silence before says nothing of how much the relay reads.
	c = &cut{buckets: make([]limit.Bucket, shed.Slots)}
	late(c, time.Hour, 7)
	lateIn(c, time.Hour+time.Second, true, 7)
	if each, ahead := c.rate.Pace(); each == 0 || ahead/each < batchSize {
		t.Errorf("one message in %v, and %v at once: far less than is read", each, ahead)
	}
}
