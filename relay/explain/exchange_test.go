package explain

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReplies explains the whole exchange with each option on.
func TestReplies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		toml   string
		client Client
		server string
		sends  []string
	}{
		{
			"unicast", servers + "[[interface]]\nname = \"vlan10\"\n",
			Client{Interface: "vlan10"},
			"10.9.0.2",
			[]string{"unicast to client 192.0.2.2:68 on vlan10, in a frame to 02:00:00:00:00:01 from 02:00:00:00:10:00, source 192.0.2.1 port 67"},
		},
		{
			"broadcast", servers + "[[interface]]\nname = \"vlan10\"\n",
			Client{Interface: "vlan10", Broadcast: true},
			"10.9.0.2",
			[]string{"broadcast to client 255.255.255.255:68 on vlan10, in a frame to ff:ff:ff:ff:ff:ff from 02:00:00:00:10:00, source 192.0.2.1 port 67"},
		},
		{
			"without frames", servers + "[[interface]]\nname = \"tun0\"\n",
			Client{Interface: "tun0"},
			"10.9.0.2",
			[]string{"unicast to client 10.7.0.2:68 on tun0, source 10.7.0.1 port 67"},
		},
		{
			"VRF", servers + "[[interface]]\nname = \"red1\"\n",
			Client{Interface: "red1"},
			"10.9.0.2",
			[]string{"unicast to client 10.8.0.2:68 on red1 in VRF red, in a frame to 02:00:00:00:00:01 from 02:00:00:00:00:06, source 10.8.0.1 port 67"},
		},
		{
			"rebinding, every option", everything,
			Client{Interface: "vlan20", Type: "request", Ciaddr: "203.0.113.77"},
			"10.9.0.2",
			[]string{"unicast to client 203.0.113.77:68 on vlan20, in a frame to 02:00:00:00:00:01 from 02:00:00:00:20:00, source 203.0.113.1 port 67"},
		},
		{
			"server that knows no VSS", everything,
			Client{Interface: "vlan20"},
			"10.9.0.3",
			[]string{"unicast to client 203.0.113.2:68 on vlan20, in a frame to 02:00:00:00:00:01 from 02:00:00:00:20:00, source 203.0.113.1 port 67"},
		},
		{
			"BOOTP", everything,
			Client{Interface: "vlan20", Type: "bootp"},
			"10.9.0.2",
			[]string{"unicast to client 203.0.113.2:68 on vlan20, in a frame to 02:00:00:00:00:01 from 02:00:00:00:20:00, source 203.0.113.1 port 67"},
		},
		{
			"DHCPv6, every option", everything,
			Client{V6: true, Interface: "vlan20", Type: "information-request"},
			"2001:db8:9::2",
			[]string{"unicast to client [fe80::ff:fe00:1]:546 on vlan20, source as the route gives it, port 547"},
		},
		{
			"DHCPv6 to a relay", everything,
			Client{V6: true, Interface: "vlan10", Type: "relay_forward", Hops: 1, Giaddr: "2001:db8:1::77", From: "[2001:db8:1::77]:1000"},
			"2001:db8:9::2",
			[]string{"unicast to relay [2001:db8:1::77]:1000 on vlan10, source as the route gives it, port 547"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := relayOf(t, tt.toml)
			m := message(t, tt.client)
			res := explained(t, r, m)
			checkChanges(t, m, &res)
			if res.Outcome != "relayed" {
				t.Fatalf("request: %s", res.String())
			}
			answer, err := r.Reply(netip.MustParseAddr(tt.server), netip.Addr{})
			if err != nil {
				t.Fatal(err)
			}
			back, err := r.ExplainReply(answer)
			if err != nil {
				t.Fatal(err)
			}
			checkChanges(t, answer, &back)
			var sends []string
			for _, c := range back.Copies {
				for _, s := range c.Sends {
					sends = append(sends, s.String())
				}
			}
			if diff := cmp.Diff(tt.sends, sends); diff != "" {
				t.Errorf("sends (-want +got):\n%s\n%s", diff, back.String())
			}
		})
	}
}

// TestCopies tells servers that understand VSS from those that do not.
func TestCopies(t *testing.T) {
	t.Parallel()
	res := explained(t, relayOf(t, everything), message(t, Client{Interface: "vlan20"}))
	if len(res.Copies) != 2 {
		t.Fatalf("%d forms, want one with and one without VSS", len(res.Copies))
	}
	for i, want := range []struct {
		server string
		vss    bool
	}{{"10.9.0.2:67", true}, {"10.9.0.3:67", false}} {
		c := res.Copies[i]
		if len(c.Sends) != 1 || c.Sends[0].Destination.String() != want.server || c.Sends[0].SourcePort != 6767 {
			t.Errorf("sends %+v, want one to %s", c.Sends, want.server)
		}
		var parts []string
		for _, ch := range c.Changes {
			for _, p := range ch.Parts {
				parts = append(parts, fmt.Sprintf("%d %s %s", p.Code, p.Name, p.Text))
			}
		}
		all := []string{
			`1 circuit-id "router:vlan20"`, "2 remote-id ", "5 link selection 203.0.113.0", `6 subscriber-id "s-vlan20"`,
			"9 vendor-specific ", "10 flags broadcast", "11 server identifier override 203.0.113.1", "12 relay-id ", "19 relay source port ",
		}
		if want.vss {
			all = append(all, `151 virtual subnet selection "blue"`, "152 virtual subnet selection control ")
		}
		if diff := cmp.Diff(all, parts); diff != "" {
			t.Errorf("suboptions to %s (-want +got):\n%s", want.server, diff)
		}
	}
}

