package frame

import (
	"testing"

	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/netns"
)

// A cable joins a relay's interface d0 to a client's c0.
type cable struct {
	relay, client *netns.Space
	d0, c0        netlink.Link
}

func newCable(t testing.TB) *cable {
	t.Helper()
	w := &cable{relay: netns.NewSpace(t), client: netns.NewSpace(t)}
	w.relay.Veth("d0", w.client, "c0")
	w.d0, w.c0 = w.relay.Link("d0"), w.client.Link("c0")
	return w
}

// open opens a Conn on d0.
func (w *cable) open() *Conn {
	w.relay.T.Helper()
	return w.openOn("d0")
}

// openOn opens a Conn on an interface of the relay.
func (w *cable) openOn(name string) *Conn {
	w.relay.T.Helper()
	l := w.relay.Link(name)
	var c *Conn
	w.relay.Do(func() (err error) {
		c, err = Open(l.Attrs().Index, l.Attrs().HardwareAddr)
		return err
	})
	w.relay.T.Cleanup(func() { _ = c.Close() })
	return c
}
