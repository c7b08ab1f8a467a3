package http

import (
	"fmt"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/senderror"
	"dhcp-relay/relay/wire/dhcp"
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
			{Severity: status.Warn, Kind: "drop_untrusted_option82", Subject: "interface vlan20", Text: "A client's message already contains option 82.", Do: "If a switch adds it, set trusted = true on this interface."},
		},
		Interfaces: []status.Interface{
			{Name: "vlan20", Family: dhcp.V4, State: agent.NoAddress, Servers: []status.ServerName{{Address: "10.9.0.2"}}, Reason: "it has no IPv4 address", Do: "Give it one.", Requests: status.Flow{Received: 4, Dropped: 4, RecentDropped: 4}},
			{Name: "vlan10", Family: dhcp.V4, State: agent.Relaying, Address: "10.1.0.1", Servers: []status.ServerName{{Address: "10.9.0.2"}, {Address: "10.9.0.3"}}, Requests: status.Flow{Received: 1204, Relayed: 1204, RecentRelayed: 20}, Replies: status.Flow{Received: 1200, Relayed: 1199, Dropped: 1}, Unanswered: count.Number{Total: 2, Recent: 1}, History: hours(3)},
			{Name: "vlan10", Family: dhcp.V6, State: agent.Relaying, Address: "2001:db8:1::1", Servers: []status.ServerName{{Address: "2001:db8:9::2"}}},
		},
		Servers: []status.Server{
			{Address: "10.9.0.2", Family: dhcp.V4, Copies: count.Number{Total: 1204, Recent: 20}, Replies: count.Number{Total: 1200, Recent: 20}, AnswerRatio: ratio(0.995), Response: &status.Response{P50: 0.0012, P90: 0.0048, P99: 1.5}, State: status.StateAnswering, Verdict: "It answers.", History: hours(0)},
			{Address: "10.9.0.3", Family: dhcp.V4, Copies: count.Number{Total: 12, Recent: 12}, Unanswered: count.Number{Total: 12, Recent: 12}, AnswerRatio: ratio(0), State: status.StateSilent, Verdict: "It has answered none of 12 requests.", History: hours(17)},
			{Address: "2001:db8:9::2", VRF: "red", Family: dhcp.V6, State: status.StateIdle, Verdict: "Nothing was asked of it."},
		},
		Groups: []status.Group{{Name: "campus", Family: dhcp.V4, Mode: "failover", Servers: []status.GroupServer{{Address: "10.9.0.2", Active: true}, {Address: "10.9.0.3", Down: true}}}},
		Drops: []status.Drop{
			{Interface: "vlan20", Family: dhcp.V4, Direction: dhcp.Requests, Reason: "untrusted_option82", What: "A client's message already contains option 82.", Remedy: "Set trusted = true.", Count: 4, Recent: 4, LastSeen: noon.Add(-3 * time.Second)},
		},
		Kernel:     []status.KernelDrops{{Family: dhcp.V4, Count: 7, Recent: 0}, {Family: dhcp.V6}},
		SendErrors: []status.SendError{{Towards: senderror.Servers, Error: "ENETUNREACH", What: "There is no route.", Remedy: "Add a route.", Count: 3, Recent: 1}},
		Recorder:   status.Recorder{On: true, Messages: 1000},
	}
}

// hours is an hour of requests, of which none was answered in the last minutes.
func hours(silent int) *status.History {
	h := &status.History{End: noon}
	for i := range 60 {
		n, answered := uint32(20+7*(i%5)), uint32(20+7*(i%5))
		took := 0.0012 + 0.0001*float64(i%9)
		if i >= 60-silent {
			answered, took = 0, 0
		}
		h.Requests, h.Answers, h.Response = append(h.Requests, n), append(h.Answers, answered), append(h.Response, took)
	}
	return h
}

