package agent

import "testing"

func TestFirstMatchHolds(t *testing.T) {
	names := []string{"vlan10", "vlan2*", "vlan*", "vlan20", "eth[0-3]", "br0", "*"}
	is := make([]Interface, len(names))
	for i := range names {
		is[i].Name = names[i]
	}
	m := newMatcher(is)
	for name, want := range map[string]int{
		"vlan10": 0, "vlan20": 1, "vlan30": 2, "eth2": 4, "br0": 5, "eth9": 6,
	} {
		if got := m.find(name); got != want {
			t.Errorf("%s: interface %d, want %d", name, got, want)
		}
	}
	if got := newMatcher(is[:2]).find("eth0"); got != -1 {
		t.Errorf("no match: %d, want -1", got)
	}
}
