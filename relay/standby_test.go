package relay_test

import (
	"os"
	"path/filepath"
	"testing"
)

// A router relays while it has the virtual address, and hears and counts without it.
// Nothing has to be told or restarted.
func TestStandbyFollowsTheAddress(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.2.0.2/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nactive = \"10.2.0.1\"\ndhcpv4.giaddr = \"10.2.0.1\"\nservers = [\"10.9.0.2\"]\n")
	if !d.is("vlan10", "standby") {
		t.Fatal("it is not on standby")
	}
	for round := range uint32(3) {
		n.broadcast(discover(10 * round).request())
		d.await("it is counted", func() bool { return d.scrape().outcome("standby") == int(round)+1 })
		b.relay.Addr("vlan10", "10.2.0.1/32")
		d.await("relaying", func() bool { return d.is("vlan10", "relaying") })
		n.broadcast(discover(10*round + 1).request())
		if h := v.want(); h.Giaddr().String() != "10.2.0.1" || h.Xid() != 10*round+1 {
			t.Errorf("giaddr %v, xid %d", h.Giaddr(), h.Xid())
		}
		b.relay.DelAddr("vlan10", "10.2.0.1/32")
		d.await("standby", func() bool { return d.is("vlan10", "standby") })
	}
	if d.logged("interface cannot relay", nil) || d.logged("configuration and host disagree", nil) {
		t.Errorf("standby is told as trouble:\n%s", d.log)
	}
}

// The same by a file that a script writes.
func TestStandbyFollowsAFile(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.2.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	file := filepath.Join(t.TempDir(), "active")
	d := b.start("[[interface]]\nname = \"vlan10\"\nactive = \"" + file + "\"\nservers = [\"10.9.0.2\"]\n")
	if !d.is("vlan10", "standby") {
		t.Fatal("it is not on standby")
	}
	say := func(text string) {
		t.Helper()
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range []string{"", "active\n", "MASTER"} {
		say(text)
		d.await("relaying", func() bool { return d.is("vlan10", "relaying") })
		n.broadcast(discover(uint32(i)).request())
		if h := v.want(); h.Xid() != uint32(i) {
			t.Errorf("xid %d", h.Xid())
		}
		say("BACKUP\n")
		d.await("standby", func() bool { return d.is("vlan10", "standby") })
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	n.broadcast(discover(99).request())
	d.await("it is counted", func() bool { return d.scrape().outcome("standby") == 1 })
}
