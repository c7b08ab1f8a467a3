package udp

import (
	"fmt"
	"math"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

func TestDropsCountsNoBroadcastThatWasHeard(t *testing.T) {
	relay, client := cable(t)
	p := listen(relay, Config{Family: dhcp.V4, Port: 67, RcvBuf: 8 << 20})
	c := client.ListenUDP("udp4", "0.0.0.0:67")
	for range 1000 {
		sendOn(t, c, request, client.Index("c0"), "255.255.255.255:67")
		sendTo(t, c, reply, "192.0.2.255:67")
	}
	if n := p.Drops(); n != 0 {
		t.Errorf("before reading, Drops() = %d, want 0", n)
	}
	if n := len(hear(t, p.Requests, 1000, patient)); n != 1000 {
		t.Errorf("heard %d requests, want 1000", n)
	}
	if n := len(hear(t, p.Replies, 1000, patient)); n != 1000 {
		t.Errorf("heard %d replies, want 1000", n)
	}
	if n := p.Drops(); n != 0 {
		t.Errorf("Drops() = %d, want 0", n)
	}
	// The trap that the witness is for.
	if n := p.Replies.Drops(); n != 1000 {
		t.Errorf("Replies.Drops() = %d, want 1000", n)
	}
}

// Statistics of the host count each broadcast of a client twice as an input error:
// the other socket and the witness leave it.
func TestBroadcastsAreInputErrorsOfTheHost(t *testing.T) {
	relay, client := cable(t)
	p := listen(relay, Config{Family: dhcp.V4, Port: 67})
	c := client.ListenUDP("udp4", "0.0.0.0:67")
	before := inErrors(relay)
	const n = 10
	for range n {
		sendOn(t, c, request, client.Index("c0"), "255.255.255.255:67")
	}
	hear(t, p.Requests, n, patient)
	if got := inErrors(relay) - before; got != 2*n {
		t.Errorf("%d input errors for %d broadcasts, want two each", got, n)
	}
}

// inErrors returns UdpInErrors of a namespace.
func inErrors(s *netns.Space) (n int) {
	s.T.Helper()
	s.Do(func() error {
		b, err := os.ReadFile("/proc/thread-self/net/snmp")
		var lines [][]string
		for l := range strings.Lines(string(b)) {
			if f := strings.Fields(l); f[0] == "Udp:" {
				lines = append(lines, f)
			}
		}
		if err != nil || len(lines) != 2 {
			return fmt.Errorf("read statistics: %d lines of UDP: %w", len(lines), err)
		}
		n, err = strconv.Atoi(lines[1][slices.Index(lines[0], "InErrors")])
		return err
	})
	return n
}

// The kernel gives a broadcast to one socket after the other; who asks in
// between must not be told of a loss.
func TestDropsCountsNoBroadcastThatIsBeingDelivered(t *testing.T) {
	relay, client := cable(t)
	p := listen(relay, Config{Family: dhcp.V4, Port: 67, RcvBuf: 64 << 20})
	c := client.ListenUDP("udp4", "0.0.0.0:67")
	var sending sync.WaitGroup
	sending.Go(func() {
		for range 20_000 {
			if _, err := c.WriteToUDPAddrPort([]byte(request), netip.MustParseAddrPort("192.0.2.255:67")); err != nil {
				t.Error(err)
				return
			}
		}
	})
	asked := 0
	for began := time.Now(); time.Since(began) < time.Second/2 && p.Drops() == 0; {
		asked++
	}
	sending.Wait()
	if n := p.Drops(); n != 0 {
		t.Errorf("Drops() = %d after it was asked %d times, want 0", n, asked)
	}
}

func TestDropsCountsWhatFoundAFullBuffer(t *testing.T) {
	const sent = 3000
	for _, tc := range []struct {
		name, payload, dst string
	}{
		{"broadcast requests", request, "192.0.2.255:67"},
		{"unicast requests", request, "192.0.2.1:67"},
		{"broadcast replies", reply, "192.0.2.255:67"},
		{"unicast replies", reply, "192.0.2.1:67"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			relay, client := cable(t)
			p := listen(relay, Config{Family: dhcp.V4, Port: 67, RcvBuf: 64 << 10})
			c := client.ListenUDP("udp4", "0.0.0.0:67")
			for range sent {
				sendTo(t, c, tc.payload, tc.dst)
				// So that each case has losses on both sockets.
				sendTo(t, c, "\x01"+request, "192.0.2.1:67")
				sendTo(t, c, "\x02"+reply, "192.0.2.1:67")
			}
			checkLosses(t, p, 3*sent)
		})
	}
}

// checkLosses fails unless the datagrams that can be read and those counted as
// lost are together what was sent, and some were lost.
func checkLosses(t *testing.T, p *Pair, sent int) {
	t.Helper()
	heard := 0
	for deadline := time.Now().Add(patient); time.Now().Before(deadline); {
		for _, c := range []*Conn{p.Requests, p.Replies} {
			heard += len(hear(t, c, math.MaxInt, 20*time.Millisecond))
		}
		if heard+int(p.Drops()) >= sent {
			break
		}
	}
	if lost := int(p.Drops()); heard+lost != sent || lost == 0 {
		t.Errorf("%d heard and %d lost, want %d in all and some lost", heard, lost, sent)
	}
}

func TestR9915_DropsOfMulticasts(t *testing.T) {
	relay, client := netns.NewSpace(t), netns.NewSpace(t)
	relay.Veth("d0", client, "c0")
	relay.Addr("d0", "fe80::1/64")
	relay.Addr("d0", "2001:db8::1/64")
	client.Addr("c0", "fe80::9/64")
	client.Addr("c0", "2001:db8::9/64")
	p := listen(relay, Config{Family: dhcp.V6, Port: 547, RcvBuf: 64 << 10})
	relay.Must(p.Requests.Join(relay.Index("d0")))
	c := client.ListenUDP("udp6", "[2001:db8::9]:547")
	for range 2000 {
		sendTo(t, c, solicit, "[ff02::1:2%"+itoa(client.Index("c0"))+"]:547")
		sendTo(t, c, replRely, "[2001:db8::1]:547")
	}
	checkLosses(t, p, 4000)
}

func TestCounterExtendsAndNeverGoesBack(t *testing.T) {
	var c counter
	for _, tc := range []struct {
		name string
		now  uint32
		ok   bool
		want uint64
	}{
		{"nothing yet", 0, true, 0},
		{"some", 5, true, 5},
		{"behind", 3, true, 5},
		{"the same again", 5, true, 5},
		{"not known", 9, false, 5},
		{"nearly half of the range", 1<<31 + 4, true, 1<<31 + 4},
		{"nearly all of it", math.MaxUint32, true, math.MaxUint32},
		{"wrapped", 2, true, 1<<32 + 2},
	} {
		if got := c.advance(tc.now, tc.ok); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}
