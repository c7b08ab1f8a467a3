package explain_test

import (
	"strings"
	"testing"

	"dhcp-relay/giaddr/hostfile"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/explain"
)

const bridged = `
[[interface]]
name = "br0"
addresses = ["192.0.2.1/24"]
[[interface]]
name = "swp1"
master = "br0"
[[interface]]
name = "swp2"
master = "br0"
[[interface]]
name = "vlan9"
addresses = ["198.51.100.1/24"]
`

const ported = `
[[interface]]
name = "br0"
servers = ["10.9.0.2"]
ignore_ports = ["swp2"]
[interface.dhcpv4.option82]
circuit_id = "{interface}:{port}"
[[interface]]
name = "vlan9"
servers = ["10.9.0.2"]
`

func TestExplainPort(t *testing.T) {
	t.Parallel()
	host, err := hostfile.Parse("router.toml", []byte(bridged))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Parse("relay.toml", []byte(ported), config.Host{Hostname: "router"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ link, port, want string }{
		{"br0", "swp1", "br0:swp1"},
		{"br0", "", "br0:unknown"},
		{"br0", "", "--port says it"},
		{"br0", "swp2", "ignored_port"},
		{"br0", "swp9", `br0 has no port "swp9"; there are swp1, swp2`},
		{"vlan9", "swp1", "vlan9 is no bridge"},
	} {
		d := explain.Client{Interface: c.link, Port: c.port, MAC: "02:00:00:00:00:01"}
		m, err := d.Message()
		if err != nil {
			t.Fatal(err)
		}
		res, err := explain.New(cfg, host.Links).Explain(m)
		got := res.String()
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("by %q of %s: %s, want %q in it", c.port, c.link, got, c.want)
		}
	}
}
