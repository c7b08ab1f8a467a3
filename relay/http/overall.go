//go:build !small

package http

import (
	"strconv"
	"strings"

	"dhcp-relay/relay/observe/status"
)

// An overall is how the relay does, to be seen from afar: by colour, sign and words.
type overall struct{ Tone, Mark, Text string }

// overallOf sums up findings.
func overallOf(fs []status.Finding) overall {
	var errors, warnings, notes int
	for i := range fs {
		switch fs[i].Severity {
		case status.Error:
			errors++
		case status.Warn:
			warnings++
		case status.Info:
			notes++
		}
	}
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{errors, "error"}, {warnings, "warning"}, {notes, "note"}} {
		switch {
		case p.n == 1:
			parts = append(parts, "1 "+p.what)
		case p.n > 1:
			parts = append(parts, strconv.Itoa(p.n)+" "+p.what+"s")
		}
	}
	said := strings.Join(parts, ", ")
	switch {
	case errors > 0:
		return overall{toneBad, "✗", "Something does not work: " + said}
	case warnings > 0:
		return overall{toneWarn, "!", "It works, with " + said}
	case notes > 0:
		return overall{toneOK, "✓", "All is well, with " + said}
	}
	return overall{toneOK, "✓", "All is well"}
}
