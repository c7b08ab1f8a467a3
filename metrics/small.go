//go:build small

package metrics

import (
	"net/http"

	"dhcp-relay/relay/observe/count"
)

// Metrics show nothing in a small program.
type Metrics struct{}

// New returns metrics that show nothing.
func New(string, *count.Table) *Metrics { return nil }

// SetState is told in vain.
func (*Metrics) SetState(func() State) {}

// Handler knows nothing to answer.
func (*Metrics) Handler() http.Handler { return http.NotFoundHandler() }
