package wire

import "encoding/binary"

// ValidUTF8 reports whether b is well-formed UTF-8 (RFC 3629 §4), by the
// grammar there: a lead octet fixes how many follow and the range of the first.
func ValidUTF8(b []byte) bool {
	for len(b) > 0 {
		if len(b) >= 8 && binary.LittleEndian.Uint64(b)&0x8080808080808080 == 0 {
			b = b[8:]
			continue
		}
		if b[0] < 0x80 {
			b = b[1:]
			continue
		}
		n, low, high := lead(b[0])
		if n == 0 || len(b) <= n || b[1] < low || b[1] > high {
			return false
		}
		for _, c := range b[2 : n+1] {
			if c&0xC0 != 0x80 {
				return false
			}
		}
		b = b[n+1:]
	}
	return true
}

// lead returns the number of octets that follow c and the range of the first.
func lead(c byte) (n int, low, high byte) {
	switch {
	case c >= 0xC2 && c <= 0xDF:
		return 1, 0x80, 0xBF
	case c == 0xE0:
		return 2, 0xA0, 0xBF
	case c == 0xED:
		return 2, 0x80, 0x9F
	case c >= 0xE1 && c <= 0xEF:
		return 2, 0x80, 0xBF
	case c == 0xF0:
		return 3, 0x90, 0xBF
	case c >= 0xF1 && c <= 0xF3:
		return 3, 0x80, 0xBF
	case c == 0xF4:
		return 3, 0x80, 0x8F
	}
	return 0, 0, 0
}
