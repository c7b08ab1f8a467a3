//go:build race

package conformance

// messages is how many random messages the property test relays: fewer where
// the race detector makes each one slow.
const messages = 60_000
