package offload

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// host is a host with a device of each kind, by name.
func host() map[string]Device {
	card := func(driver string, whole bool) Device { return Device{Bus: "pci", Driver: driver, Whole: whole} }
	kind := func(k string, below ...string) Device { return Device{Kind: k, Whole: true, Below: numbers(below...)} }
	return map[string]Device{
		"lo":      {Whole: true},
		"eth0":    card("ixgbe", true),
		"eth1":    card("mlx5_core", true),
		"eth2":    card("e1000e", false),
		"soc0":    {Bus: "platform", Driver: "stmmac", Whole: true},
		"vf0":     {Bus: "auxiliary", Driver: "mlx5_core", Whole: true},
		"odd0":    {Bus: "ccwgroup", Driver: "qeth", Whole: true},
		"mute0":   {Bus: "pci", Whole: true},
		"virt0":   {Bus: "virtio", Driver: "virtio_net", Whole: true},
		"virt1":   {Bus: "virtio", Driver: "virtio_net"},
		"hv0":     {Bus: "vmbus", Driver: "hv_netvsc", Whole: true},
		"xen0":    {Bus: "xen", Driver: "vif", Whole: true},
		"vmx0":    card("vmxnet3", true),
		"sim0":    {Bus: "netdevsim", Driver: "netdevsim", Whole: true},
		"veth0":   kind("veth"),
		"veth1":   {Kind: "veth"},
		"tap0":    kind("tuntap"),
		"tap1":    {Kind: "tuntap"},
		"vxlan0":  kind("vxlan"),
		"macv0":   kind("macvlan", "eth0"),
		"ipv0":    kind("ipvlan", "eth0"),
		"new0":    kind("something"),
		"vlan0":   kind("vlan", "eth0"),
		"vlan1":   kind("vlan", "veth0"),
		"vlan2":   {Kind: "vlan", Below: numbers("veth0")},
		"vlan3":   {Kind: "vlan", Whole: true, Abroad: true},
		"vlan4":   kind("vlan", "veth1"),
		"bond0":   kind("bond", "eth0", "eth1"),
		"bond1":   kind("bond", "eth0", "virt0"),
		"bond2":   kind("bond"),
		"team0":   kind("team", "eth2"),
		"vlan5":   kind("vlan", "bond0"),
		"br0":     kind("bridge", "vlan5", "eth2"),
		"br1":     kind("bridge", "eth0", "tap0"),
		"br2":     kind("bridge", "eth0", "veth1", "tap1"),
		"br3":     kind("bridge"),
		"br4":     {Kind: "bridge", Below: numbers("tap0")},
		"br5":     kind("bridge", "nowhere"),
		"vlan6":   kind("vlan", "br1"),
		"ring0":   kind("vlan", "ring1"),
		"ring1":   kind("vlan", "ring0"),
		"macsec0": {Kind: "macsec"},
	}
}

// numbers gives each name a number that is the same for the same name.
func numbers(names ...string) (all []int) {
	for _, n := range names {
		index := 0
		for _, b := range []byte(n) {
			index = index*131 + int(b)
		}
		all = append(all, index)
	}
	return all
}

