package api

import "strings"

// An Endpoint is an address and a port, such as "10.9.0.2:67" or "[2001:db8::1]:547".
type Endpoint string

// String names it for people, without a port of the protocol's own.
func (e Endpoint) String() string {
	for _, port := range []string{":67", ":68", ":546", ":547"} {
		if h, ok := strings.CutSuffix(string(e), port); ok {
			return strings.Trim(h, "[]")
		}
	}
	return string(e)
}

// Endpoints names some for people.
func Endpoints(es []Endpoint) []string {
	out := make([]string, len(es))
	for i, e := range es {
		out[i] = e.String()
	}
	return out
}
