package agent

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"dhcp-relay/giaddr"
)

// fullInterface sends each suboption that there is, with identifiers as long as
// they can be.
func fullInterface(t *testing.T) Interface4 {
	t.Helper()
	id, err := ParseTemplate("{interface}")
	if err != nil {
		t.Fatal(err)
	}
	return Interface4{
		Common: Common{SourcePort: 1067},
		Option82: Option82{
			On: true, CircuitID: id, RemoteID: id, SubscriberID: id, LinkSel: LinkSelAddress, Flags: true,
			Override: true, RelayID: []byte("relay"), Vendor: []byte{0, 0, 0, 9, 1, 'x'}, VSS: VSS{On: true, Name: []byte("red")},
		},
	}
}

// Each row of the table sends the suboptions that it names, and as many octets as
// the length proof of the configuration counts for it.
func TestSuboptionsAreMeasured(t *testing.T) {
	t.Parallel()
	in := fullInterface(t)
	a := netip.MustParseAddr("192.0.2.1")
	from := ingredients{&in, &Choice{Choice: giaddr.Choice{Addr: a, Subnet: netip.MustParsePrefix("192.0.2.0/24")}, Local: a}, Facts{Interface: strings.Repeat("x", 15)}}
	seen := make(map[byte]string)
	for _, row := range suboptions() {
		var o option
		row.add(&o, &from)
		if got, want := len(o.bytes), row.most(&in); got != want || got == 0 {
			t.Errorf("%s sends %d octets and counts %d", row.key, got, want)
		}
		for b := o.bytes; len(b) > 0; b = b[2+int(b[1]):] {
			if !slices.Contains(row.code, b[0]) {
				t.Errorf("%s sends suboption %d, which its row does not name", row.key, b[0])
			}
			if other, ok := seen[b[0]]; ok {
				t.Errorf("%s and %s both send suboption %d", other, row.key, b[0])
			}
			seen[b[0]] = row.key
		}
		if n := row.most(&Interface4{Common: Common{SourcePort: 67}}); n != 0 {
			t.Errorf("%s counts %d octets where nothing asks for it", row.key, n)
		}
	}
}
