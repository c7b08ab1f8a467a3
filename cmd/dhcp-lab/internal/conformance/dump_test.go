package conformance

import (
	"fmt"
	"strings"
)

// dump writes a message for people: the fields that a relay looks at, then the
// octets of the options field.
func dump(b []byte) string {
	if len(b) < 236 {
		return fmt.Sprintf("%d octets: % x", len(b), b)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%d octets: op %d htype %d hlen %d hops %d xid % x secs % x flags % x ci % d yi % d si % d gi % d ch % x",
		len(b), b[0], b[1], b[2], b[3], b[4:8], b[8:10], b[10:12], b[12:16], b[16:20], b[20:24], b[24:28], b[28:44])
	if t := trim(b[44:236]); len(t) > 0 {
		fmt.Fprintf(&s, " sname+file % x", t)
	}
	fmt.Fprintf(&s, " options % x", trim(b[236:]))
	return s.String()
}
