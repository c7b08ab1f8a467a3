//go:build race

package dhcp6

// raced says that the race detector slows this test binary down.
const raced = true
