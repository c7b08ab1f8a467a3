package udp

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/wire/dhcp"
)

// TestSendersHearNothing sends all that can come to the port: what only sends gets
// nothing of it, takes nothing away, and is no loss.
func TestSendersHearNothing(t *testing.T) {
	relay, client := cable(t)
	p := listen(relay, Config{Family: dhcp.V4, Port: 67, RcvBuf: 4 << 20})
	c := client.ListenUDP("udp4", "0.0.0.0:68")
	relay.Route("224.0.0.0/4", "192.0.2.9")
	for range 100 {
		sendOn(t, c, request, client.Index("c0"), "255.255.255.255:67")
		sendOn(t, c, request, client.Index("c0"), "224.0.0.0:67")
		sendTo(t, c, request, "192.0.2.1:67")
		sendTo(t, c, reply, "192.0.2.1:67")
	}
	if n := len(hear(t, p.Requests, 200, patient)); n != 200 {
		t.Errorf("%d requests, want 200", n)
	}
	if n := len(hear(t, p.Replies, 100, patient)); n != 100 {
		t.Errorf("%d replies, want 100", n)
	}
	for name, c := range map[string]*Conn{"ToClients": p.ToClients, "Whole": p.Whole} {
		silent(t, c, name)
	}
	if n := p.Drops(); n != 0 {
		t.Errorf("Drops() = %d, want 0", n)
	}
}

// TestR1122_SendersFragment sends what is larger than the MTU, from the port and
// with the source that the kernel chooses.
func TestR1122_SendersFragment(t *testing.T) {
	payload := bytes.Repeat([]byte{2, 1, 6, 0}, 1000)
	t.Run("IPv4", func(t *testing.T) {
		relay, client := cable(t)
		p := listen(relay, Config{Family: dhcp.V4, Port: 67})
		at := listen(client, Config{Family: dhcp.V4, Port: 67})
		dst := netip.MustParseAddrPort("192.0.2.9:67")
		for name, c := range map[string]*Conn{"ToClients": p.ToClients, "Whole": p.Whole} {
			q := NewQueue(c)
			for i := range 3 {
				q.Add(i, payload, dst, netip.Addr{}, 0, nil)
			}
			for tag, errno := range outcomes(t, q) {
				if errno != 0 {
					t.Errorf("%s: datagram %d: %v", name, tag, errno)
				}
			}
			for _, h := range hear(t, at.Replies, 3, patient) {
				if h.Payload != string(payload) || h.Src.String() != "192.0.2.1:67" {
					t.Errorf("%s: %d octets from %v", name, len(h.Payload), h.Src)
				}
			}
		}
		q := NewQueue(p.Requests)
		q.Add(0, payload, dst, netip.Addr{}, 0, nil)
		if got := outcomes(t, q)[0]; got != unix.EMSGSIZE {
			t.Errorf("Requests: %v, want EMSGSIZE", got)
		}
	})
	t.Run("IPv6", func(t *testing.T) {
		relay, server := uplink6(t)
		p := listen(relay, Config{Family: dhcp.V6, Port: 547})
		at := listen(server, Config{Family: dhcp.V6, Port: 547})
		payload[0] = relayReply
		q := NewQueue(p.ToClients)
		q.Add(0, payload, netip.MustParseAddrPort("[2001:db8:9::2]:547"), netip.Addr{}, 0, nil)
		if got := outcomes(t, q)[0]; got != 0 {
			t.Error(got)
		}
		for _, h := range hear(t, at.Replies, 1, patient) {
			if h.Payload != string(payload) || h.Src.String() != "[2001:db8:9::1]:547" {
				t.Errorf("%d octets from %v", len(h.Payload), h.Src)
			}
		}
		if p.Whole != nil {
			t.Error("IPv6 has a Conn for what its others fragment as well")
		}
	})
}

// TestRepliesDoNotFillTheBufferOfRequests leaves as much waiting for clients that do
// not answer neighbour solicitations as the buffer holds: requests leave all the
// same.
func TestRepliesDoNotFillTheBufferOfRequests(t *testing.T) {
	relay, server := uplink6(t)
	p := listen(relay, Config{Family: dhcp.V6, Port: 547})
	at := listen(server, Config{Family: dhcp.V6, Port: 547, RcvBuf: 4 << 20})
	payload := bytes.Repeat([]byte{7}, 1400)
	q := NewQueue(p.ToClients)
	full := false
	for end := time.Now().Add(patient); !full && time.Now().Before(end); {
		for i := range 120 * 20 { // each holds some 200 KiB
			a := netip.MustParseAddr("2001:db8:9::dead:0").As16()
			a[15] = byte(i % 120)
			q.Add(i, payload, netip.AddrPortFrom(netip.AddrFrom16(a), 546), netip.Addr{}, 0, nil)
		}
		for _, errno := range outcomes(t, q) {
			full = full || errno == unix.EAGAIN
		}
	}
	if !full {
		t.Fatal("the buffer has not become full")
	}
	r := NewQueue(p.Requests)
	for i := range 100 {
		r.Add(i, []byte(forward), netip.MustParseAddrPort("[2001:db8:9::2]:547"), netip.Addr{}, 0, nil)
	}
	for tag, errno := range outcomes(t, r) {
		if errno != 0 {
			t.Errorf("request %d: %v", tag, errno)
		}
	}
	if n := len(hear(t, at.Requests, 100, patient)); n != 100 {
		t.Errorf("%d requests have come, want 100", n)
	}
}
