package status

import (
	"strings"
	"testing"
	"time"

	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/dhcp"
)

// A flood and clients without end are told of the interface, and no longer when they are
// over.
func TestFloods(t *testing.T) {
	t.Parallel()
	tab := count.New()
	var r count.Recent
	r.Read(epoch(), tab, nil)
	tab.Link("vlan10").ShedUnread(dhcp.V6, 7)
	for range newcomers {
		tab.Link("vlan20").NewClient(dhcp.V4)
	}
	for range newcomers - 1 {
		tab.Link("vlan10").NewClient(dhcp.V4)
	}
	r.Read(after(30*time.Second), tab, nil)
	found := func(now time.Time) (kinds []string) {
		in := healthy().in
		in.Now, in.Counts = now, r.At(now)
		for _, f := range Build(in).Findings {
			if f.Kind == "interface_floods" || f.Kind == "interface_new_clients" {
				kinds = append(kinds, f.Kind+" "+f.Subject+" "+f.Text)
			}
		}
		return kinds
	}
	got := strings.Join(found(after(time.Minute)), "\n")
	for _, want := range []string{"interface_floods interface vlan10 (DHCPv6)", "7 messages dropped unread", "interface_new_clients interface vlan20 (DHCPv4)", "10000 clients"} {
		if !strings.Contains(got, want) {
			t.Errorf("findings %q, want %q among them", got, want)
		}
	}
	if got := found(after(time.Hour)); len(got) > 0 {
		t.Errorf("an hour later: %q", got)
	}
}
