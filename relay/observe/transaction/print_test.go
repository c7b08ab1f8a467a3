package transaction_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/observe/transaction"
)

func draw(t *testing.T, p transaction.Printer, tr api.Transaction) string {
	t.Helper()
	var b strings.Builder
	p.W = &b
	if err := p.Transaction(&tr); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPrint(t *testing.T) {
	refused := lost(agent.UntrustedOption82, asked(0, dhcp4{xid: 2, kind: 1, mac: mac1}))
	for name, c := range map[string]struct {
		ms   []recorder.Message
		p    transaction.Printer
		want string
	}{
		"answered": {exchange(), transaction.Printer{}, `
#1 ipv4  0x1a2b3c4d  02:00:00:00:00:01  vlan10, giaddr 10.1.0.1  10:00:00.000
       0.0  client ─── DISCOVER ────▶┃─── DISCOVER ────▶ 10.9.0.2, 10.9.0.3  relayed in 12µs
       2.0  client ◀───── OFFER ─────┃◀───── OFFER ───── 10.9.0.2  gives 10.1.0.100, after 2ms, unicast to 10.1.0.100,
                                     ┃                   relayed in 20µs
      50.0  client ──── REQUEST ────▶┃──── REQUEST ────▶ 10.9.0.2, 10.9.0.3  asks for 10.1.0.100, relayed in 12µs
      53.0  client ◀────── ACK ──────┃◀────── ACK ────── 10.9.0.2  gives 10.1.0.100, after 3ms, unicast to 10.1.0.100,
                                     ┃                   relayed in 20µs
  = answered

`},
		"answered, ASCII": {exchange()[:2], transaction.Printer{ASCII: true}, `
#1 ipv4  0x1a2b3c4d  02:00:00:00:00:01  vlan10, giaddr 10.1.0.1  10:00:00.000
       0.0  client --- DISCOVER ---->|--- DISCOVER ----> 10.9.0.2, 10.9.0.3  relayed in 12us
       2.0  client <----- OFFER -----|<----- OFFER ----- 10.9.0.2  gives 10.1.0.100, after 2ms, unicast to 10.1.0.100,
                                     |                   relayed in 20us
  = answered

`},
		"a dropped request": {[]recorder.Message{refused}, transaction.Printer{}, `
#1 ipv4  0x00000002  02:00:00:00:00:01  vlan10  10:00:00.000
       0.0  client ─── DISCOVER ────▶✗                   dropped: untrusted_option82, from 0.0.0.0 on vlan10
            A client's message already contains option 82. If a switch with DHCP snooping or another relay adds it, set
            trusted = true on this interface.
  = dropped: untrusted_option82

`},
		"a dropped reply": {[]recorder.Message{asked(0, dhcp4{xid: 2, kind: 1, mac: mac1}), lost(agent.BogusGiaddr, answered(2, dhcp4{xid: 2, kind: 2, mac: mac1}))}, transaction.Printer{}, `
#1 ipv4  0x00000002  02:00:00:00:00:01  vlan10, giaddr 10.1.0.1  10:00:00.000
       0.0  client ─── DISCOVER ────▶┃─── DISCOVER ────▶ 10.9.0.2, 10.9.0.3  relayed in 12µs
       2.0  client                   ✗◀───── OFFER ───── 10.9.0.2  dropped: bogus_giaddr, on eth0, after 2ms
            A reply has a giaddr that this relay does not use now. Check the routes for the giaddr, and whether the
            interface has lost its address.
  = dropped: bogus_giaddr

`},
		"a server that does not answer": {exchange6()[:1], transaction.Printer{}, `
#1 ipv6  0xabcdef  02:00:00:00:00:01  00:03:00:01:02:00:00:00:00:01  vlan10, link-address 2001:db8:1::1  10:00:00.000
       0.0  client ──── SOLICIT ────▶┃──── SOLICIT ────▶ 2001:db8:9::2  relayed in 0s
  = no answer from 2001:db8:9::2
    2001:db8:9::2 has not answered a solicit: check that the address is right, that the server runs, that it has a
    subnet for link-address 2001:db8:1::1, and that it has a route back to this relay.

`},
		"DHCPv6": {exchange6(), transaction.Printer{}, `
#1 ipv6  0xabcdef  02:00:00:00:00:01  00:03:00:01:02:00:00:00:00:01  vlan10, link-address 2001:db8:1::1  10:00:00.000
       0.0  client ──── SOLICIT ────▶┃──── SOLICIT ────▶ 2001:db8:9::2  relayed in 0s
       3.0  client ◀─── ADVERTISE ───┃◀─── ADVERTISE ─── 2001:db8:9::2  gives 2001:db8:1::100 2001:db8:8000::/56,
                                     ┃                   after 3ms, unicast to fe80::c1, relayed in 0s
  = answered

`},
	} {
		t.Run(name, func(t *testing.T) {
			got := draw(t, c.p, only(t, c.ms, 10_001))
			if d := cmp.Diff(strings.TrimPrefix(c.want, "\n"), got); d != "" {
				t.Errorf("ladder (-want +got):\n%s", d)
			}
		})
	}
}

func TestEventsShareOneHead(t *testing.T) {
	ms := exchange()
	other := asked(10, dhcp4{xid: 7, kind: 1, mac: []byte{2, 0, 0, 0, 0, 7}})
	j := transaction.NewJoiner(transaction.Options{Names: names})
	var b strings.Builder
	p := transaction.Printer{W: &b, Color: true}
	for _, m := range []*recorder.Message{&ms[0], &ms[1], &other, &ms[2], &ms[3]} {
		j.Add(m)
		for _, e := range j.Events(m.At, transaction.Filter{}) {
			if err := p.Event(&e); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := strings.Count(b.String(), "#1 ipv4"); n != 2 {
		t.Errorf("the first client's head stands there %d times, want 2: at the beginning, and after another client", n)
	}
	for _, want := range []string{"\x1b[1;36m DISCOVER \x1b[0m", "\x1b[1;32m OFFER \x1b[0m"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in the colored ladder", want)
		}
	}
}

func TestPrintExplainsAReasonOnce(t *testing.T) {
	m := lost(agent.HopLimit, asked(0, dhcp4{xid: 1, kind: 1, mac: mac1}))
	again := m
	again.At, again.Done = at(4000), at(4000)
	got := draw(t, transaction.Printer{}, only(t, []recorder.Message{m, again}, 5000))
	if n := strings.Count(got, "Look for a relay loop"); n != 1 {
		t.Errorf("explained %d times, want once:\n%s", n, got)
	}
}

// What a server says and what interfaces are called must not reach the terminal
// as it is.
func TestPrintIsSafeForTerminals(t *testing.T) {
	nak := dhcp4{xid: 1, kind: 6, mac: mac1, options: append([]byte{56, 6}, "\x1b[2J\r\n"...)}
	tr := join([]recorder.Message{asked(0, dhcp4{xid: 1, kind: 3, mac: mac1}), answered(1, nak)}, at(2),
		transaction.Options{Names: func(int) string { return "\x1bvlan\u009b\u202e" }}, transaction.Filter{})
	if got := draw(t, transaction.Printer{}, tr[0]); strings.ContainsAny(got, "\x1b\r\u009b\u202e") {
		t.Errorf("control characters in %q", got)
	}
}