// crowd returns a report with n interfaces, a few of them in trouble.
func crowd(n int) status.Report {
	r := busy()
	r.Interfaces = r.Interfaces[:0:0]
	for i := range n {
		in := status.Interface{Name: fmt.Sprintf("vlan%04d", i), Family: dhcp.V4, State: agent.Relaying, Address: fmt.Sprintf("10.%d.%d.1", i>>8, i&255), Servers: []status.ServerName{{Address: "10.9.0.2"}}}
		if i < 3 {
			in.State, in.Reason, in.Do = agent.Down, "the interface is down", "Bring it up."
		}
		r.Interfaces = append(r.Interfaces, in)
	}
	return r
}

// exchanges returns transactions with some of everything, oldest first.
func exchanges() []api.Transaction {
	at := func(ms int) time.Time { return noon.Add(time.Duration(ms-5000) * time.Millisecond) }
	up := func(ms int, kind string) api.Step {
		return api.Step{
			Time: at(ms), Took: (40 * time.Microsecond).Seconds(), Direction: dhcp.Requests, Type: kind, Interface: "vlan10", Source: "0.0.0.0:68", Destination: "255.255.255.255:67",
			Outcome: "relayed", Sent: &api.Sending{Towards: "server", Cast: "unicast", Destinations: []api.Endpoint{"10.9.0.2:67", "10.9.0.3:67"}, Type: kind},
		}
	}
	down := func(ms int, kind string) api.Step {
		return api.Step{
			Time: at(ms), Took: (30 * time.Microsecond).Seconds(), Direction: dhcp.Replies, Type: kind, Interface: "up", Source: "10.9.0.2:67", Destination: "10.1.0.1:67",
			Outcome: "relayed", Sent: &api.Sending{Towards: "client", Cast: "unicast", Destinations: []api.Endpoint{"10.1.0.100:68"}, FrameTo: "02:00:00:00:00:01", Type: kind},
			Given: []string{"10.1.0.100"}, RTT: (1200 * time.Microsecond).Seconds(),
		}
	}
	lost := api.Step{
		Time: at(900), Direction: dhcp.Requests, Type: "discover", Interface: "vlan20", Source: "0.0.0.0:68", Destination: "255.255.255.255:67", Outcome: "untrusted_option82",
		What: "A client's message already contains option 82.", Remedy: "If a switch with DHCP snooping adds it, set trusted = true on this interface.",
	}
	return []api.Transaction{
		{
			ID: 1, Family: dhcp.V4, XID: "0x00000001", Client: api.Client{MAC: "02:00:00:00:00:01", Address: "10.1.0.100"}, Interface: "vlan10", Relay: "10.1.0.1",
			Started: at(0), Updated: at(9), State: api.Answered, Outcome: "answered",
			Steps: []api.Step{up(0, "discover"), down(2, "offer"), up(6, "request"), down(9, "ack")},
		},
		{
			ID: 2, Family: dhcp.V4, XID: "0x00000002", Client: api.Client{MAC: "02:00:00:00:00:02"}, Interface: "vlan20",
			Started: at(900), Updated: at(900), State: api.Dropped, Outcome: "dropped: untrusted_option82", Cause: lost.What + " " + lost.Remedy, Steps: []api.Step{lost},
		},
		{
			ID: 3, Family: dhcp.V6, XID: "0xabcdef", Client: api.Client{DUID: "00:03:00:01:02:00:00:00:00:03"}, Interface: "vlan10", Relay: "2001:db8:1::1",
			Started: at(1200), Updated: at(1200), State: api.Unanswered, Outcome: "no answer from 2001:db8:9::2", Cause: "See whether the server runs and has a route back to 2001:db8:1::1.",
			Steps: []api.Step{{
				Time: at(1200), Took: (time.Microsecond * 50).Seconds(), Direction: dhcp.Requests, Type: "solicit", Interface: "vlan10", Source: "[fe80::1]:546", Destination: "[ff02::1:2]:547", Outcome: "relayed",
				Sent: &api.Sending{Towards: "server", Cast: "unicast", Destinations: []api.Endpoint{"[2001:db8:9::2]:547"}, Type: "relay_forward"},
			}},
		},
	}
}
