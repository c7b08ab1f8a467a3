package explain

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/giaddr/hostfile"
	"dhcp-relay/relay/config"
)

// router is the host of the tests: two client networks, a VRF with a third one,
// and the way to the servers.
const router = `hostname = "router"
[[interface]]
name = "vlan10"
addresses = ["192.0.2.1/24", "198.51.100.1/24", "2001:db8:1::1/64", "fe80::10/64"]
mac = "02:00:00:00:10:00"
[[interface]]
name = "vlan20"
addresses = ["203.0.113.1/24", "2001:db8:2::1/64", "fe80::20/64"]
mac = "02:00:00:00:20:00"
[[interface]]
name = "uplink"
addresses = ["10.9.1.1/16", "2001:db8:9::1/64"]
[[interface]]
name = "bare"
[[interface]]
name = "red"
is_vrf = true
[[interface]]
name = "red1"
vrf = "red"
addresses = ["10.8.0.1/24"]
[[interface]]
name = "tun0"
mac = ""
addresses = ["10.7.0.1/24"]
`

const servers = `[defaults]
servers = ["10.9.0.2", "10.9.0.3", "2001:db8:9::2"]
`

// everything is a configuration in which all options are sent.
const everything = servers + `dhcpv4.source_port = 6767
dhcpv4.smart_relay_after = 2
[defaults.dhcpv4.option82]
circuit_id = "{hostname}:{interface}"
remote_id = "{mac:raw}"
subscriber_id = "s-{interface}"
link_selection = "subnet"
flags = true
server_id_override = true
relay_id = "hex:0002a1"
vendor = [{ enterprise = 9, data = "text" }]
vss = "blue"
[defaults.dhcpv6]
remote_id = { enterprise = 9, id = "r-{mac}" }
subscriber_id = "s-{interface}"
relay_id = true
echo_request = [37, 38]
vss = "vpn:00aabb:00000001"
rsoo = [{ code = 65, data = "hex:0365727000" }]
source_port = 1547
accept_unicast = true
[[server]]
address = "10.9.0.3"
vss = false
[[interface]]
name = "vlan10"
trusted = true
dhcpv4.relayed_requests = "replace"
[[interface]]
name = "*"
`

func relayOf(t testing.TB, toml string) *Relay {
	t.Helper()
	return relayOn(t, router, toml)
}

func relayOn(t testing.TB, router, toml string) *Relay {
	t.Helper()
	host, err := hostfile.Parse("router.toml", []byte(router))
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Parse("relay.toml", []byte(toml), config.Host{Hostname: host.Hostname})
	if err != nil {
		t.Fatal(err)
	}
	return New(cfg, host.Links)
}

func message(t testing.TB, c Client) Message {
	t.Helper()
	if c.MAC == "" {
		c.MAC = "02:00:00:00:00:01"
	}
	m, err := c.Message()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func explained(t testing.TB, r *Relay, m Message) Result {
	t.Helper()
	res, err := r.Explain(m)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// rebuild applies changes to a message.
func rebuild(t testing.TB, in []byte, cs []Change) []byte {
	t.Helper()
	var out []byte
	at := 0
	for _, c := range cs {
		if c.Offset < at || c.Offset+len(c.Old) > len(in) {
			t.Fatalf("change at %d after octet %d: %+v", c.Offset, at, c)
		}
		if !bytes.Equal(in[c.Offset:c.Offset+len(c.Old)], c.Old) {
			t.Errorf("%s: old octets % x are not in the message", c.Field, []byte(c.Old))
		}
		out = append(out, in[at:c.Offset]...)
		if len(c.New) > 0 && c.To != len(out) {
			t.Errorf("%s: goes to %d, want %d", c.Field, c.To, len(out))
		}
		out = append(out, c.New...)
		at = c.Offset + len(c.Old)
	}
	return append(out, in[at:]...)
}

// checkChanges fails unless the changes are all that happens to a message.
func checkChanges(t testing.TB, m Message, res *Result) {
	t.Helper()
	for _, c := range res.Copies {
		if diff := cmp.Diff([]byte(c.Data), rebuild(t, m.Data, c.Changes)); diff != "" {
			t.Errorf("the changes do not make what is sent of what was received (-sent +made):\n%s", diff)
		}
	}
}
