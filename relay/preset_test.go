package relay_test

import (
	"fmt"
	"testing"

	"dhcp-relay/relay/wire/bootp"
)

// A preset with the circuit-id beside it that check advises for bridges gives the octets of
// a Cisco switch: type 0, length 4, VLAN, module 3 and port 1; type 0, length 6, MAC.
func TestPresetOnABridge(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	at, _ := b.bridge("swp3s1")
	v := listenAt(b.servers, "10.9.0.2:67")
	b.start(`
[[interface]]
name = "br0"
servers = ["10.9.0.2"]
[interface.dhcpv4.option82]
preset = "cisco"
circuit_id = "{hex:0004}{vlan:raw}{port_slot:raw}{port_number:raw}"
`)
	at["swp3s1"].as(macOf(1), discover(1).request())
	info := relayInfo(v.want().Packet)
	remote, _ := info.Sub(bootp.SubRemoteID)
	circuit, _ := info.Sub(bootp.SubCircuitID)
	mac := b.relay.Link("br0").Attrs().HardwareAddr
	if got, want := fmt.Sprintf("%x %x", circuit, remote), fmt.Sprintf("000400000301 0006%x", []byte(mac)); got != want {
		t.Errorf("circuit-id and remote-id %s, want %s", got, want)
	}
}
