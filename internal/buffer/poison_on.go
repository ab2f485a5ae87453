//go:build race

package buffer

// poison overwrites memory that goes back to a pool, so that a test which still looks at it sees that it was wrong to.
// Only builds with the race detector pay for it.
func poison(b []byte) {
	if len(b) == 0 {
		return
	}
	b[0] = 0xDB
	for n := 1; n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}
