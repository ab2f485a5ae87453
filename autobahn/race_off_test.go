//go:build !race

package autobahn_test

const raceDetector = false
