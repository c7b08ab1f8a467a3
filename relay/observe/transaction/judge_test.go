package transaction_test

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/observe/transaction"
)

func only(t *testing.T, ms []recorder.Message, now int) api.Transaction {
	t.Helper()
	ts := join(ms, at(now), transaction.Options{Names: names}, transaction.Filter{})
	if len(ts) != 1 {
		t.Fatalf("got %d transactions, want 1", len(ts))
	}
	return ts[0]
}

func TestOutcome(t *testing.T) {
	d := func(kind byte) dhcp4 { return dhcp4{xid: 1, kind: kind, mac: mac1} }
	discover, offer, request, ack := d(1), d(2), d(3), d(5)
	nak := d(6)
	nak.options = append([]byte{56, 13}, "wrong network"...) // message
	chosen := request
	chosen.options = []byte{54, 4, 10, 9, 0, 3} // server identifier
	stray := answered(5, offer)
	stray.Src, stray.Heard = netip.MustParseAddrPort("10.1.0.66:67"), vlan10
	rogue := lost(agent.ReplyFromClient, stray)
	loop := lost(agent.OwnMessage, asked(1, discover))
	spoof := agent.ReplyFromClient.Doc()
	doc := func(r agent.Reason) string { return r.Doc().What + " " + r.Doc().Remedy }

	for name, c := range map[string]struct {
		ms      []recorder.Message
		now     int
		state   api.TransactionState
		outcome string
		cause   string
	}{
		"answered": {exchange(), 100, api.Answered, "answered", ""},
		"no route to the servers": {
			[]recorder.Message{unsent(syscall.ENETUNREACH, asked(0, discover))},
			1, api.Dropped, "dropped: send_failed",
			"The discover was dropped on vlan10 (send_failed): The kernel refused to send to 10.9.0.2 and 10.9.0.3 (ENETUNREACH). There is no route to the server. " +
				"Add a route, or a default route, in the VRF of the server; ip route get shows what is there.",
		},
		"waiting": {[]recorder.Message{asked(0, discover)}, 10000, api.Waiting, "waiting", ""},
		"silence after one request": {
			[]recorder.Message{asked(0, discover)},
			10001, api.Unanswered, "no answer from 10.9.0.2 and 10.9.0.3",
			"10.9.0.2 and 10.9.0.3 have not answered a discover: check that the addresses are right, that the servers run, that they have a subnet for giaddr 10.1.0.1, and that they have a route back to 10.1.0.1.",
		},
		"silence after three requests": {
			[]recorder.Message{asked(0, discover), asked(4000, discover), asked(12000, discover)},
			15000, api.Unanswered, "no answer from 10.9.0.2 and 10.9.0.3",
			"10.9.0.2 and 10.9.0.3 have not answered 3 requests in 12 s: check that the addresses are right, that the servers run, that they have a subnet for giaddr 10.1.0.1, and that they have a route back to 10.1.0.1.",
		},
		"the client asks again": {
			[]recorder.Message{asked(0, discover), asked(4000, discover)},
			4001, api.Unanswered, "no answer from 10.9.0.2 and 10.9.0.3",
			"10.9.0.2 and 10.9.0.3 have not answered 2 requests in 4 s: check that the addresses are right, that the servers run, that they have a subnet for giaddr 10.1.0.1, and that they have a route back to 10.1.0.1.",
		},
		"an answer to the second request":                     {[]recorder.Message{asked(0, discover), asked(4000, discover), answered(4002, offer)}, 20000, api.Answered, "answered", ""},
		"parameters alone, which servers send past the relay": {[]recorder.Message{asked(0, d(8))}, 20000, api.Sent, "relayed", ""},
		"silence of the chosen server": {
			[]recorder.Message{asked(0, discover), answered(2, offer), asked(50, chosen)},
			10051, api.Unanswered, "no answer from 10.9.0.3",
			"10.9.0.3 has not answered a request: check that the address is right, that the server runs, that it has a subnet for giaddr 10.1.0.1, and that it has a route back to 10.1.0.1.",
		},
		"an offer does not answer a request": {
			[]recorder.Message{asked(0, discover), answered(2, offer), asked(50, request), answered(51, offer)},
			60, api.Waiting, "waiting", "",
		},
		"silence over DHCPv6": {
			exchange6()[:1],
			10001, api.Unanswered, "no answer from 2001:db8:9::2",
			"2001:db8:9::2 has not answered a solicit: check that the address is right, that the server runs, that it has a subnet for link-address 2001:db8:1::1, and that it has a route back to this relay.",
		},
		"silence, and the relay hears itself": {
			[]recorder.Message{asked(0, discover), loop},
			10001, api.Unanswered, "no answer from 10.9.0.2 and 10.9.0.3",
			"10.9.0.2 and 10.9.0.3 have not answered a discover: check that the addresses are right, that the servers run, that they have a subnet for giaddr 10.1.0.1, and that they have a route back to 10.1.0.1." +
				" The discover was dropped on vlan10 (own_message): " + doc(agent.OwnMessage),
		},
		"a NAK": {
			[]recorder.Message{asked(0, request), answered(2, nak)},
			100, api.Refused, "refused by server (NAK)",
			`10.9.0.2 refused what the client asked for (NAK), saying "wrong network". The client will begin anew, which is normal after a move; if it never gets an address, check which subnet the server has for giaddr 10.1.0.1, and that servers agree on leases.`,
		},
		"a NAK of one server, an ACK of the other": {
			[]recorder.Message{asked(0, request), answered(2, nak), answered(3, ack)}, 100, api.Answered, "answered", "",
		},
		"no address over DHCPv6": {
			exchange6(0, 2, 'f', 'u', 'l', 'l'),
			100, api.Refused, "refused by server (NoAddrsAvail)",
			`2001:db8:9::2 refused what the client asked for (NoAddrsAvail), saying "full". Check that the server has a pool with free addresses for link-address 2001:db8:1::1.`,
		},
		"a release": {[]recorder.Message{asked(0, d(7))}, 10000, api.Sent, "relayed", ""},
		"a dropped answer": {
			[]recorder.Message{asked(0, discover), lost(agent.Option82Mismatch, answered(2, offer))},
			100, api.Dropped, "dropped: option82_mismatch",
			"The offer from 10.9.0.2 was dropped on eth0 (option82_mismatch): " + doc(agent.Option82Mismatch),
		},
		"a dropped answer to the request before": {
			[]recorder.Message{asked(0, discover), lost(agent.BogusGiaddr, answered(2, offer)), asked(4000, discover)},
			4100, api.Dropped, "dropped: bogus_giaddr",
			"The offer from 10.9.0.2 was dropped on eth0 (bogus_giaddr): " + doc(agent.BogusGiaddr),
		},
		"a rogue server beside the real one": {
			[]recorder.Message{asked(0, discover), answered(2, offer), rogue},
			100, api.Answered, "answered",
			"The offer from 10.1.0.66 was dropped on vlan10 (reply_from_client): " + spoof.What + " " + spoof.Remedy,
		},
		"answered, then dropped": {
			[]recorder.Message{asked(0, discover), answered(2, offer), lost(agent.HopLimit, asked(50, request))},
			100, api.Dropped, "dropped: hop_limit",
			"The request was dropped on vlan10 (hop_limit): " + doc(agent.HopLimit),
		},
		"a client that does not hear its answers": {
			[]recorder.Message{
				asked(0, discover), answered(2, offer), asked(4000, discover), answered(4002, offer), asked(9000, discover), answered(9002, offer),
			},
			9100, api.Answered, "answered",
			"The client has asked 3 times (discover) and was sent 3 answers on vlan10: check that they reach it (VLAN, filters and DHCP snooping of the switches), and that it accepts them.",
		},
		"a server that clears the broadcast flag": {
			[]recorder.Message{flagged(asked(0, discover)), answered(2, offer), flagged(asked(4000, discover)), answered(4002, offer)},
			4100, api.Answered, "answered",
			"The client asks for broadcast (flags), has asked 2 times (discover), and the server has cleared the flag in its replies, so that they went by unicast: set broadcast = true in [interface.dhcpv4] of vlan10, or have the server return the flags as it gets them (RFC 2131, section 4.1).",
		},
		"a server that keeps it": {
			[]recorder.Message{flagged(asked(0, discover)), flagged(answered(2, offer)), flagged(asked(4000, discover)), flagged(answered(4002, offer))},
			4100, api.Answered, "answered", "",
		},
		"a client that asks once for broadcast": {
			[]recorder.Message{flagged(asked(0, discover)), answered(2, offer)}, 100, api.Answered, "answered", "",
		},
		"a reply that nobody here has asked for": {exchange()[1:2], 100, api.Sent, "relayed", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := only(t, c.ms, c.now)
			want := []string{string(c.state), c.outcome, c.cause}
			if d := cmp.Diff(want, []string{string(got.State), got.Outcome, got.Cause}); d != "" {
				t.Errorf("state, outcome, cause (-want +got):\n%s", d)
			}
		})
	}
}

