package explain

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"dhcp-relay/relay/wire/dhcp6"
)

// parseMAC reads a link-layer address: 6 octets in hexadecimal, divided by
// colons or hyphens.
func parseMAC(s string) ([]byte, error) {
	b, err := hexOctets(s)
	if err != nil || len(b) != 6 || strings.ContainsAny(s, " ") {
		return nil, fmt.Errorf("%q is no hardware address; write one such as 02:00:00:00:00:01", s)
	}
	return b, nil
}

// hexOctets reads octets in hexadecimal, which may be divided by colons or
// hyphens.
func hexOctets(s string) ([]byte, error) {
	return hex.DecodeString(strings.NewReplacer(":", "", "-", "").Replace(s))
}

// parseOption reads an option as CODE=TEXT or CODE=hex:OCTETS.
func parseOption(s string, v6 bool) (code int, value []byte, err error) {
	number, text, ok := strings.Cut(s, "=")
	last, most := uint64(254), 255
	if v6 {
		last, most = 65535, dhcp6.MaxOption
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if !ok || err != nil || n < 1 || n > last {
		return 0, nil, fmt.Errorf("%q is no option; write its number from 1 to %d and its value, such as 60=PXEClient or 82=hex:0104766c616e", s, last)
	}
	value = []byte(text)
	if octets, isHex := strings.CutPrefix(text, "hex:"); isHex {
		if value, err = hexOctets(octets); err != nil {
			return 0, nil, fmt.Errorf("%q: after hex: there are two hexadecimal digits for each octet, such as %d=hex:00ff", s, n)
		}
	}
	if len(value) > most {
		return 0, nil, fmt.Errorf("option %d has %d octets; it can have %d", n, len(value), most)
	}
	return int(n), value, nil
}
