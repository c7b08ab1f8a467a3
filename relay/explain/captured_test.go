package explain

import (
	"strings"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/observe/capture"
)

func TestMapping(t *testing.T) {
	t.Parallel()
	host := &Host{From: "router.json", Links: []giaddr.Link{
		{Index: 2, Name: "eth0"}, {Index: 3, Name: "eth0.20"}, {Index: 4, Name: "vlan30"}, {Index: 5, Name: "a", VLAN: 40}, {Index: 6, Name: "b", VLAN: 40},
	}}
	kernel := &Host{From: "this host", Links: host.Links, Kernel: true}
	tests := []struct {
		name  string
		host  *Host
		usual string
		maps  []string
		frame capture.Packet
		want  string // the interface, or the beginning of the error
	}{
		{"by its name", host, "", nil, capture.Packet{Interface: "eth0"}, "eth0"},
		{"by its number", kernel, "", nil, capture.Packet{Interface: "any", Index: 4}, "vlan30"},
		{"by a number of another host", host, "", nil, capture.Packet{Interface: "any", Index: 4}, "the capture does not say"},
		{"by the usual one", host, "eth0", nil, capture.Packet{}, "eth0"},
		{"by none", host, "", nil, capture.Packet{}, "the capture does not say on which interface it was heard"},
		{"of another host", host, "", nil, capture.Packet{Interface: "ens3"}, `its interface "ens3" is none of router.json; write --map ens3=NAME`},
		{"mapped by name", host, "", []string{"ens3=eth0"}, capture.Packet{Interface: "ens3"}, "eth0"},
		{"a VLAN on top", host, "", nil, capture.Packet{Interface: "eth0", VLANs: []uint16{20}}, "eth0.20"},
		{"the innermost VLAN", host, "", nil, capture.Packet{VLANs: []uint16{7, 30}}, "vlan30"},
		{"a priority tag", host, "", nil, capture.Packet{Interface: "eth0", VLANs: []uint16{0}}, "eth0"},
		{"a mapped VLAN", host, "", []string{"9=vlan30"}, capture.Packet{VLANs: []uint16{9}}, "vlan30"},
		{"a VLAN of two", host, "", nil, capture.Packet{VLANs: []uint16{40}}, "VLAN 40 may be any of a, b; write --map 40=NAME"},
		{"an unknown VLAN", host, "", nil, capture.Packet{VLANs: []uint16{50}}, "no interface of router.json is VLAN 50; write --map 50=NAME"},
		{"an unknown VLAN, and the usual", host, "eth0", nil, capture.Packet{VLANs: []uint16{50}}, "eth0"},
		{"no usual one", host, "ens3", nil, capture.Packet{}, `--interface: there is no interface "ens3" on router.json`},
		{"a map of nothing", host, "", []string{"=eth0"}, capture.Packet{}, `--map: "=eth0" maps nothing`},
		{"a map to nothing", host, "", []string{"eth0=ens3"}, capture.Packet{}, `--map: there is no interface "ens3" on router.json`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, err := NewMapping(tt.host, tt.usual, tt.maps)
			got := ""
			if err == nil {
				got, err = m.of(&tt.frame)
			}
			if err != nil {
				got = err.Error()
			}
			if got != tt.want && (err == nil || !strings.HasPrefix(got, tt.want)) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
