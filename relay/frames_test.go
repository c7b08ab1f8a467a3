package relay

import (
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netns"

	"dhcp-relay/relay/link"
)

// TestFramesCloseTogether closes the sockets of as many links as a router may
// have: in turn they would take more than six seconds.
func TestFramesCloseTogether(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("RELAY_TEST_NOSKIP") != "" {
			t.Fatal("needs root, for packet sockets")
		}
		t.Skip("needs root, for packet sockets")
	}
	const links, loopback = 1000, 1
	f := frames{open: make(map[int]*frame)}
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread goes, and the namespace
		if _, err := netns.New(); err != nil {
			done <- err
			return
		}
		for i := range links {
			c, err := link.Open(loopback, []byte{2, 0, 0, 0, 0, 1})
			if err != nil {
				done <- err
				return
			}
			f.open[i] = &frame{conn: c}
		}
		done <- nil
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	f.close()
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("took %v, want at most 3 s", took)
	}
	if len(f.open) != 0 {
		t.Errorf("%d sockets are open", len(f.open))
	}
}
