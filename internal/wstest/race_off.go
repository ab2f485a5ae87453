//go:build !race

package wstest

// Racing says that the race detector is on, see the other one.
const Racing = false
