package relay_test

import (
	"strings"
	"testing"
	"time"

	"dhcp-relay/relay/wire/bootp"
)

const classes = `
[[class]]
name = "printers"
mac = "02:00:00:00:00:07"
drop = true

[[class]]
name = "boot"
vendor_class = "PXEClient*"
servers = ["10.9.0.3"]
subscriber_id = "boot"

[[interface]]
name = "vlan10"
servers = ["10.9.0.2"]
`

// Requests of a class go where that says, and no others do; the replies come back, each
// request is counted, and nothing is waited for from those that are not asked.
func TestClassesOfClients(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	ordinary, boot := listenAt(b.servers, "10.9.0.2:67"), listenAt(b.servers, "10.9.0.3:67")
	d := b.start(classes)
	pxe := func(xid uint32) message {
		m := discover(xid)
		m.options = append([]byte{60, 16}, "PXEClient:Arch:0"...)
		return m
	}
	n.broadcast(discover(1).request())
	ordinary.reply(ordinary.want(), bootp.Offer, "10.1.0.71")
	n.want()
	for xid := uint32(2); xid < 6; xid++ {
		n.broadcast(pxe(xid).request())
		h := boot.want()
		if sub, _ := relayInfo(h.Packet).Sub(bootp.SubSubscriberID); string(sub) != "boot" {
			t.Errorf("subscriber-id %q, want boot", sub)
		}
		boot.reply(h, bootp.Offer, "10.1.0.72")
		n.want()
	}
	n.broadcast(pxe(7).request())
	d.awaitOutcome("class_drop", 1)
	ordinary.silent()
	boot.silent()
	s := d.balanced()
	for name, want := range map[string]int{"printers": 1, "boot": 4} {
		if got := s.sum("dhcp_relay_class_messages_total", `class="`+name+`"`, `family="ipv4"`); got != want {
			t.Errorf("%d requests of the class %s, want %d", got, name, want)
		}
	}
	d.await("nothing to be missed", func() bool {
		s := d.scrape()
		return s.sum("dhcp_relay_transactions_open") == 0 && s.sum("dhcp_relay_server_unanswered_total") == 0
	})
	// A reload goes on counting, and changes where requests go.
	d.reload(strings.Replace(classes, `servers = ["10.9.0.3"]`, "", 1), "configuration reloaded")
	n.broadcast(pxe(8).request())
	ordinary.want()
	if h, ok := boot.hear(100 * time.Millisecond); ok {
		t.Errorf("a server that is no longer of the class heard %v", h)
	}
	if got := d.scrape().sum("dhcp_relay_class_messages_total", `class="boot"`); got != 5 {
		t.Errorf("%d requests of the class boot, want 5", got)
	}
}