// A server that is to get no link selection gets all the rest.
func TestCopiesWithoutLinkSelection(t *testing.T) {
	t.Parallel()
	res := explained(t, relayOf(t, strings.Replace(everything, "vss = false", "link_selection = false", 1)), message(t, Client{Interface: "vlan20"}))
	if len(res.Copies) != 2 {
		t.Fatalf("%d forms, want one with and one without link selection", len(res.Copies))
	}
	has := func(c *Copy, code int) bool {
		return slices.ContainsFunc(c.Changes, func(ch Change) bool {
			return slices.ContainsFunc(ch.Parts, func(p Part) bool { return p.Code == code })
		})
	}
	for i, server := range []string{"10.9.0.2:67", "10.9.0.3:67"} {
		c := &res.Copies[i]
		if c.Sends[0].Destination.String() != server || has(c, 5) != (i == 0) || !has(c, 151) {
			t.Errorf("to %s: link selection %v, VSS %v", c.Sends[0].Destination, has(c, 5), has(c, 151))
		}
	}
}

// A server with a source of its own gets its copy from there, and in DHCPv6 replies to it.
func TestCopiesFromTheSourceOfAServer(t *testing.T) {
	t.Parallel()
	r := relayOf(t, everything+"[[server]]\naddress = \"10.9.0.2\"\nsource = \"10.7.0.1\"\n")
	res := explained(t, r, message(t, Client{Interface: "vlan20"}))
	from := map[string]string{}
	for i := range res.Copies {
		for _, s := range res.Copies[i].Sends {
			from[s.Destination.String()] = "route"
			if s.Source != nil {
				from[s.Destination.String()] = s.Source.String()
			}
		}
	}
	if diff := cmp.Diff(map[string]string{"10.9.0.2:67": "10.7.0.1", "10.9.0.3:67": "route"}, from); diff != "" {
		t.Errorf("sources (-want +got):\n%s", diff)
	}
}

// TestSmartRelay counts the tries of a client as the daemon does.
func TestSmartRelay(t *testing.T) {
	t.Parallel()
	r := relayOf(t, servers+"dhcpv4.smart_relay_after = 2\n[[interface]]\nname = \"vlan10\"\n")
	m := message(t, Client{Interface: "vlan10"})
	giaddr := func() string {
		for _, c := range explained(t, r, m).Copies[0].Changes {
			if c.Field == "giaddr" {
				return c.NewText
			}
		}
		return ""
	}
	var got []string
	for range 4 {
		got = append(got, giaddr())
	}
	// An answer ends the search.
	answer, err := r.Reply(netip.MustParseAddr("10.9.0.2"), netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	if back, err := r.ExplainReply(answer); err != nil || back.Outcome != "relayed" {
		t.Fatalf("%v %s", err, back.String())
	}
	got = append(got, giaddr())
	want := []string{"192.0.2.1", "192.0.2.1", "198.51.100.1", "198.51.100.1", "198.51.100.1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("giaddr of each try (-want +got):\n%s", diff)
	}
}

// TestNotes says what a message is to the MTU, and changes nothing by it.
func TestNotes(t *testing.T) {
	t.Parallel()
	narrow := strings.Replace(router, "name = \"uplink\"", "name = \"uplink\"\nmtu = 320", 1)
	r := relayOn(t, narrow, servers+"[[interface]]\nname = \"vlan10\"\n")
	m := message(t, Client{Interface: "vlan10"})
	want := []string{"These are 328 octets of IP packet; where the MTU towards a server is less, option 82 is left out. The 328 octets that are left go out in fragments where that is still too large."}
	if diff := cmp.Diff(want, explained(t, r, m).Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	answer, err := r.Reply(netip.MustParseAddr("10.9.0.2"), netip.Addr{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(answer.Data, []byte("\x52\x08\x01\x06vlan10")) {
		t.Error("the reply echoes no option 82")
	}
	m = message(t, Client{V6: true, Interface: "vlan10"})
	m.MAC = nil
	want = []string{"Option 79 is left out, for the client's link-layer address is not known."}
	if diff := cmp.Diff(want, explained(t, r, m).Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
	r = relayOf(t, servers+"dhcpv4.max_message_size = 576\n[[interface]]\nname = \"vlan10\"\n")
	m = message(t, Client{Interface: "vlan10", Options: []string{"60=" + strings.Repeat("x", 255), "77=" + strings.Repeat("x", 70)}})
	want = []string{"Option 82 is left out, for with it the message would be too large."}
	if diff := cmp.Diff(want, explained(t, r, m).Notes); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

func TestNoReplyToWhatIsDropped(t *testing.T) {
	t.Parallel()
	r := relayOf(t, servers+"[[interface]]\nname = \"vlan10\"\n")
	explained(t, r, message(t, Client{Interface: "vlan20"}))
	if m, err := r.Reply(netip.MustParseAddr("10.9.0.2"), netip.Addr{}); err == nil {
		t.Errorf("a reply to what was dropped: %+v", m)
	}
}
