package metrics

import (
	"maps"
	"testing"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// What openconfig-relay-agent counts, by the names of its leaves, and the labels by
// which it is read from dhcp_relay_messages_total.
func TestOpenConfigCountersCanBeRead(t *testing.T) {
	t.Parallel()
	in, out := map[string]string{"direction": "request"}, map[string]string{"direction": "reply", "outcome": "relayed"}
	typed := func(labels map[string]string, typ string) map[string]string {
		m := maps.Clone(labels)
		m["type"] = typ
		return m
	}
	for _, c := range []struct {
		leaf   string
		family dhcp.Family
		dir    dhcp.Direction
		typ    uint8
		reason agent.Reason
		labels map[string]string
	}{
		{"bootrequest-received", dhcp.V4, dhcp.Requests, 0, agent.BootpRefused, in},
		{"dhcp-discover-received", dhcp.V4, dhcp.Requests, uint8(bootp.Discover), agent.HopLimit, typed(in, "discover")},
		{"dhcp-request-received", dhcp.V4, dhcp.Requests, uint8(bootp.DHCPRequest), agent.Relayed, typed(in, "request")},
		{"dhcp-decline-received", dhcp.V4, dhcp.Requests, uint8(bootp.Decline), agent.Relayed, typed(in, "decline")},
		{"dhcp-release-received", dhcp.V4, dhcp.Requests, uint8(bootp.Release), agent.Relayed, typed(in, "release")},
		{"dhcp-inform-received", dhcp.V4, dhcp.Requests, uint8(bootp.Inform), agent.Relayed, typed(in, "inform")},
		{"bootrequest-sent", dhcp.V4, dhcp.Requests, uint8(bootp.Discover), agent.Relayed, map[string]string{"direction": "request", "outcome": "relayed"}},
		{"bootreply-sent", dhcp.V4, dhcp.Replies, uint8(bootp.Offer), agent.Relayed, out},
		{"dhcp-offer-sent", dhcp.V4, dhcp.Replies, uint8(bootp.Offer), agent.Relayed, typed(out, "offer")},
		{"dhcp-ack-sent", dhcp.V4, dhcp.Replies, uint8(bootp.Ack), agent.Relayed, typed(out, "ack")},
		{"dhcp-nack-sent", dhcp.V4, dhcp.Replies, uint8(bootp.Nak), agent.Relayed, typed(out, "nak")},
		{"invalid-opcode", dhcp.V4, dhcp.Requests, agent.TypeInvalid, agent.BadOp, map[string]string{"outcome": "bad_op"}},
		{"invalid-options", dhcp.V4, dhcp.Requests, agent.TypeInvalid, agent.OptionsMalformed, map[string]string{"outcome": "options_malformed"}},
		{"dhcpv6-solicit-received", dhcp.V6, dhcp.Requests, uint8(dhcp6.Solicit), agent.Relayed, typed(in, "solicit")},
		{"dhcpv6-request-received", dhcp.V6, dhcp.Requests, uint8(dhcp6.Request), agent.Relayed, typed(in, "request")},
		{"dhcpv6-confirm-received", dhcp.V6, dhcp.Requests, uint8(dhcp6.Confirm), agent.Relayed, typed(in, "confirm")},
		{"dhcpv6-renew-received", dhcp.V6, dhcp.Requests, uint8(dhcp6.Renew), agent.Relayed, typed(in, "renew")},
		{"dhcpv6-rebind-received", dhcp.V6, dhcp.Requests, uint8(dhcp6.Rebind), agent.Relayed, typed(in, "rebind")},
		{"dhcpv6-release-received", dhcp.V6, dhcp.Requests, uint8(dhcp6.Release), agent.Relayed, typed(in, "release")},
		{"dhcpv6-decline-received", dhcp.V6, dhcp.Requests, uint8(dhcp6.Decline), agent.Relayed, typed(in, "decline")},
		{"dhcpv6-info-request-received", dhcp.V6, dhcp.Requests, uint8(dhcp6.InformationRequest), agent.Relayed, typed(in, "information_request")},
		{"dhcpv6-relay-forw-sent", dhcp.V6, dhcp.Requests, uint8(dhcp6.Solicit), agent.Relayed, map[string]string{"direction": "request", "outcome": "relayed"}},
		{"dhcpv6-relay-reply-received", dhcp.V6, dhcp.Replies, uint8(dhcp6.Reply), agent.UnknownLink, map[string]string{"direction": "reply"}},
		{"dhcpv6-advertise-sent", dhcp.V6, dhcp.Replies, uint8(dhcp6.Advertise), agent.Relayed, typed(out, "advertise")},
		{"dhcpv6-reply-sent", dhcp.V6, dhcp.Replies, uint8(dhcp6.Reply), agent.Relayed, typed(out, "reply")},
		{"dhcpv6-reconfigure-sent", dhcp.V6, dhcp.Replies, uint8(dhcp6.Reconfigure), agent.Relayed, typed(out, "reconfigure")},
	} {
		t.Run(c.leaf, func(t *testing.T) {
			t.Parallel()
			m := withRuntime()
			m.Link("vlan10").Count(c.family, c.dir, c.typ, c.reason)
			labels := maps.Clone(c.labels)
			labels["interface"], labels["family"] = "vlan10", c.family.String()
			if got := value(gather(t, m)["dhcp_relay_messages_total"], labels); got != 1 {
				t.Errorf("%v: %v, want 1", labels, got)
			}
		})
	}
	t.Run("total-dropped", func(t *testing.T) {
		t.Parallel()
		m := withRuntime()
		for r := range agent.NumReasons {
			m.Link("vlan10").Count(dhcp.V4, dhcp.Requests, uint8(bootp.Discover), agent.Reason(r))
		}
		dropped := 0.0
		for _, s := range gather(t, m)["dhcp_relay_messages_total"].GetMetric() {
			for _, l := range s.GetLabel() {
				if l.GetName() == "outcome" && l.GetValue() != "relayed" {
					dropped += s.GetCounter().GetValue()
				}
			}
		}
		if want := float64(agent.NumReasons - 1); dropped != want {
			t.Errorf("%v dropped, want %v", dropped, want)
		}
	})
}
