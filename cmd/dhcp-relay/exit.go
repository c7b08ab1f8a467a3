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

// An exitError is an error with an exit status of its own.
type exitError struct {
	error
	status int
}

func (e exitError) Unwrap() error { return e.error }

// statusOf returns the exit status for an error.
func statusOf(err error) int {
	if e, ok := errors.AsType[exitError](err); ok {
		return e.status
	}
	if errors.Is(err, errBad) {
		return 2
	}
	return 1
}
