package relay_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dhcp-relay/relay/wire/bootp"
)

// limitProcessor gives the daemon a part of a processor, in percent, until the test ends.
// It skips the test where control groups cannot do that.
func (d *daemon) limitProcessor(percent int) {
	d.t.Helper()
	const period = 100_000 // µs
	quota := period / 100 * percent
	name := fmt.Sprintf("dhcp-relay-test-%d", d.cmd.Process.Pid)
	for _, g := range []struct{ dir, file, value string }{
		{"/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", strconv.Itoa(quota)},
		{"/sys/fs/cgroup", "cpu.max", fmt.Sprintf("%d %d", quota, period)},
	} {
		dir := filepath.Join(g.dir, name)
		if os.Mkdir(dir, 0o755) != nil {
			continue
		}
		d.t.Cleanup(func() { _ = os.Remove(dir) }) // it is empty by then
		if os.WriteFile(filepath.Join(dir, g.file), []byte(g.value), 0o600) != nil {
			continue
		}
		pid := []byte(strconv.Itoa(d.cmd.Process.Pid))
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), pid, 0o600); err != nil {
			d.t.Fatal(err)
		}
		d.t.Cleanup(func() {
			_ = os.WriteFile(filepath.Join(g.dir, "cgroup.procs"), pid, 0o600) // it has ended
		})
		return
	}
	d.t.Skip("needs a control group with the cpu controller")
}

// A relay that gets 3 % of a processor is flooded on one interface, by requests and by
// what looks like replies: each client of the other one is heard, what is dropped is
// counted for the loud one, and when the flood is over the loud one is as any other.
func TestAFloodTakesNothingFromOthers(t *testing.T) {
	if os.Getenv("RELAY_TEST_SOAK") == "" {
		t.Skip("takes both processors for some 20 s: RELAY_TEST_SOAK=1")
	}
	for name, octets := range map[string][]byte{
		"requests": discover(0).request(),
		"replies":  discover(0).octets(bootp.Reply),
		"an octet": {bootp.Request},
	} {
		t.Run(name, func(t *testing.T) { floodScene(t, octets) })
	}
}

func floodScene(t *testing.T, octets []byte) {
	b := newBed(t)
	loud, quiet := b.network("vlan10", "10.1.0.1/16"), b.network("vlan20", "10.2.0.1/16")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.3\"]\n[[interface]]\nname = \"vlan20\"\nservers = [\"10.9.0.2\"]\n")
	d.limitProcessor(3)

	f := frameOf(octets)
	var over atomic.Bool
	var flood sync.WaitGroup
	flood.Go(func() {
		for i := uint32(0); !over.Load(); i++ {
			if len(octets) > 34 {
				binary.BigEndian.PutUint32(f[14+28+4:], i)  // xid
				binary.BigEndian.PutUint32(f[14+28+30:], i) // chaddr
			}
			_ = loud.transmit(f) // what a full queue refuses is sent again
		}
	})
	end := func() { over.Store(true); flood.Wait() }
	t.Cleanup(end)
	shed := func(link string) int {
		s := d.scrape()
		return s.sum("dhcp_relay_shed_total", `interface="`+link+`"`) + s.sum("dhcp_relay_messages_total", `interface="`+link+`"`, `outcome="overload"`)
	}
	d.await("the flood is shed", func() bool { return shed("vlan10") > 0 })

	const clients = 100
	heard := make(map[uint32]bool)
	asked := 0
	for round := 0; len(heard) < clients; round++ {
		if round == 20 {
			t.Fatalf("%d of %d clients are heard", len(heard), clients)
		}
		for xid := range uint32(clients) {
			if !heard[xid] {
				quiet.broadcast(discover(xid).request())
				asked++
			}
		}
		for until := time.Now().Add(time.Second); time.Now().Before(until) && len(heard) < clients; {
			if h, ok := v.hear(100 * time.Millisecond); ok {
				heard[h.Xid()] = true
			}
		}
	}
	t.Logf("%d messages for %d clients", asked, clients)
	end()
	if n := shed("vlan20"); n != 0 {
		t.Errorf("%d messages of vlan20 are shed", n)
	}
	d.await("received = relayed + dropped", func() bool {
		s := d.scrape()
		return s.sum("dhcp_relay_received_total") == s.sum("dhcp_relay_messages_total")
	})
	if n := d.scrape().sum("dhcp_relay_socket_drops_total"); n != 0 {
		t.Errorf("%d messages were lost in a full buffer", n)
	}
}
