package explain

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClientMessage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		client   Client
		src, dst string
		head     string // the first octets in hexadecimal
		holds    string // octets in hexadecimal
		size     int
	}{
		{"usual", Client{}, "0.0.0.0:68", "255.255.255.255:67", "01010600000000010000000000000000", "63825363350101ff", 300},
		{"type by number", Client{Type: "200"}, "0.0.0.0:68", "255.255.255.255:67", "010106", "638253633501c8ff", 300},
		{"BOOTP", Client{Type: "bootp"}, "0.0.0.0:68", "255.255.255.255:67", "010106", "020000000001", 300},
		{
			"rebinding",
			Client{Type: "Request", Ciaddr: "192.0.2.50", Xid: "0x0a0b0c0d", Secs: 258, Hops: 2, Broadcast: true},
			"192.0.2.50:68", "255.255.255.255:67", "010106020a0b0c0d01028000c0000232", "350103ff", 300,
		},
		{"relayed", Client{Giaddr: "10.1.1.1"}, "10.1.1.1:67", "255.255.255.255:67", "010106", "0a010101", 300},
		{"options", Client{Options: []string{"60=ab", "82=hex:01:01:61", "61=hex:"}}, "0.0.0.0:68", "255.255.255.255:67", "010106", "3c026162520301016" + "13d00ff", 300},
		{"addresses", Client{From: "192.0.2.9:1000", To: "192.0.2.1"}, "192.0.2.9:1000", "192.0.2.1:67", "010106", "350101", 300},
		{
			"Solicit",
			Client{V6: true, Xid: "0xabcdef"},
			"[fe80::ff:fe00:1]:546", "[ff02::1:2]:547",
			"01abcdef" + "0001000a" + "00030001020000000001", "", 18,
		},
		{"DUID and option", Client{V6: true, Type: "11", DUID: "00:02:ff", Options: []string{"6=hex:0017"}}, "[fe80::ff:fe00:1]:546", "[ff02::1:2]:547", "0b000001000100030002ff" + "000600020017", "", 17},
		{
			"Relay-forward",
			Client{V6: true, Type: "relay-forward", Hops: 3, Giaddr: "2001:db8::1"},
			"[fe80::ff:fe00:1]:547", "[ff02::1:2]:547",
			"0c03" + "20010db8000000000000000000000001" + "fe80000000000000000000fffe000001" + "00090012" + "01000001", "", 56,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := message(t, tt.client)
			if m.Src.String() != tt.src || m.Dst.String() != tt.dst {
				t.Errorf("%s -> %s, want %s -> %s", m.Src, m.Dst, tt.src, tt.dst)
			}
			got := hex.EncodeToString(m.Data)
			if diff := cmp.Diff(tt.head, got[:min(len(got), len(tt.head))]); diff != "" {
				t.Errorf("head (-want +got):\n%s", diff)
			}
			if !strings.Contains(got, tt.holds) || len(m.Data) != tt.size {
				t.Errorf("%d octets, want %d with %s: %s", len(m.Data), tt.size, tt.holds, got)
			}
		})
	}
}

func TestClientErrors(t *testing.T) {
	t.Parallel()
	const mac = "02:00:00:00:00:01"
	tests := []struct {
		name   string
		client Client
		want   string
	}{
		{"no MAC", Client{}, `--mac: "" is no hardware address; write one such as 02:00:00:00:00:01`},
		{"MAC", Client{MAC: "02:00"}, `--mac: "02:00" is no hardware address`},
		{"type", Client{MAC: mac, Type: "solicit"}, `--type: there is no DHCPv4 message type "solicit"; write a number, or one of bootp, discover,`},
		{"type of DHCPv6", Client{MAC: mac, V6: true, Type: "discover"}, `--type: there is no DHCPv6 message type "discover"; write a number, or one of solicit,`},
		{"xid", Client{MAC: mac, Xid: "0x100000000"}, `--xid: "0x100000000" is no number of 32 bits; write one such as 0x12ab`},
		{"xid of DHCPv6", Client{MAC: mac, V6: true, Xid: "0x1000000"}, "is no number of 24 bits"},
		{"hops", Client{MAC: mac, Hops: 256}, "--hops: 256 is out of range; write a number from 0 to 255"},
		{"secs", Client{MAC: mac, Secs: -1}, "--secs: -1 is out of range; write a number from 0 to 65535"},
		{"ciaddr", Client{MAC: mac, Ciaddr: "2001:db8::1"}, `--ciaddr: "2001:db8::1" is no IPv4 address; write one such as 192.0.2.50`},
		{"ciaddr of DHCPv6", Client{MAC: mac, V6: true, Ciaddr: "2001:db8::1"}, "--ciaddr: DHCPv6 has no such field; leave it out"},
		{"giaddr", Client{MAC: mac, Giaddr: "router"}, `--giaddr: "router" is no IPv4 address`},
		{"link-address", Client{MAC: mac, V6: true, Type: "relay_forward", Giaddr: "10.0.0.1"}, `--giaddr: "10.0.0.1" is no IPv6 address to be the link-address`},
		{"hops of a Solicit", Client{MAC: mac, V6: true, Hops: 1}, "--type: --hops and --giaddr are fields of a Relay-forward; write --type relay_forward"},
		{"DUID", Client{MAC: mac, V6: true, DUID: "xyz"}, `--duid: "xyz" is no DUID; write 3 to 130 octets in hexadecimal`},
		{"from", Client{MAC: mac, From: "localhost"}, `--from: "localhost" is no address; write one such as 192.0.2.50 or 192.0.2.50:68`},
		{"from of another family", Client{MAC: mac, From: "fe80::1"}, `--from: "fe80::1" is of the wrong family or has a zone`},
		{"to with a zone", Client{MAC: mac, V6: true, To: "fe80::1%eth0"}, `--to: "fe80::1%eth0" is of the wrong family or has a zone; write one such as fe80::1`},
		{"option without value", Client{MAC: mac, Options: []string{"60"}}, `--option: "60" is no option; write its number from 1 to 254 and its value, such as 60=PXEClient`},
		{"option 255", Client{MAC: mac, Options: []string{"255=x"}}, `--option: "255=x" is no option`},
		{"option in hexadecimal", Client{MAC: mac, Options: []string{"60=hex:0"}}, `--option: "60=hex:0": after hex: there are two hexadecimal digits for each octet, such as 60=hex:00ff`},
		{"long option", Client{MAC: mac, Options: []string{"60=" + strings.Repeat("x", 256)}}, "--option: option 60 has 256 octets; it can have 255"},
		{"option of BOOTP", Client{MAC: mac, Type: "bootp", Options: []string{"60=x"}}, "--option: plain BOOTP has no options; write another --type"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := tt.client.Message(); err == nil || !strings.HasPrefix(err.Error(), tt.want) && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}
