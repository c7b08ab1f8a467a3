package explain

import (
	"errors"
	"net/netip"
	"testing"

	"dhcp-relay/relay/agent"
)

// FuzzExplain holds what is told to what the core does: the outcome is the
// core's, and the changes are all that happens to the message.
func FuzzExplain(f *testing.F) {
	for i, c := range []Client{
		{},
		{Type: "request", Ciaddr: "192.0.2.50", Broadcast: true},
		{Type: "bootp"},
		{Giaddr: "10.1.1.1", Options: []string{"82=hex:010161", "60=x"}},
		{V6: true},
		{V6: true, Type: "relay_forward", Hops: 3},
	} {
		c.Interface = "vlan10"
		m := message(f, c)
		f.Add(c.V6, uint8(i), m.Data)
		r := relayOf(f, everything)
		if _, err := r.Explain(m); err != nil {
			f.Fatal(err)
		}
		server := "10.9.0.2"
		if c.V6 {
			server = "2001:db8:9::2"
		}
		if a, err := r.Reply(netip.MustParseAddr(server), netip.Addr{}); err == nil {
			f.Add(c.V6, uint8(3), a.Data)
		}
	}
	var relays []*Relay
	for _, toml := range []string{
		everything,
		servers + "[[interface]]\nname = \"*\"\n",
		servers + "trusted = true\ndhcpv4.relayed_requests = \"append\"\ndhcpv4.max_message_size = 576\nmode = \"hash\"\n[[interface]]\nname = \"*\"\n",
	} {
		relays = append(relays, relayOf(f, toml))
	}
	links := []string{"vlan10", "vlan20", "red1", "uplink"}
	f.Fuzz(func(t *testing.T, v6 bool, link uint8, data []byte) {
		data = data[:min(len(data), 2000)]
		c := Client{V6: v6, MAC: "02:00:00:00:00:01"}
		m, err := c.Message()
		if err != nil {
			t.Fatal(err)
		}
		m.Link, m.Data = links[int(link)%len(links)], data
		if link > 127 {
			m.Src = netip.MustParseAddrPort(map[bool]string{false: "10.9.0.2:67", true: "[2001:db8:9::2]:547"}[v6])
			m.Dst = netip.MustParseAddrPort(map[bool]string{false: "192.0.2.1:67", true: "[2001:db8:1::1]:547"}[v6])
		}
		for _, r := range relays {
			res, err := r.Explain(m)
			if err != nil {
				t.Fatal(err)
			}
			if res.String() == "" {
				t.Error("no words")
			}
			checkChanges(t, m, &res)
			if res.Outcome == notHeard {
				continue
			}
			if (res.Outcome == agent.Relayed.String()) != (len(res.Copies) > 0) || res.Rules.String() == "" {
				t.Errorf("%+v", res)
			}
			b := bufOf(data)
			in := agent.Ingress{Link: r.byName[m.Link].Index, Src: m.Src, Dst: m.Dst.Addr(), MAC: m.MAC}
			decide := r.snap.Relay4
			if v6 {
				decide = r.snap.Relay6
			}
			if v := decide(&b, in); v.Reason.String() != res.Outcome {
				t.Errorf("told %s, and the core says %s", res.Outcome, v.Reason)
			}
		}
	})
}

// FuzzClient holds the parser of descriptions to errors that name the flag, and
// to messages that can be explained.
func FuzzClient(f *testing.F) {
	f.Add(false, "discover", "02:00:00:00:00:01", "0x12", 0, 0, "", "", "", "60=text", "", "")
	f.Add(true, "relay-forward", "02-00-00-00-00-01", "7", 3, 9, "", "2001:db8::1", "000300010200000001", "6=hex:0017", "fe80::1", "[ff02::1:2]:547")
	f.Add(false, "200", "020000000001", "", 16, 65535, "192.0.2.50", "10.1.1.1", "", "82=hex:", "0.0.0.0:68", "192.0.2.1")
	f.Add(false, "", "", "-1", -1, 70000, "x", "::", "zz", "=", "1", "fe80::1%eth0")
	r := relayOf(f, everything)
	f.Fuzz(func(t *testing.T, v6 bool, kind, mac, xid string, hops, secs int, ciaddr, giaddr, duid, option, from, to string) {
		c := Client{
			V6: v6, Interface: "vlan10", Type: kind, MAC: mac, Xid: xid, Hops: hops, Secs: secs,
			Ciaddr: ciaddr, Giaddr: giaddr, DUID: duid, From: from, To: to,
		}
		if option != "" {
			c.Options = []string{option}
		}
		m, err := c.Message()
		if err != nil {
			var input *inputError
			if !errors.As(err, &input) || input.Name == "" || input.Text == "" {
				t.Errorf("%v does not name the flag", err)
			}
			return
		}
		res, err := r.Explain(m)
		if err != nil {
			t.Fatal(err)
		}
		checkChanges(t, m, &res)
	})
}
