package scene

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/deploy/deploytest"
)

// never says why a metric that the dashboard or an alert names has no series
// after the scenes.
func never() map[string]string {
	return map[string]string{
		"dhcp_relay_dns_name_addresses":     "no scene has servers by name",
		"dhcp_relay_dns_name_failing":       "no scene has servers by name",
		"dhcp_relay_probe_success":          "no scene has an interface probed at an interval",
		"dhcp_relay_option82_omitted_total": "every request of a scene has room for option 82",
		"dhcp_relay_send_errors_total":      "every link of a scene takes what is sent",
		"dhcp_relay_shed_total":             "no scene floods one network beside others",
	}
}

// seldom says the same of metrics that are there on some hosts.
func seldom() map[string]string {
	return map[string]string{
		"dhcp_relay_option79_omitted_total": "only where the relay may not load a BPF program",
	}
}

// take adds what a scrape shows, with the labels that Prometheus adds.
func take(inv deploytest.Inventory, c Counters) {
	for _, s := range c {
		inv.Add(s.Name, append(slices.Collect(maps.Keys(s.Labels)), "job", "instance")...)
	}
}

// checkDeployed holds what the dashboard and the alerts name against what the
// relays of the scenes have exported.
func checkDeployed(t *testing.T, exported deploytest.Inventory) {
	t.Helper()
	exported.Add("up", "job", "instance")
	exported.Add("ALERTS", "job", "instance", "alertname", "alertstate", "severity", "interface", "server") // Prometheus makes them
	exported.Add("dhcp_relay_interface_state", "site")                                                      // which the scrape job may add
	queries, err := deploytest.Queries(filepath.Join("..", "..", "..", "deploy"))
	if err != nil {
		t.Fatal(err)
	}
	lacks := map[string]string{}
	for _, n := range queries {
		q, err := deploytest.Parse(n.Expr)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range q.Lacks(exported) {
			if seldom()[l] == "" {
				lacks[l] = never()[l]
			}
		}
		if n.Record != "" {
			exported.Record(n.Record, q)
		}
	}
	if diff := cmp.Diff(never(), lacks); diff != "" {
		t.Errorf("named by the dashboard or an alert, but not exported after the scenes (-explained +seen):\n%s", diff)
	}
}
