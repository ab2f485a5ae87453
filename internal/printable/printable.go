// Package printable keeps what a peer has said from writing lines of its own into a log.
package printable

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Line returns s as one line of printable text: s itself if it is that, and otherwise quoted as in Go.
func Line(s string) string {
	unprintable := func(r rune) bool { return !strconv.IsPrint(r) }
	if utf8.ValidString(s) && strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	return strconv.Quote(s)
}
