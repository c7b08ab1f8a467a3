//go:build small

package http

import "net/http"

// pages adds none: a small program has no status page.
func (Relay) pages(*http.ServeMux, func(string, http.HandlerFunc), *places) {}
