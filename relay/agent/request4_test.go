package agent

import (
	"net/netip"
	"strconv"
	"testing"

	"dhcp-relay/relay/bootp"
)

// TestRefuseTypes4 refuses the messages of clients that only routers and servers
// are to send; what bears another relay's giaddr passes where relays are trusted.
func TestRefuseTypes4(t *testing.T) {
	snapshot := func(trusted bool, refuse ...uint8) *Snapshot {
		p := testPolicy(t)
		p.Interfaces[0].Trusted = trusted
		p.Interfaces[0].V4.RefuseTypes = refuse
		s, _ := Compile(p, testHost())
		return s
	}
	usual := []uint8{10, 11, 12, 13}
	relay := netip.MustParseAddr("10.9.8.7")
	for _, tc := range []struct {
		name    string
		trusted bool
		refuse  []uint8
		typ     bootp.Type
		giaddr  netip.Addr
		want    Reason
	}{
		{"the type before them", false, usual, 9, netip.Addr{}, Relayed},
		{"leasequery", false, usual, bootp.LeaseQuery, netip.Addr{}, TypeRefused},
		{"lease unassigned", false, usual, bootp.LeaseUnassigned, netip.Addr{}, TypeRefused},
		{"lease unknown", false, usual, bootp.LeaseUnknown, netip.Addr{}, TypeRefused},
		{"lease active", false, usual, bootp.LeaseActive, netip.Addr{}, TypeRefused},
		{"the type after them", false, usual, 14, netip.Addr{}, Relayed},
		{"leasequery by setting", false, nil, bootp.LeaseQuery, netip.Addr{}, Relayed},
		{"another type by setting", false, []uint8{255}, 255, netip.Addr{}, TypeRefused},
		{"leasequery of a client on a trusted interface", true, usual, bootp.LeaseQuery, netip.Addr{}, TypeRefused},
		{"leasequery of a relay on a trusted interface", true, usual, bootp.LeaseQuery, relay, Relayed},
		{"leasequery of a relay", false, usual, bootp.LeaseQuery, relay, GiaddrUntrusted},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := testMessage(bootp.Request, tc.typ, tc.giaddr)
			v := play4(snapshot(tc.trusted, tc.refuse...), m, 2, "0.0.0.0:68", "255.255.255.255")
			if v.Reason != tc.want || v.Type != uint8(tc.typ) {
				t.Errorf("got %v of type %d, want %v", v.Reason, v.Type, tc.want)
			}
		})
	}
	for n := range 256 {
		t.Run("every type but the refused is relayed: "+strconv.Itoa(n), func(t *testing.T) {
			want := Relayed
			if n >= 10 && n <= 13 {
				want = TypeRefused
			}
			v := play4(snapshot(false, usual...), testMessage(bootp.Request, bootp.Type(n), netip.Addr{}), 2, "0.0.0.0:68", "255.255.255.255")
			if v.Reason != want {
				t.Errorf("got %v, want %v", v.Reason, want)
			}
		})
	}
}
