package relay_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/wire/bootp"
)

// free returns the lowest number that no descriptor of the daemon has.
func (d *daemon) free() (n uint64) {
	d.t.Helper()
	for ; ; n++ {
		if _, err := os.Lstat(fmt.Sprintf("/proc/%d/fd/%d", d.cmd.Process.Pid, n)); errors.Is(err, fs.ErrNotExist) {
			return n
		} else if err != nil {
			d.t.Fatal(err)
		}
	}
}

// Without a descriptor for the socket of a client's interface its replies are
// dropped, which is told with what to do, and no longer than it lasts.
func TestNoDescriptorIsLeft(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	if d.logged("too few open files are allowed: replies may be dropped", nil) {
		t.Error("complains of the limit of this machine")
	}
	ask := func(xid uint32) {
		n.broadcast(discover(xid).request())
		v.reply(v.want(), bootp.Offer, "10.1.0.77")
	}
	var before unix.Rlimit
	d.scrape() // has a connection, which is kept
	b.relay.Must(unix.Prlimit(d.cmd.Process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: d.free(), Max: 1 << 10}, &before))
	d.await("a reply is dropped for want of a descriptor", func() bool {
		ask(1)
		s := d.scrape()
		return s.outcome("send_failed") > 0 && s[`dhcp_relay_send_errors_total{error="EMFILE",towards="client"}`] > 0
	})
	b.relay.Must(unix.Prlimit(d.cmd.Process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1 << 10, Max: 1 << 10}, nil))
	ask(2)
	n.want()
	d.await("every message has had its outcome", func() bool {
		s := d.scrape()
		return s.sum("dhcp_relay_received_total") == s.sum("dhcp_relay_messages_total")
	})
}

// Too low a limit is told at the start.
func TestFewDescriptorsAreTold(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.network("vlan10", "10.1.0.1/24")
	d := b.launchBy([]string{"setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource", "prlimit", "--nofile=60:60"}, "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	d.await("relaying", func() bool { return d.logged("relaying", nil) })
	d.await("the limit is told", func() bool {
		return d.logged("too few open files are allowed: replies may be dropped", map[string]any{"limit": 60.0, "needed": 65.0})
	})
}
