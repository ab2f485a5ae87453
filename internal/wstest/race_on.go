//go:build race

package wstest

// Racing says that the race detector is on: pools forget at random then, so that nothing can be said about allocations, and
// it takes memory of its own that grows with what it has seen.
const Racing = true
