package explain_test

import (
	"net/netip"
	"strings"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/explain"
	"dhcp-relay/relay/wire/bootp"
)

// Explain says which server of a group gets a request, and why.
func TestGroupNotes(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse("f", []byte(`
[[server_group]]
name = "campus"
servers = ["10.9.0.2", "10.9.0.3"]
mode = "failover"
[[server_group]]
name = "away"
servers = ["10.8.0.2", "10.8.0.3"]
mode = "hash"
[[interface]]
name = "vlan10"
servers = ["campus", "away"]
next_after = 2
`), config.Host{Hostname: "r"})
	if err != nil {
		t.Fatal(err)
	}
	r := explain.New(cfg, []giaddr.Link{{Index: 2, Name: "vlan10", Type: 1, MTU: 1500, Up: true, Broadcast: true, MAC: []byte{2, 0, 0, 0, 0, 2}, Addrs: []giaddr.Addr{{Prefix: netip.MustParsePrefix("192.0.2.1/24")}}}})
	m := make([]byte, bootp.MinLen)
	m[0], m[1], m[2], m[28] = bootp.Request, 1, 6, 2
	copy(m[236:], []byte{99, 130, 83, 99, 53, 1, 1, 255})
	for i, want := range [][]string{
		{"Of the group campus (failover) it goes to 10.9.0.2, the most preferred if it answers", "Of the group away (hash) none is asked until the client has asked in vain, see next_after"},
		{"Of the group campus (failover) each gets it, for the client has asked in vain before.", "Of the group away (hash) none is asked"},
		{"Of the group campus (failover) each gets it", "Of the group away (hash) it goes to 10.8.0.2, which is the client's while it answers"},
	} {
		res, err := r.Explain(explain.Message{Link: "vlan10", Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddrPort("255.255.255.255:67"), Data: m})
		if err != nil {
			t.Fatal(err)
		}
		notes := strings.Join(res.Notes, "\n")
		for _, w := range want {
			if !strings.Contains(notes, w) {
				t.Errorf("try %d: no %q in\n%s", i+1, w, notes)
			}
		}
	}
}
