package utf8

import (
	"bytes"
	"testing"
	stdlib "unicode/utf8"

	"github.com/stretchr/testify/require"
)

// bytewise is the slow answer: RFC 3629's grammar, a byte at a time.
func bytewise(p []byte) bool {
	var v Validator
	for _, b := range p {
		if !v.step(b) {
			return false
		}
	}
	return v.Complete()
}

// FuzzValid holds the fast answer equal to the standard library's and to the grammar's, with the text anywhere in a
// longer one and at any address.
func FuzzValid(f *testing.F) {
	f.Add([]byte("κόσμε"), []byte("a"), uint8(40), uint8(0))
	f.Add([]byte("\xed\xa0\x80"), []byte("世"), uint8(90), uint8(3))
	f.Fuzz(func(t *testing.T, text, filler []byte, before, after uint8) {
		whole := bytes.Repeat(filler, int(before))
		whole = append(whole, text...)
		whole = append(whole, bytes.Repeat(filler, int(after))...)
		for skip := range min(4, len(whole)) { // other addresses, and beginnings inside a character
			p := whole[skip:]
			want := stdlib.Valid(p)
			require.Equal(t, want, bytewise(p), "by the grammar: %q", p)
			require.Equal(t, want, valid(p), "%q", p)
			require.Equal(t, want, Valid(p), "%q", p)
		}
	})
}
