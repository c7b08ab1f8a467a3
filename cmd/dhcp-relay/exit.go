package main

import (
	"errors"
	"fmt"
)

// errReported says that the reason for failing has been printed already.
var errReported = errors.New("reported")

// errBad says that a command did what it is for, and that what it has shown is
// bad. Scripts tell it from an error by the exit status.
var errBad = fmt.Errorf("%w: what was shown is bad", errReported)

// statusOf returns the exit status for an error.
func statusOf(err error) int {
	if errors.Is(err, errBad) {
		return 2
	}
	return 1
}
