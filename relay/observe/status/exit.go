package status

import (
	"fmt"
	"slices"
	"strings"
)

// A FailOn says which findings show in an exit status. It is a pflag.Value.
type FailOn string

// The settings.
const (
	FailOnWarn  FailOn = "warn"  // as monitoring plugins have it
	FailOnError FailOn = "error" //
	FailOnNever FailOn = "never" //
)

// Names lists the settings.
func (FailOn) Names() []string {
	return []string{string(FailOnWarn), string(FailOnError), string(FailOnNever)}
}

// String returns the setting.
func (f FailOn) String() string { return string(f) }

// Type says what the setting is, in help.
func (FailOn) Type() string { return "severity" }

// Set takes one of Names.
func (f *FailOn) Set(s string) error {
	if !slices.Contains(f.Names(), s) {
		return fmt.Errorf("write %s", strings.Join(f.Names(), ", "))
	}
	*f = FailOn(s)
	return nil
}

// Unknown returns the exit status if the daemon cannot be asked.
func (f FailOn) Unknown() int {
	if f == FailOnWarn {
		return 3
	}
	return 1
}

// Exit returns the exit status for the findings of a report.
func (r *Report) Exit(f FailOn) int {
	worst := func(s Severity) bool {
		return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity == s })
	}
	switch {
	case f == FailOnNever:
	case worst(Error):
		return 2
	case f == FailOnWarn && worst(Warn):
		return 1
	}
	return 0
}
