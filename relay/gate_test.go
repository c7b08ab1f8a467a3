package relay

import (
	"testing"
	"time"

	"dhcp-relay/relay/host/udp"
)

func newTestCut() *cut { c := newCut(); return &c }

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
	c := newTestCut()
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
	c = newTestCut()
	late(c, time.Hour, 7)
	lateIn(c, time.Hour+time.Second, true, 7)
	if each, ahead := c.rate.Pace(); each == 0 || ahead/each < batchSize {
		t.Errorf("one message in %v, and %v at once: far less than is read", each, ahead)
	}
}

// Who has sent most of what waits is shut out until it is read, and nobody else.
func TestWhoFillsTheBufferIsShutOut(t *testing.T) {
	t.Parallel()
	c := newTestCut()
	links := append(make([]int, 0, 16), 8)
	for len(links) < cap(links) {
		links = append(links, 7)
	}
	now := lateIn(c, time.Hour, true, links...)
	if !c.exceeded(7, 0, now) || c.exceeded(8, 0, now) {
		t.Errorf("shut out: %v of the loud one, %v of the quiet one", c.exceeded(7, 0, now), c.exceeded(8, 0, now))
	}
	c.read([]udp.Datagram{{Link: 7}}, false, false, now)
	if c.exceeded(7, 0, now) || !c.exceeded(7, 0, now) {
		t.Error("once all is read, the loud one has another share than what it may send next")
	}
}
