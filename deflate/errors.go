package deflate

import "errors"

// A CorruptError says that a message's payload is not valid by RFC 7692 and RFC 1951: it
// makes no sense, is cut short, or refers to bytes outside the agreed window. Fail the
// connection with status 1007 (RFC 6455, section 7.4.1).
type CorruptError struct {
	Reason string // what is wrong, in a few words
}

// Error says what is wrong.
func (e *CorruptError) Error() string { return "deflate: corrupt message: " + e.Reason }

var (
	errBlockType   = &CorruptError{"unknown block type"}
	errStoredLen   = &CorruptError{"length of a stored block does not match its complement"}
	errCodeCounts  = &CorruptError{"too many codes"}
	errCodeLens    = &CorruptError{"code lengths that make no code"}
	errRepeat      = &CorruptError{"repeated code length out of place"}
	errNoEnd       = &CorruptError{"no code for the end of the block"}
	errSymbol      = &CorruptError{"bits that match no code"}
	errDistance    = &CorruptError{"distance outside the window or before the first byte"}
	errMessageEnds = &CorruptError{"message is cut short"}
)

var errReleased = errors.New("deflate: decompressor was released")
