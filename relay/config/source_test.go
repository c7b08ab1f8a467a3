package config

import (
	"net/netip"
	"testing"
)

// The source of a server holds for it alone, and of a DNS name for the addresses of its
// family.
func TestServerSource(t *testing.T) {
	t.Parallel()
	lookup := func(string) (now, former []netip.Addr) {
		return []netip.Addr{netip.MustParseAddr("10.9.0.5"), netip.MustParseAddr("2001:db8:9::5")}, nil
	}
	c, err := Parse("f", []byte(`
[[interface]]
name = "vlan10"
servers = ["10.9.0.2", "10.9.0.3", "2001:db8:9::2", "kea.example.net"]
[[server]]
address = "10.9.0.2"
source = "10.7.0.1"
[[server]]
address = "2001:db8:9::2"
source = "2001:db8:7::1"
[[server]]
address = "kea.example.net"
source = "2001:db8:7::2"
`), Host{Hostname: "r", Lookup: lookup})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"10.9.0.2": "10.7.0.1", "10.9.0.3": "invalid IP", "2001:db8:9::2": "2001:db8:7::1", "10.9.0.5": "invalid IP", "2001:db8:9::5": "2001:db8:7::2"}
	for i := range c.Policy.Servers {
		s := &c.Policy.Servers[i]
		a := s.Addr.Addr().String()
		if got := s.Source.String(); got != want[a] {
			t.Errorf("%s from %s, want %s", a, got, want[a])
		}
		delete(want, a)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}
