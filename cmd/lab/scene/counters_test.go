package scene

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const exposition = `# HELP dhcp_relay_messages_total Messages.
# TYPE dhcp_relay_messages_total counter
dhcp_relay_messages_total{direction="request",family="ipv4",interface="clients-a",outcome="relayed",type="discover"} 2
dhcp_relay_messages_total{direction="request",family="ipv4",interface="a\"b,}",outcome="relayed",type="discover"} 1
dhcp_relay_messages_total{direction="reply",family="ipv4",interface="",outcome="bad_op",type="invalid"} 0
dhcp_relay_received_total{family="ipv4"} 3
dhcp_relay_config_last_reload_successful 1
go_goroutines 12
`

func TestCounters(t *testing.T) {
	c, err := parseCounters(strings.NewReader(exposition))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Sum(messagesTotal, "interface", `a"b,}`); got != 1 {
		t.Errorf("messages of the odd interface: got %d, want 1", got)
	}
	if got := c.Sum("dhcp_relay_config_last_reload_successful"); got != 1 {
		t.Errorf("metric without labels: got %d, want 1", got)
	}
	if diff := cmp.Diff(map[string]int{"request discover relayed": 3}, c.messages()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"dhcp_relay_x", "dhcp_relay_x one", `dhcp_relay_x{a=b} 1`} {
		if _, err := parseCounters(strings.NewReader(bad)); err == nil {
			t.Errorf("%q: got no error", bad)
		}
	}
}

func TestHops(t *testing.T) {
	want := []string{"c1 DISCOVER outer", "outer DISCOVER relay", "relay DISCOVER s1", "relay DISCOVER s2"}
	if diff := cmp.Diff(want, hops("c1 DISCOVER outer relay s1+s2")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
