//go:build !small

package metrics

import (
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// pair returns a label that many series share, so that a scrape does not build
// it for each.
func pair(name, value string) *dto.LabelPair {
	p := &struct {
		label       dto.LabelPair
		name, value string
	}{name: name, value: value} // one allocation
	p.label.Name, p.label.Value = &p.name, &p.value
	return &p.label
}

// text returns s as a label may hold it: UTF-8 only, for one bad label would cost
// the whole scrape.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
