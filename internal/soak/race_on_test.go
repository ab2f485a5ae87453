//go:build race

package soak

// racing says that the race detector is on, whose own memory grows with what it has seen.
const racing = true
