package status

import (
	"net/netip"
	"strings"
	"testing"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/dhcp"
)

func TestDropTellsWhereItCameFrom(t *testing.T) {
	t.Parallel()
	from := netip.MustParseAddr("10.9.0.7")
	for _, c := range []struct {
		name    string
		way     Way
		heard   string
		from    netip.Addr
		subject string
		text    string // end of the finding's text
		trace   bool   // it points to trace for the source
	}{
		{"reply on another interface", Way{count.Other, count.Kind{Family: dhcp.V4, Direction: dhcp.Replies, Reason: agent.ReplySource}}, "eth0", from, "replies of servers (DHCPv4)", " ago from 10.9.0.7 on eth0.", false},
		{"reply among the clients", Way{"vlan10", count.Kind{Family: dhcp.V4, Direction: dhcp.Replies, Reason: agent.ReplyFromClient}}, "vlan10", from, "interface vlan10 (DHCPv4)", " ago from 10.9.0.7.", false},
		{"request of no source", Way{count.Other, count.Kind{Family: dhcp.V4, Direction: dhcp.Requests, Reason: agent.NotConfigured}}, "vlan99", netip.Addr{}, "messages of no configured interface (DHCPv4)", " ago on vlan99.", false},
		{"not in the recorder", Way{count.Other, count.Kind{Family: dhcp.V4, Direction: dhcp.Replies, Reason: agent.ReplySource}}, "", netip.Addr{}, "replies of servers (DHCPv4)", " ago.", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := healthy()
			s.drop(c.way.Interface, c.way.Family, c.way.Direction, c.way.Reason, 1)
			s.in.Observations = []Observation{{Way{"vlan10", count.Kind{Family: dhcp.V6, Direction: dhcp.Requests, Reason: agent.HopLimit}}, "vlan30", from}}
			if c.heard != "" {
				s.in.Observations = append(s.in.Observations, Observation{c.way, c.heard, c.from})
			}
			fs := s.report().Findings
			if len(fs) != 1 {
				t.Fatalf("got %d findings, want 1: %+v", len(fs), fs)
			}
			if f := fs[0]; f.Subject != c.subject || !strings.HasSuffix(f.Text, c.text) || strings.Contains(f.Do, "dhcp-relay trace") != c.trace {
				t.Errorf("got %+v; want %q, the end %q, trace %v", f, c.subject, c.text, c.trace)
			}
		})
	}
}
