package expect

import (
	"fmt"
	"strings"
)

// Dump writes a message for people: the fields that a relay looks at, then the
// octets of the options field. Zero octets at the end are counted.
func Dump(b []byte) string {
	if len(b) < cookieAt {
		return fmt.Sprintf("%d octets: % x", len(b), b)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%d octets: op %d htype %d hlen %d hops %d xid % x secs % x flags % x ci % d yi % d si % d gi % d ch % x",
		len(b), b[0], b[1], b[2], b[3], b[4:8], b[8:10], b[10:12], b[12:16], b[16:20], b[20:24], b[24:28], b[28:44])
	names, options := b[44:cookieAt], b[cookieAt:]
	if t := len(names) - zeros(names); t > 0 {
		fmt.Fprintf(&s, " sname+file % x", names[:t])
	}
	n := zeros(options)
	fmt.Fprintf(&s, " options % x", options[:len(options)-n])
	if n > 0 {
		fmt.Fprintf(&s, " and %d zero octets", n)
	}
	return s.String()
}

// zeros counts the zero octets at the end.
func zeros(b []byte) (n int) {
	for n < len(b) && b[len(b)-1-n] == 0 {
		n++
	}
	return n
}
