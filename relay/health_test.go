package relay_test

import (
	"testing"

	"dhcp-relay/relay/wire/bootp"
)

// A server that ceases to answer is told of once, though it answered a moment ago, and
// once that it answers again. That its replies come from another address than the one
// that it is asked at does not matter.
func TestASilentServerIsLogged(t *testing.T) {
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	other := listenAt(b.servers, "10.9.0.3:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	login := func(xid uint32) {
		n.broadcast(discover(xid).request())
		other.reply(v.want(), bootp.Offer, "10.1.0.77")
		n.want()
	}
	for xid := range uint32(20) {
		login(xid + 1)
	}
	// A reply is credited after it was sent: until then a request would seem answered by it.
	d.await("the credit of each reply", func() bool { return d.scrape().sum("dhcp_relay_server_replies_total") == 20 })
	for xid := range uint32(5) {
		n.broadcast(discover(100 + xid).request())
		v.want()
	}
	silent := map[string]any{"level": "ERROR", "server": "10.9.0.2", "state": "silent", "requests_since": 5.0}
	d.await("a line of the server's silence", func() bool { return d.logged("server does not answer", silent) })
	login(200)
	d.await("a line of its return", func() bool { return d.logged("server answers again", map[string]any{"server": "10.9.0.2"}) })
	if n := d.log.find("server does not answer", nil); n != 1 {
		t.Errorf("its silence is told %d times", n)
	}
	if s := d.scrape(); s.sum("dhcp_relay_server_replies_total", `server="10.9.0.2:67"`) != 21 {
		t.Errorf("%d replies are credited, want 21", s.sum("dhcp_relay_server_replies_total"))
	}
}

// What was before a reload says nothing of a server that it brought: one at a wrong
// address is silent, though the clients were answered a moment ago.
func TestAServerThatAReloadBringsIsJudgedByItself(t *testing.T) {
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	config := func(server string) string {
		return "[[interface]]\nname = \"vlan10\"\nservers = [\"" + server + "\"]\n"
	}
	d := b.start(config("10.9.0.2"))
	for xid := range uint32(10) {
		n.broadcast(discover(xid + 1).request())
		v.reply(v.want(), bootp.Offer, "10.1.0.77")
		n.want()
	}
	d.reload(config("10.9.0.22"), "configuration reloaded")
	for xid := range uint32(5) {
		n.broadcast(discover(100 + xid).request())
	}
	d.await("a line of the new server", func() bool {
		return d.logged("server does not answer", map[string]any{"server": "10.9.0.22", "last_reply": "never"})
	})
	s := d.scrape()
	if s.sum("dhcp_relay_server_last_reply_timestamp_seconds", `server="10.9.0.22:67"`) != 0 || s.sum("dhcp_relay_server_state", `server="10.9.0.2:67"`, `state="idle"`) != 1 {
		t.Errorf("the new server has replied, or the former one is more than idle: %v", s)
	}
}
