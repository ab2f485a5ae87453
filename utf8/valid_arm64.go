//go:build !purego

package utf8

import "unicode/utf8"

// valid reports whether p is a whole valid text.
func valid(p []byte) bool {
	if len(p) < short {
		return utf8.Valid(p)
	}
	return validNEON(p)
}

// validNEON is valid for a p of short bytes or more. Every arm64 processor has what it needs.
//
//go:noescape
func validNEON(p []byte) bool
