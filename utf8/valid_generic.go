//go:build purego || !(amd64 || arm64)

package utf8

import "unicode/utf8"

// valid reports whether p is a whole valid text.
func valid(p []byte) bool { return utf8.Valid(p) }
