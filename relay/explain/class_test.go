package explain_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/explain"
	"dhcp-relay/relay/wire/bootp"
)

// Explain says of which class a request is, what that brings, and where it is written.
func TestClassNotes(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse("f", []byte(`[[class]]
name = "no"
mac = "06"
drop = true
[[class]]
name = "boot"
vendor_class = "PXE*"
subscriber_id = "boot"
servers = ["pxe"]
[[server_group]]
name = "pxe"
servers = ["10.9.5.2", "10.9.5.3"]
mode = "failover"
[[interface]]
name = "vlan10"
servers = ["10.9.0.2"]
`), config.Host{Hostname: "r"})
	if err != nil {
		t.Fatal(err)
	}
	r := explain.New(cfg, []giaddr.Link{{Index: 2, Name: "vlan10", Type: 1, MTU: 1500, Up: true, Broadcast: true, MAC: []byte{2, 0, 0, 0, 0, 2}, Addrs: []giaddr.Addr{{Prefix: netip.MustParsePrefix("192.0.2.1/24")}}}})
	for _, tc := range []struct {
		name    string
		mac     byte
		option  string
		outcome string
		want    []string
		setting string
	}{
		{"of none", 2, "", "relayed", []string{"It is of no class."}, ""},
		{"another group", 4, "\x3c\x03PXE", "relayed", []string{"It is of the class boot, the first whose conditions it meets, so it goes to the servers of that.", "Of the group pxe (failover) it goes to 10.9.5.2"}, "class.vendor_class"},
		{"dropped", 6, "\x3c\x03PXE", "class_drop", []string{"It is of the class no, the first whose conditions it meets, which is to be dropped."}, "class.drop"},
	} {
		m := make([]byte, bootp.MinLen)
		m[0], m[1], m[2], m[28] = bootp.Request, 1, 6, tc.mac
		copy(m[236:], "\x63\x82\x53\x63\x35\x01\x01"+tc.option+"\xff")
		res, err := r.Explain(explain.Message{Link: "vlan10", Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddrPort("255.255.255.255:67"), Data: m})
		if err != nil {
			t.Fatal(err)
		}
		if res.Outcome != tc.outcome {
			t.Errorf("%s: %s, want %s", tc.name, res.Outcome, tc.outcome)
		}
		notes := strings.Join(res.Notes, "\n")
		for _, w := range tc.want {
			if !strings.Contains(notes, w) {
				t.Errorf("%s: no %q in\n%s", tc.name, w, notes)
			}
		}
		found := tc.setting == ""
		for _, s := range res.Settings {
			found = found || s.Key == tc.setting && s.Line > 0
		}
		if !found {
			t.Errorf("%s: no setting %s in %v", tc.name, tc.setting, res.Settings)
		}
		if tc.setting == "class.vendor_class" && !strings.Contains(string(must(json.Marshal(res))), `"setting":"class.subscriber_id"`) {
			t.Errorf("%s: the subscriber-id is not said to be of the class", tc.name)
		}
		if tc.outcome == "relayed" && len(res.Copies[0].Sends) != 1 {
			t.Errorf("%s: %v, want one server", tc.name, res.Copies[0].Sends)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
