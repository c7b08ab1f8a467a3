//go:build race

package relay_test

// race says that the tests run under the race detector, and the daemon too.
const race = true
