package relay

import (
	"testing"
	"time"

	"dhcp-relay/cmd/lab/load"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/host/frame"
)

// TestFramesCloseTogether closes the sockets of as many links as a router may
// have: in turn they would take more than six seconds.
func TestFramesCloseTogether(t *testing.T) {
	const links, loopback = 1000, 1
	f := frames{open: make(map[int]*sender)}
	netns.NewSpace(t).Do(func() error {
		for i := range links {
			c, err := frame.Open(loopback, []byte{2, 0, 0, 0, 0, 1})
			if err != nil {
				return err
			}
			f.open[i] = &sender{conn: c}
		}
		return nil
	})
	start := time.Now()
	f.close()
	if took := time.Since(start); took > load.Bound(3*time.Second) {
		t.Errorf("took %v, want at most 3 s", took)
	}
	if len(f.open) != 0 {
		t.Errorf("%d sockets are open", len(f.open))
	}
}
