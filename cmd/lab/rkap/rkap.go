// Package rkap authenticates Reconfigure messages for the lab's DHCPv6 server
// and client: the Reconfiguration Key Authentication Protocol (RFC 9915, section
// 20.4). It must not be used for anything else: HMAC-MD5 is the RFC's choice.
package rkap

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv6"
)

// A Key is what a server and a client share.
type Key [16]byte

// The octets of option 11 (RFC 9915, sections 20.4.1 and 21.11):
//
//	protocol 3 | algorithm 1 | RDM 0 | replay detection (8) | type | key or digest (16)
const (
	infoType = 11
	infoAt   = 12
	infoEnd  = infoAt + len(Key{})

	typeKey    = 1
	typeDigest = 2
)

// Option returns the option that tells a client the key.
func Option(k Key, replay uint64) dhcpv6.Option { return option(replay, typeKey, k[:]) }

// KeyOf returns the key in a message, if there is one.
func KeyOf(m *dhcpv6.Message) (k Key, ok bool) {
	o := m.GetOneOption(dhcpv6.OptionAuth)
	if o == nil {
		return k, false
	}
	b := o.ToBytes()
	if len(b) != infoEnd || b[0] != 3 || b[1] != 1 || b[infoType] != typeKey {
		return k, false
	}
	return Key(b[infoAt:]), true
}

// Sign appends the digest to a Reconfigure.
func Sign(m *dhcpv6.Message, k Key, replay uint64) {
	m.AddOption(option(replay, typeDigest, make([]byte, len(k))))
	d := digest(m.ToBytes(), k)
	m.UpdateOption(option(replay, typeDigest, d))
}

// Verify reports whether a Reconfigure bears the right digest.
func Verify(raw []byte, k Key) bool {
	const header = 4 // of messages and options
	b := slices.Clone(raw)
	for at := header; at+header <= len(b); {
		code, n := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		at += header
		if at+n > len(b) {
			return false
		}
		if v := b[at : at+n]; dhcpv6.OptionCode(code) == dhcpv6.OptionAuth && n == infoEnd && v[infoType] == typeDigest {
			got := slices.Clone(v[infoAt:])
			clear(v[infoAt:])
			return hmac.Equal(got, digest(b, k))
		}
		at += n
	}
	return false
}

func option(replay uint64, typ byte, value []byte) dhcpv6.Option {
	b := binary.BigEndian.AppendUint64([]byte{3, 1, 0}, replay)
	return &dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionAuth, OptionData: append(append(b, typ), value...)}
}

func digest(b []byte, k Key) []byte {
	h := hmac.New(md5.New, k[:])
	_, _ = h.Write(b) // a hash never fails
	return h.Sum(nil)
}
