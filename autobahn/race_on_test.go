//go:build race

package autobahn_test

// raceDetector is whether the race detector is on, which makes the groups 9, 12 and 13 take ten times as long.
const raceDetector = true
