//go:build race

package websocket

// raceDetector is whether the race detector is on, under which sync.Pool drops what it is given at random.
const raceDetector = true
