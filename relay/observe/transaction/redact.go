package transaction

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"

	"dhcp-relay/relay/text"
)

// A Redactor puts pseudonyms in the place of what identifies a client. With one
// key the same client always has the same pseudonym; without the key nobody can
// tell whose it is. A nil Redactor leaves everything as it is.
type Redactor struct{ key []byte }

// NewRedactor returns a Redactor with a key, which should be random and made
// anew at each start of the daemon.
func NewRedactor(key []byte) *Redactor { return &Redactor{append([]byte(nil), key...)} }

// Kinds of pseudonyms: what they begin with.
const (
	kindMAC     = "mac"
	kindDUID    = "duid"
	kindID      = "id"
	kindAddress = "addr"
	kindPrefix  = "prefix"
)

// of returns the pseudonym of octets, such as "mac-1a2b3c4d".
func (r *Redactor) of(kind string, octets []byte) string {
	h := hmac.New(sha256.New, r.key)
	h.Write([]byte(kind))
	h.Write(octets)
	return kind + "-" + hex.EncodeToString(h.Sum(nil)[:4])
}

// octets shows octets, with colons between them or as a pseudonym.
func (r *Redactor) octets(kind string, b []byte) string {
	switch {
	case len(b) == 0:
		return ""
	case r != nil:
		return r.of(kind, b)
	}
	return text.Octets(b)
}

// addr shows an address of a client. One that nobody in particular has stays.
func (r *Redactor) addr(a netip.Addr) string {
	a = a.WithZone("")
	switch {
	case !a.IsValid():
		return ""
	case r == nil || a.IsUnspecified() || a.IsMulticast() || a == broadcast():
		return a.String()
	}
	return r.of(kindAddress, a.AsSlice())
}

// addrPort shows the address and port of a client.
func (r *Redactor) addrPort(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	clear := netip.AddrPortFrom(a.Addr().WithZone(""), a.Port()).String()
	s := r.addr(a.Addr())
	if r == nil || s == a.Addr().String() {
		return clear
	}
	return s + clear[strings.LastIndexByte(clear, ':'):]
}

// lease shows an address or a prefix of a client.
func (r *Redactor) lease(p netip.Prefix) string {
	switch {
	case !p.IsValid():
		return ""
	case p.IsSingleIP():
		return r.addr(p.Addr())
	case r == nil:
		return p.String()
	}
	return r.of(kindPrefix, []byte(p.String()))
}

func broadcast() netip.Addr { return netip.AddrFrom4([4]byte{255, 255, 255, 255}) }