// Whatever the reason for which a message was dropped, the transaction and the
// ladder name it, where it was, and what to do.
func TestEveryReasonIsNamed(t *testing.T) {
	for r := agent.Relayed + 1; int(r) < agent.NumReasons; r++ {
		m := lost(r, asked(0, dhcp4{xid: 1, kind: 1, mac: mac1}))
		where := "vlan10"
		if r >= agent.ReplyFromClient {
			m, where = lost(r, answered(0, dhcp4{xid: 1, kind: 2, mac: mac1})), "eth0"
		}
		t.Run(r.String(), func(t *testing.T) {
			tr := only(t, []recorder.Message{m}, 10)
			var b strings.Builder
			if err := (&transaction.Printer{W: &b}).Transaction(&tr); err != nil {
				t.Fatal(err)
			}
			drawn := strings.Join(strings.Fields(b.String()), " ") // as if no line had been wrapped
			for _, want := range []string{r.String(), where, r.Doc().What, r.Doc().Remedy} {
				if !strings.Contains(tr.Cause, want) {
					t.Errorf("no %q in the cause: %s", want, tr.Cause)
				}
				if !strings.Contains(drawn, want) {
					t.Errorf("no %q in the ladder:\n%s", want, b.String())
				}
			}
			if want := "dropped: " + r.String(); tr.Outcome != want || tr.State != api.Dropped {
				t.Errorf("outcome %q (%s), want %q", tr.Outcome, tr.State, want)
			}
		})
	}
}
