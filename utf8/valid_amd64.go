//go:build !purego

package utf8

import (
	"unicode/utf8"

	"github.com/seed60239977/websocket/internal/cpu"
)

// valid reports whether p is a whole valid text.
func valid(p []byte) bool {
	if len(p) < short || !cpu.AVX2 {
		return utf8.Valid(p)
	}
	return validAVX2(p)
}

// validAVX2 is valid for a p of short bytes or more, on a processor that has AVX2.
//
//go:noescape
func validAVX2(p []byte) bool
