//go:build !race

package conformance

// messages is how many random messages the property test relays.
const messages = 1_500_000
