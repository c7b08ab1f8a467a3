// Package hostfile reads the interfaces and addresses of a host from a file, so
// that decisions can be tried for a host that is elsewhere or not there yet. It
// reads what it is given and looks at nothing else.
package hostfile

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"dhcp-relay/giaddr"
)

// A Host is what a file says.
type Host struct {
	Hostname string // "" if the file does not say
	Links    []giaddr.Link
	Kernel   bool // the indexes of Links are those of the host's kernel
}

// ARPHRD_ values of the kernel.
const (
	typeEthernet = 1
	typeLoopback = 772
	typeNone     = 0xfffe
)

// Parse reads a file, which errors call by name. It is either TOML with one table
// "interface" for each, or what "ip -j -d address" prints.
func Parse(name string, data []byte) (Host, error) {
	var h Host
	var err error
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if isIP(data) {
		h, err = parseIP(data)
	} else {
		h, err = parseTOML(data)
	}
	if err != nil {
		return Host{}, fmt.Errorf("%s: %w", name, err)
	}
	if len(h.Links) == 0 {
		return Host{}, fmt.Errorf("%s: there is no interface in it; write [[interface]] with a name and addresses, or the output of ip -j -d address", name)
	}
	if err := unique(h.Links); err != nil {
		return Host{}, fmt.Errorf("%s: %w", name, err)
	}
	return h, nil
}

// isIP tells the output of ip by how it begins: a header of TOML has two brackets or
// a letter where a list of objects has a brace.
func isIP(data []byte) bool {
	list, ok := bytes.CutPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("["))
	list = bytes.TrimLeft(list, " \t\r\n")
	return ok && (bytes.HasPrefix(list, []byte("{")) || bytes.HasPrefix(list, []byte("]")))
}

// unique finds names and indexes that stand for two interfaces.
func unique(links []giaddr.Link) error {
	names, indexes := make(map[string]bool), make(map[int]string)
	for i := range links {
		l := &links[i]
		if names[l.Name] {
			return fmt.Errorf("the interface %q is there twice; make one of both", l.Name)
		}
		if other, ok := indexes[l.Index]; ok {
			return fmt.Errorf("the interfaces %q and %q have the same index %d; write another", other, l.Name, l.Index)
		}
		names[l.Name], indexes[l.Index] = true, l.Name
	}
	return nil
}

// parseMAC reads a link-layer address: octets in hexadecimal, divided by colons.
func parseMAC(s string) ([]byte, error) {
	var mac []byte
	for part := range strings.SplitSeq(s, ":") {
		b, err := hex.DecodeString(part)
		if err != nil || len(b) != 1 {
			return nil, fmt.Errorf("%q is no link-layer address; write one such as \"02:00:00:00:00:01\"", s)
		}
		mac = append(mac, b[0])
	}
	return mac, nil
}

// parsePrefix reads an address with the length of its prefix.
func parsePrefix(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err == nil && !p.Addr().Is4In6() {
		return p, nil
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return p, fmt.Errorf("%q lacks the length of its prefix; write %q if that is it", s, s+map[bool]string{true: "/24", false: "/64"}[a.Is4()])
	}
	return p, fmt.Errorf("%s is no address with the length of its prefix; write one such as \"192.0.2.1/24\"", strconv.Quote(s))
}

var errNoAddresses = errors.New("there are no addresses in it; use the output of ip -j -d address")
