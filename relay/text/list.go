package text

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// Some lists the first names of many: "a, b, c and 7 more".
func Some(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + " and " + strconv.Itoa(len(names)-most) + " more"
}

// All lists names as people do: "a, b and c".
func All(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// Octets writes octets in hexadecimal with colons, as link-layer addresses are written.
func Octets(v []byte) string { return string(AppendOctets(nil, v)) }

// AppendOctets appends what Octets returns.
func AppendOctets(dst, v []byte) []byte {
	for i := range v {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = hex.AppendEncode(dst, v[i:i+1])
	}
	return dst
}
