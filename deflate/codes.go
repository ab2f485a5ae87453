package deflate

import "math/bits"

// The alphabets of RFC 1951, section 3.2.5.
const (
	endOfBlock  = 256
	firstLength = 257 // the symbol of the first length code
	numLiteral  = 286 // literals, end of block and lengths
	numDistance = 30
	numCodeLen  = 19 // the alphabet that code lengths are written in, section 3.2.7

	minMatch = 3
	maxMatch = 258

	maxCodeBits    = 15 // literals, lengths and distances
	maxCodeLenBits = 7  // code lengths
)

// codeLenOrder is the order in which a dynamic block's header gives the lengths
// of the code length codes (RFC 1951, section 3.2.7).
var codeLenOrder = [numCodeLen]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// lengthCodes are the codes, 0 to 28, of match lengths less minMatch. Above the
// first eight, four codes share each number of extra bits.
var lengthCodes = func() (codes [maxMatch - minMatch + 1]uint8) {
	for l := range codes {
		n := bits.Len8(uint8(l))
		codes[l] = uint8(max(n-3, 0)*4 + l>>max(n-3, 0))
	}
	codes[maxMatch-minMatch] = 28 // with no extra bits, although 27 would do
	return codes
}()

// lengthExtra are the numbers of extra bits that follow length codes.
var lengthExtra = [32]uint8{8: 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5}

// lengthBase returns the shortest length of a length code.
func lengthBase(code uint8) int {
	switch {
	case code < 8:
		return minMatch + int(code)
	case code == 28:
		return maxMatch
	}
	return minMatch + (4+int(code)&3)<<lengthExtra[code]
}

// distanceCode returns the code, 0 to 29, of a distance of 1 to 32768 bytes.
// Above the first four, two codes share each number of extra bits.
func distanceCode(distance int) uint8 {
	d := uint(distance - 1)
	if d < 4 {
		return uint8(d)
	}
	n := uint(bits.Len(d)) - 1
	return uint8(2*n + d>>(n-1)&1)
}

// distanceExtra returns how many extra bits follow a distance code.
func distanceExtra(code uint8) uint {
	if code < 4 {
		return 0
	}
	return uint(code)/2 - 1
}

// distanceBase returns the shortest distance of a distance code.
func distanceBase(code uint8) int {
	if code < 4 {
		return 1 + int(code)
	}
	return 1 + (2+int(code)&1)<<distanceExtra(code)
}

// fixedLiteralLen returns the length of a symbol's code in the fixed Huffman code
// for literals and lengths (RFC 1951, section 3.2.6).
func fixedLiteralLen(symbol int) uint8 {
	switch {
	case symbol < 144:
		return 8
	case symbol < 256:
		return 9
	case symbol < 280:
		return 7
	}
	return 8
}
