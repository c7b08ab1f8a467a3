package journal_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dhcp-relay/relay/journal"
)

// A log takes lines while its gate is open.
type log struct {
	gate chan struct{}

	mu  sync.Mutex
	got bytes.Buffer
}

func (l *log) Write(b []byte) (int, error) {
	<-l.gate
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.got.Write(b)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.got.String()
}

// Nobody waits for a log that takes nothing. What was lost is told when it does again.
func TestNobodyWaitsForTheLog(t *testing.T) {
	t.Parallel()
	l := &log{gate: make(chan struct{})}
	var lost atomic.Uint64
	w := journal.NewWriter(l, func(n uint64) { lost.Add(n) })
	const lines = 10_000
	pad := strings.Repeat("x", 100)
	for i := range lines {
		if _, err := fmt.Fprintf(w, "%d %s\n", i, pad); err != nil {
			t.Fatal(err)
		}
	}
	close(l.gate)
	for end := time.Now().Add(time.Minute); strings.Count(l.String(), "\n")+int(lost.Load()) != lines; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d lines, and %d lost, of %d", strings.Count(l.String(), "\n"), lost.Load(), lines)
		}
	}
	_, _ = w.Write([]byte("the last one\n"))
	w.Close(time.Minute)
	got := strings.Split(strings.TrimSuffix(l.String(), "\n"), "\n")
	if last := got[len(got)-1]; last != "the last one" || lost.Load() == 0 {
		t.Errorf("the last line is %q, and %d are lost", last, lost.Load())
	}
	for i, line := range got[:len(got)-1] {
		if !strings.HasSuffix(line, " "+pad) {
			t.Fatalf("line %d: %q", i, line)
		}
	}
}

// The end waits no longer for the log than it is told to.
func TestTheEndDoesNotWaitForTheLog(t *testing.T) {
	t.Parallel()
	l := &log{gate: make(chan struct{})}
	w := journal.NewWriter(l, func(uint64) {})
	_, _ = w.Write([]byte("a line\n"))
	done := make(chan struct{})
	go func() { w.Close(time.Millisecond); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Error("it waits")
	}
	close(l.gate)
}
