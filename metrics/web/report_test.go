package web

import (
	"fmt"
	"time"

	"dhcp-relay/relay/status"
)

// noon is when the reports of these tests are of.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func ratio(f float64) *float64 { return &f }

// busy returns a report with some of everything.
func busy() status.Report {
	return status.Report{
		Version: "1.2.3", Host: "router1", Time: noon, Started: noon.Add(-26 * time.Hour), Uptime: 93600, Window: 600,
		Config: status.Config{File: "/etc/dhcp-relay/relay.toml", OK: true, Loaded: noon.Add(-time.Hour), Hash: "0123456789abcdef", Tried: noon.Add(-time.Hour)},
		Findings: []status.Finding{
			{Severity: status.Error, Kind: "server_silent", Subject: "server 10.9.0.3", Text: "None of the last 12 requests was answered.", Do: "See whether the server runs and routes back to the giaddr."},
			{Severity: status.Warn, Kind: "drop_untrusted_option82", Subject: "interface vlan20", Text: "A client's message already bears option 82.", Do: "If a switch adds it, set trusted = true on this interface."},
		},
		Interfaces: []status.Interface{
			{Name: "vlan20", Family: "ipv4", State: "no_address", Servers: []string{"10.9.0.2"}, Reason: "it has no IPv4 address", Do: "Give it one.", Requests: status.Flow{Received: 4, Dropped: 4, RecentDropped: 4}},
			{Name: "vlan10", Family: "ipv4", State: "relaying", Address: "10.1.0.1", Servers: []string{"10.9.0.2", "10.9.0.3"}, Requests: status.Flow{Received: 1204, Relayed: 1204, RecentRelayed: 20}, Replies: status.Flow{Received: 1200, Relayed: 1199, Dropped: 1}, Unanswered: status.Count{Total: 2, Recent: 1}},
			{Name: "vlan10", Family: "ipv6", State: "relaying", Address: "2001:db8:1::1", Servers: []string{"2001:db8:9::2"}},
		},
		Servers: []status.Server{
			{Address: "10.9.0.2", Family: "ipv4", Copies: status.Count{Total: 1204, Recent: 20}, Replies: status.Count{Total: 1200, Recent: 20}, AnswerRatio: ratio(0.995), Response: &status.Response{P50: 0.0012, P90: 0.0048, P99: 1.5}, State: "answering", Verdict: "It answers."},
			{Address: "10.9.0.3", Family: "ipv4", Copies: status.Count{Total: 12, Recent: 12}, Unanswered: status.Count{Total: 12, Recent: 12}, AnswerRatio: ratio(0), State: "silent", Verdict: "It has answered none of 12 requests."},
			{Address: "2001:db8:9::2", VRF: "red", Family: "ipv6", State: "idle", Verdict: "Nothing was asked of it."},
		},
		Drops: []status.Drop{
			{Interface: "vlan20", Family: "ipv4", Direction: "request", Reason: "untrusted_option82", What: "A client's message already bears option 82.", Remedy: "Set trusted = true.", Count: 4, Recent: 4, LastSeen: noon.Add(-3 * time.Second)},
		},
		Kernel:     []status.KernelDrops{{Family: "ipv4", Count: 7, Recent: 0}, {Family: "ipv6"}},
		SendErrors: []status.SendError{{Towards: "server", Error: "ENETUNREACH", What: "There is no route.", Remedy: "Add a route.", Count: 3, Recent: 1}},
		Recorder:   status.Recorder{On: true, Messages: 1000},
	}
}

// crowd returns a report with n interfaces, a few of them in trouble.
func crowd(n int) status.Report {
	r := busy()
	r.Interfaces = r.Interfaces[:0:0]
	for i := range n {
		in := status.Interface{Name: fmt.Sprintf("vlan%04d", i), Family: "ipv4", State: "relaying", Address: fmt.Sprintf("10.%d.%d.1", i>>8, i&255), Servers: []string{"10.9.0.2"}}
		if i < 3 {
			in.State, in.Reason, in.Do = "down", "the interface is down", "Bring it up."
		}
		r.Interfaces = append(r.Interfaces, in)
	}
	return r
}
