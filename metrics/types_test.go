package metrics

import (
	"testing"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

func TestTypeLabels(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		family dhcp.Family
		typ    uint8
		want   string
	}{
		{"no option 53", dhcp.V4, 0, "bootp"},
		{"discover", dhcp.V4, uint8(bootp.Discover), "discover"},
		{"last of the table", dhcp.V4, uint8(bootp.TLS), "tls"},
		{"over the table's end", dhcp.V4, uint8(bootp.TLS) + 1, "unknown"},
		{"highest", dhcp.V4, 254, "unknown"},
		{"invalid", dhcp.V4, agent.TypeInvalid, "invalid"},
		{"v6 reserved", dhcp.V6, 0, "unknown"},
		{"v6 solicit", dhcp.V6, 1, "solicit"},
		{"v6 relay-reply", dhcp.V6, 13, "relay_reply"},
		{"v6 gap", dhcp.V6, 16, "unknown"},
		{"v6 last", dhcp.V6, 37, "addr_reg_reply"},
		{"v6 over the table's end", dhcp.V6, 38, "unknown"},
		{"v6 invalid", dhcp.V6, agent.TypeInvalid, "invalid"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := withRuntime()
			m.Link("eth0").Count(c.family, dhcp.Replies, c.typ, agent.Relayed)
			f := gather(t, m)["dhcp_relay_messages_total"]
			if len(f.GetMetric()) != 1 {
				t.Fatalf("%d series, want 1", len(f.GetMetric()))
			}
			got := value(f, map[string]string{
				"interface": "eth0", "family": c.family.String(), "direction": "reply",
				"type": c.want, "outcome": "relayed",
			})
			if got != 1 {
				t.Errorf("type %d: no series with type %q in %v", c.typ, c.want, f)
			}
		})
	}
}
