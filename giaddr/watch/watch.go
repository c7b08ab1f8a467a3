// Package watch keeps a picture of the links and addresses of this host, as the
// kernel tells it over netlink. It decides nothing: giaddr and relay/agent do.
package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"dhcp-relay/giaddr"
)

const (
	// receiveBuffer is for what the kernel has to say while thousands of links
	// appear at once, several messages of 1 to 4 KiB for each.
	receiveBuffer = 8 << 20
	// again is between a failed attempt to read everything and the next.
	again = time.Second
)

// A Watcher keeps a picture of the links and addresses of the network namespace
// in which it was made. Its methods may be called at once by several goroutines.
// The zero value is not usable.
type Watcher struct {
	events *eventSocket
	dumps  *dumper
	nudge  chan struct{} // holds one if host has changed since it was last empty

	mu    sync.Mutex
	host  host
	stats Stats
}

// Stats says how well a Watcher follows the kernel.
type Stats struct {
	Resyncs uint64 // how often messages were lost, and everything was read anew
	Err     error  // why the latest attempt to read everything failed, or nil

	Since time.Time // when Err came to be other than nil
}

// tried notes how an attempt to read everything ended.
func (s *Stats) tried(err error, now time.Time) {
	if err != nil && s.Err == nil {
		s.Since = now
	}
	s.Err = err
}

// New returns a Watcher that knows what there is now. From here on the kernel
// keeps for it what changes, so that Run misses nothing.
func New() (*Watcher, error) { return open(receiveBuffer) }

func open(buffer int) (*Watcher, error) {
	events, err := subscribe(buffer)
	if err != nil {
		return nil, err
	}
	dumps, err := newDumper()
	if err != nil {
		return nil, errors.Join(err, events.Close())
	}
	w := &Watcher{events: events, dumps: dumps, nudge: make(chan struct{}, 1)}
	// What an interrupted dump may lack, Run reads again.
	fresh, err := dumps.dump()
	w.host = fresh
	w.stats.tried(err, time.Now())
	if err != nil && !errors.Is(err, nl.ErrDumpInterrupted) {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// Links returns the present picture, sorted by Index, the addresses of each link
// sorted too. It is the caller's own, and as new as what Run has read.
func (w *Watcher) Links() []giaddr.Link {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.host.snapshot()
}

// Len returns how many links the present picture has.
func (w *Watcher) Len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.host.links)
}

// Stats returns how well w follows the kernel.
func (w *Watcher) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stats
}

// Run calls changed each time links or addresses have changed since New; Links
// tells how. It gathers what comes in a burst: a call comes when nothing has
// changed for 20 ms, but at most 200 ms after the first change. Run goes on
// reading while changed is at work, and calls it from one goroutine only.
//
// When the kernel has lost messages because they could not be read in time, Run
// reads everything anew, and again each second until it succeeds; Stats tells.
//
// The kernel does not tell of a new Alias while the link is down, but when it
// comes up.
//
// Run returns nil when ctx ends and os.ErrClosed when w is closed. It can be
// called once.
func (w *Watcher) Run(ctx context.Context, changed func()) error {
	// Closing is what ends a read that waits.
	defer context.AfterFunc(ctx, func() { _ = w.events.Close() })()
	listening, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		defer stop()
		w.listen(listening)
	})
	for awaitQuiet(listening, w.nudge) {
		changed()
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("watch links: %w", os.ErrClosed)
}

// Close ends the subscription, and with it Run. It may be called twice.
func (w *Watcher) Close() error {
	w.dumps.handle.Close()
	return w.events.Close()
}

// listen applies what the kernel says until the subscription is closed.
func (w *Watcher) listen(ctx context.Context) {
	var due time.Time // of reading everything; zero: not needed
	if w.Stats().Err != nil {
		due = time.Now().Add(again)
	}
	for {
		msgs, err := w.events.receive(due)
		switch {
		case err == nil:
			w.apply(msgs)
		case errors.Is(err, os.ErrClosed):
			return
		case errors.Is(err, unix.ENOBUFS), errors.Is(err, os.ErrDeadlineExceeded):
			due = w.resync()
		default: // nothing that is known, so it may last
			pause(ctx, again)
			due = w.resync()
		}
	}
}

// apply changes the picture as the messages say.
func (w *Watcher) apply(msgs []syscall.NetlinkMessage) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range msgs {
		if w.host.apply(msgs[i].Header.Type, msgs[i].Data) {
			w.tell()
		}
	}
}

// resync makes a new picture after messages were lost. It returns when that has
// to be done again, or zero.
func (w *Watcher) resync() time.Time {
	drainErr := w.events.drain()
	fresh, err := w.dumps.dump()

	w.mu.Lock()
	defer w.mu.Unlock()
	w.stats.Resyncs++
	w.stats.tried(errors.Join(drainErr, err), time.Now())
	if err == nil || errors.Is(err, nl.ErrDumpInterrupted) {
		fresh.succeed(&w.host)
		w.host = fresh
		w.tell()
	}
	if w.stats.Err == nil {
		return time.Time{}
	}
	return time.Now().Add(again)
}

// tell lets Run know that the picture has changed.
func (w *Watcher) tell() {
	select {
	case w.nudge <- struct{}{}:
	default: // it knows already
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
