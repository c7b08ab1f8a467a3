//go:build !race

package bootp

const raceDetector = false
