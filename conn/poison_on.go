//go:build race

package conn

// poison overwrites memory that goes back to a pool, so that a test which still looks at it sees that it was wrong to.
// Only builds with the race detector pay for it.
func poison(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}
