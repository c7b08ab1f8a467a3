package status

import (
	"net/netip"
	"strings"
	"testing"

	"dhcp-relay/relay/observe/count"
)

// Status says which server of a group is asked, and which does not answer, or late.
func TestGroups(t *testing.T) {
	t.Parallel()
	at := func(s string) count.ServerID { return count.ServerID{Addr: netip.MustParseAddrPort(s)} }
	r := Report{Groups: groupsOf([]count.GroupServer{
		{Group: "campus", Mode: "failover", Server: at("10.9.0.2:67"), Down: true},
		{Group: "campus", Mode: "failover", Server: at("10.9.0.3:67"), Active: true},
		{Group: "campus", Mode: "failover", Server: at("10.9.0.4:1067"), Late: true},
		{Group: "campus", Mode: "failover", Server: at("[2001:db8::2]:547"), Active: true},
	})}
	var b strings.Builder
	r.writeGroups(&b)
	const want = `
GROUP   FAMILY  MODE      ASKED         NOT ASKED  ANSWERS LATE   DOES NOT ANSWER
campus  IPv4    failover  10.9.0.3      -          10.9.0.4:1067  10.9.0.2
campus  IPv6    failover  2001:db8::2   -          -              -
`
	if got := strings.ReplaceAll(b.String(), " ", ""); got != strings.ReplaceAll(want, " ", "") {
		t.Errorf("got %s\nwant %s", b.String(), want)
	}
}
