//go:build race

package conn_test

// racing: with the race detector pools forget at random, so that nothing can be said about allocations.
const racing = true