func TestJudge(t *testing.T) {
	devices := make(map[int]Device)
	for name, d := range host() {
		d.Name = name
		devices[numbers(name)[0]] = d
	}
	for _, tc := range []struct {
		via    string
		reason Reason
		device string
	}{
		{"eth0", Card, "eth0"},
		{"soc0", Card, "soc0"},
		{"vf0", Card, "vf0"},
		{"eth2", Kernel, "eth2"},
		{"virt1", Kernel, "virt1"},
		{"veth1", Kernel, "veth1"},
		{"tap1", Kernel, "tap1"},
		{"macsec0", Kernel, "macsec0"},

		{"lo", Virtual, "lo"},
		{"veth0", Virtual, "veth0"},
		{"tap0", Virtual, "tap0"},
		{"vxlan0", Virtual, "vxlan0"},
		{"macv0", Virtual, "macv0"},
		{"ipv0", Virtual, "ipv0"},
		{"new0", Virtual, "new0"},
		{"virt0", Guest, "virt0"},
		{"hv0", Guest, "hv0"},
		{"xen0", Guest, "xen0"},
		{"vmx0", Guest, "vmx0"},
		{"sim0", Guest, "sim0"},
		{"odd0", Guest, "odd0"},
		{"mute0", Guest, "mute0"},

		{"vlan0", Card, "eth0"},
		{"vlan1", Virtual, "veth0"},
		{"vlan2", Kernel, "vlan2"},
		{"vlan3", Abroad, "vlan3"},
		{"vlan4", Kernel, "veth1"},
		{"vlan5", Card, "eth0"},
		{"vlan6", Virtual, "tap0"},
		{"bond0", Card, "eth0"},
		{"bond1", Guest, "virt0"},
		{"bond2", Empty, "bond2"},
		{"team0", Kernel, "eth2"},
		{"br0", Card, "eth0"},
		{"br1", Virtual, "tap0"},
		{"br2", Card, "eth0"},
		{"br3", Empty, "br3"},
		{"br4", Kernel, "br4"},
		{"br5", Unknown, ""},
		{"ring0", Unknown, "ring0"},
		{"nowhere", Unknown, ""},

		{"", NoRoute, ""},
		{"eth0 eth1", Card, "eth0"},
		{"eth2 eth0", Kernel, "eth2"},
		{"eth0 veth0", Virtual, "veth0"},
		{"eth0 vlan6 virt0", Virtual, "tap0"},
	} {
		t.Run(tc.via, func(t *testing.T) {
			got := Judge(devices, numbers(strings.Fields(tc.via)...))
			if got.Reason != tc.reason || got.Device != tc.device {
				t.Errorf("got %v by %q, want %v by %q", got.Reason, got.Device, tc.reason, tc.device)
			}
		})
	}
}

// TestWords holds what operators read, and that there is something for each reason.
func TestWords(t *testing.T) {
	var got []string
	for r := range numReasons {
		v := Verdict{Reason: Reason(r)}
		if v.Reason != Off && v.Reason != NoRoute && v.Reason != Unknown && v.Reason != Failed { // those have a device
			v.Device, v.Kind = "u0", "kind"
		}
		if v.Reason == Failed || v.Reason == Refused {
			v.Err = "no such thing"
		}
		got = append(got, v.Reason.String()+": "+v.String())
	}
	want := []string{
		"unknown: bursts leave datagram by datagram, without UDP GSO: it is not known yet where the route leads",
		"card: bursts leave together (UDP GSO): the network card u0 (kind) cuts them apart",
		"kernel: bursts leave together (UDP GSO): the kernel cuts them apart before u0 (kind), which has tx-udp-segmentation off",
		`off: bursts leave datagram by datagram, without UDP GSO: the configuration has segmentation = "off"`,
		"virtual: bursts leave datagram by datagram, without UDP GSO: u0 (kind) has no network card behind it and would hand them on uncut",
		"guest: bursts leave datagram by datagram, without UDP GSO: u0 (kind) is the card of a virtual machine, whose host might hand them on uncut",
		"namespace: bursts leave datagram by datagram, without UDP GSO: what u0 (kind) is on is in another network namespace",
		"empty: bursts leave datagram by datagram, without UDP GSO: u0 (kind) has no ports",
		"no_route: bursts leave datagram by datagram, without UDP GSO: no route leads there now",
		"failed: bursts leave datagram by datagram, without UDP GSO: this host could not be looked at: no such thing",
		"refused: bursts leave datagram by datagram, without UDP GSO: the kernel refused them on u0 (kind) (no such thing), and is asked again every few seconds",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	slices.Sort(got)
	if n := len(slices.Compact(got)); n != numReasons {
		t.Errorf("%d different sentences, want %d", n, numReasons)
	}
}
