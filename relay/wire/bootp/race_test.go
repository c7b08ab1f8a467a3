//go:build race

package bootp

// The race detector makes a million messages take a minute.
const raceDetector = true
