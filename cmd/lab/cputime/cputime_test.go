package cputime

import (
	"os"
	"testing"
	"time"
)

// What this process does is counted, and of one that is not there nothing.
func TestOf(t *testing.T) {
	before := Of(os.Getpid())
	for end := time.Now().Add(30 * time.Second); Of(os.Getpid())-before < 20*time.Millisecond; {
		if time.Now().After(end) {
			t.Fatalf("%v counted of a process that is busy", Of(os.Getpid())-before)
		}
	}
	if d := Of(1 << 30); d != 0 {
		t.Errorf("%v of no process", d)
	}
}
