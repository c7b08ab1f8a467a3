//go:build !race

package agent

// raced says that the race detector slows this test binary down.
const raced = false
