// Package duid knows the one name that this relay agent has: a DUID, given by
// the operator or made once and kept on disk. It is for the Relay-ID options
// (RFC 5460, section 5.4.1; RFC 6925) and interprets no DUID of anyone else.
package duid

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"

	"dhcp-relay/relay/text"
)

// A DUID is a DHCP Unique Identifier: a type of 2 octets and 1 to 128 octets of
// identifier (RFC 8415, section 11.1). The zero value is none.
//
// Types 1 to 4 have formats of their own, but no one may rely on these: a relay
// agent that takes another's place must be able to take any name that was in
// use.
type DUID []byte

// Sizes of a DUID in octets, with its type.
const (
	minLen = 2 + 1
	MaxLen = 2 + 128
)

// New returns a new DUID of random octets, a DUID-UUID (RFC 8415, section 11.5;
// RFC 6355) with a UUID of version 4. Unlike a DUID-LLT it needs neither an
// interface, which may be replaced, nor a clock, which a router may lack at
// boot.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|         DUID-Type (4)         |        UUID (128 bits)        |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+                               |
//	|                                                               |
//	|                                                               |
//	|                                -+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                                |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
func New() DUID {
	d := make(DUID, 2+16)
	d[1] = 4
	uuid := d[2:]
	_, _ = rand.Read(uuid) // never fails: it ends the program instead
	uuid[6] = uuid[6]&0x0f | 0x40
	uuid[8] = uuid[8]&0x3f | 0x80
	return d
}

// Parse reads a DUID as people write it: octets of two hexadecimal digits, in
// either case, all separated by colons, all by hyphens, or not separated.
func Parse(s string) (DUID, error) {
	digits, err := join(s)
	if err != nil {
		return nil, err
	}
	d, err := hex.DecodeString(digits)
	if err != nil {
		return nil, fmt.Errorf("DUID %.80q: %w; write octets as 00:04:5e", s, err)
	}
	if len(d) < minLen || len(d) > MaxLen {
		return nil, fmt.Errorf("DUID %.80q has %d octets, not %d to %d with its type", s, len(d), minLen, MaxLen)
	}
	return d, nil
}

// join returns the digits of s without separators.
func join(s string) (string, error) {
	i := strings.IndexAny(s, ":-")
	if i < 0 {
		return s, nil
	}
	octets := strings.Split(s, s[i:i+1])
	for _, o := range octets {
		if len(o) != 2 {
			return "", fmt.Errorf("DUID %.80q: %.10q is no octet of two digits", s, o)
		}
	}
	return strings.Join(octets, ""), nil
}

// String returns the octets in hexadecimal, separated by colons.
func (d DUID) String() string { return text.Octets(d) }
