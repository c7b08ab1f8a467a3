package journal

import (
	"io"
	"sync"
	"time"
)

// mostWaiting is how many octets of lines wait for a log that takes none.
const mostWaiting = 256 << 10

// A Writer hands lines on by a goroutine of its own, so that nobody who logs waits for
// a log that takes nothing: a pipe that is not read, a journal that hangs. What finds no
// room meanwhile is lost, which is told once the log takes lines again. It is safe for
// concurrent use.
type Writer struct {
	to   io.Writer
	tell func(lost uint64)
	wake chan struct{}
	done chan struct{} // closed at the end of the goroutine

	mu      sync.Mutex // guards what follows
	waiting []byte
	lost    uint64
	closed  bool
}

// NewWriter returns a Writer to another one. Tell is told how many lines were lost, and
// may write lines itself. Close ends it.
func NewWriter(to io.Writer, tell func(lost uint64)) *Writer {
	w := &Writer{to: to, tell: tell, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go w.run()
	return w
}

// Write takes a line. It never fails, and never waits.
func (w *Writer) Write(line []byte) (int, error) {
	w.mu.Lock()
	if w.closed || len(w.waiting)+len(line) > mostWaiting {
		w.lost++
	} else {
		w.waiting = append(w.waiting, line...)
	}
	w.mu.Unlock()
	w.rouse()
	return len(line), nil
}

func (w *Writer) rouse() {
	select {
	case w.wake <- struct{}{}:
	default: // it is awake already
	}
}

// run hands on what waits until the writer is closed and nothing does.
func (w *Writer) run() {
	defer close(w.done)
	var lines []byte
	for range w.wake {
		w.mu.Lock()
		lines, w.waiting = w.waiting, lines[:0]
		lost, closed := w.lost, w.closed
		w.lost = 0
		w.mu.Unlock()
		if len(lines) > 0 {
			_, _ = w.to.Write(lines) // there is nobody to tell
		}
		switch {
		case closed:
			return
		case lost > 0:
			w.tell(lost)
		}
	}
}

// Close hands on what waits, as far as the log takes it within a time. What is written
// later is lost.
func (w *Writer) Close(grace time.Duration) {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.rouse()
	select {
	case <-w.done:
	case <-time.After(grace):
	}
}
