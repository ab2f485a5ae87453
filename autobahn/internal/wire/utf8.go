package wire

import "encoding/binary"

// ValidUTF8 reports whether b is well-formed UTF-8.
func ValidUTF8(b []byte) bool {
	var u UTF8
	return u.Add(b) && u.Complete()
}

// UTF8 checks text that comes in parts, by the grammar of RFC 3629 §4: a lead
// byte fixes how many follow and the range of the first. The zero value is ready
// for use.
type UTF8 struct {
	wrong     bool // for good
	need      int  // bytes that the character under way lacks
	low, high byte // the range of the next of them
}

// Add takes a part. It returns false when the text has gone wrong, now or
// earlier; an empty part is never wrong.
func (u *UTF8) Add(part []byte) bool {
	for len(part) > 0 {
		if u.need == 0 && !u.wrong && len(part) >= 8 && binary.LittleEndian.Uint64(part)&0x8080808080808080 == 0 {
			part = part[8:]
			continue
		}
		if u.next(part[0]); u.wrong {
			return false
		}
		part = part[1:]
	}
	return true
}

// Complete reports whether the text so far is right, and ends with a character.
func (u *UTF8) Complete() bool { return !u.wrong && u.need == 0 }

func (u *UTF8) next(c byte) {
	switch {
	case u.wrong:
	case u.need > 0:
		u.wrong = c < u.low || c > u.high
		u.need--
		u.low, u.high = 0x80, 0xBF
	case c >= 0x80:
		u.need, u.low, u.high = lead(c)
		u.wrong = u.need == 0
	}
}

// lead returns the number of bytes that follow c and the range of the first.
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
