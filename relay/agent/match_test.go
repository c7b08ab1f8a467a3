package agent

import (
	"testing"

	"dhcp-relay/giaddr"
)

func TestFirstMatchHolds(t *testing.T) {
	// A name beats a pattern, wherever both stand.
	names := []string{"vlan10", "vlan2*", "vlan*", "vlan20", "eth[0-3]", "br0", "*", "eth2"}
	is := make([]Interface, len(names))
	for i := range names {
		is[i].Name = names[i]
	}
	m := newMatcher(is)
	for name, want := range map[string]int{
		"vlan10": 0, "vlan20": 3, "vlan21": 1, "vlan30": 2, "eth1": 4, "eth2": 7, "br0": 5, "eth9": 6,
	} {
		if got, _ := m.link(&giaddr.Link{Name: name}); got != want {
			t.Errorf("%s: interface %d, want %d", name, got, want)
		}
	}
	if got, _ := newMatcher(is[:2]).link(&giaddr.Link{Name: "eth0"}); got != -1 {
		t.Errorf("no match: %d, want -1", got)
	}
}
