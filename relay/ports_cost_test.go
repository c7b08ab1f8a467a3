package relay_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/cputime"
)

// To tell ports takes at most 5 % more processor time at 10,000 requests a second than
// what is always the same, in the median of pairs of runs one after the other.
func TestPortsCostLittle(t *testing.T) {
	sustained(t)
	const pairs, most = 36, 1.05
	plain := strings.NewReplacer("{interface}:{port}", "{interface}:swp1", "{port_alias}", "swp1", "{client_mac}", "02:00:00:00:00:01", `"tunnel*"`, "").Replace(ported)
	b := newBed(t)
	at, _ := b.bridge("swp1", "swp2")
	listenAt(b.servers, "10.9.0.2:67").tally(1 << 20)
	ratios := make([]float64, pairs)
	for i := range ratios {
		without := b.cost(plain, at["swp1"])
		with := b.cost(ported, at["swp1"])
		ratios[i] = float64(with) / float64(without)
		t.Logf("a request takes %v, and %v with its port", without, with)
	}
	slices.Sort(ratios)
	if median := ratios[pairs/2]; median > most {
		t.Errorf("a request takes %.2f of what it takes without its port (%.2f to %.2f), want at most %.2f", median, ratios[0], ratios[pairs-1], most)
	}
}

// cost returns the processor time of the relay for each of the requests of 2,000 clients
// that come at 10,000 a second, once it has heard them all.
func (b *bed) cost(config string, at *network) time.Duration {
	const perSecond, warm, last = 10_000, 2 * time.Second, 8 * time.Second
	d := b.start(config)
	defer func() {
		d.signal(syscall.SIGTERM)
		_ = d.cmd.Wait() // the next one is what is of interest
	}()
	f := frameOf(discover(0).request())
	var before time.Duration
	counted, sent := 0, 0
	for began := time.Now(); time.Since(began) < last; time.Sleep(time.Millisecond) {
		if before == 0 && time.Since(began) > warm {
			before, counted = cputime.Of(d.cmd.Process.Pid), sent
		}
		for due := int(time.Since(began).Seconds() * perSecond); sent < due; sent++ {
			client := uint16(sent % 2000)
			binary.BigEndian.PutUint32(f[14+28+4:], uint32(sent)) // xid
			binary.BigEndian.PutUint16(f[8:], client)             // source
			binary.BigEndian.PutUint16(f[14+28+30:], client)      // chaddr
			at.must(at.transmit(f))
		}
	}
	return (cputime.Of(d.cmd.Process.Pid) - before) / time.Duration(sent-counted)
}
