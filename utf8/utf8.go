package utf8

import (
	"errors"
	"unicode/utf8"
)

// ErrInvalid is what [Validator.Write] returns at a byte that cannot be part of valid text. Fail the connection with close
// code 1007 (RFC 6455 §8.1).
var ErrInvalid = errors.New("utf8: invalid UTF-8")

// Valid reports whether p is valid, complete text.
func Valid(p []byte) bool {
	if len(p) < short {
		return utf8.Valid(p)
	}
	var v Validator
	_, err := v.Write(p)
	return err == nil && v.Complete()
}

// Validator validates one text that is written to it in pieces. The zero value is ready to use. It takes three bytes,
// retains nothing that it is given, and does not allocate.
type Validator struct {
	// need counts the continuation bytes which the last character still lacks: 0 between characters, failed for good.
	need uint8
	// lo and hi bound the next of them, while need is not 0.
	lo, hi uint8
}

// failed is the need that nothing satisfies.
const failed = 0xff

// Write takes the next piece of the text. It implements [io.Writer].
//
// On success it returns len(p) and nil; the text may end inside a character, see [Validator.Complete]. Otherwise it
// returns [ErrInvalid], and n says which byte is to blame: everything written so far, up to and with p[:n], begins some
// valid text, and no valid text goes on with p[n]. A caller must not deliver p[n] or what follows it. From then on
// every Write returns 0 and ErrInvalid, until [Validator.Reset].
func (v *Validator) Write(p []byte) (n int, err error) {
	if v.need == failed {
		return 0, ErrInvalid
	}
	for n < len(p) && v.need > 0 {
		if !v.step(p[n]) {
			return n, ErrInvalid
		}
		n++
	}
	rest := p[n:]
	if len(rest) < short && utf8.Valid(rest) { // as most messages are
		return len(p), nil
	}
	for n < len(p) {
		next := whole(p[n:min(len(p), n+stretch)])
		if len(next) == 0 || !valid(next) {
			break
		}
		n += len(next)
	}
	// What is left is the start of a character; or something is wrong in it, and going byte by byte tells where.
	for n < len(p) {
		if !v.step(p[n]) {
			return n, ErrInvalid
		}
		n++
	}
	return n, nil
}

// Complete reports whether the text so far is valid and does not end inside a character. A message that ends while
// Complete is false is invalid.
func (v *Validator) Complete() bool { return v.need == 0 }

// Reset makes v ready for another text.
func (v *Validator) Reset() { *v = Validator{} }

// step takes one byte and reports whether a valid text can have it here.
func (v *Validator) step(b byte) bool {
	switch {
	case v.need == 0:
		*v = after(b)
	case b < v.lo || b > v.hi:
		*v = Validator{need: failed}
	default:
		*v = Validator{need: v.need - 1, lo: 0x80, hi: 0xbf}
	}
	return v.need != failed
}

// after returns the state that follows the first byte of a character: the grammar of RFC 3629 §4, whose exceptions at
// the second byte are what keeps out overlong forms (E0, F0), surrogates (ED) and all above U+10FFFF (F4).
func after(first byte) Validator {
	switch {
	case first <= 0x7f:
		return Validator{}
	case first < 0xc2: // a continuation byte, or an overlong form of ASCII
		return Validator{need: failed}
	case first <= 0xdf:
		return Validator{need: 1, lo: 0x80, hi: 0xbf}
	case first == 0xe0:
		return Validator{need: 2, lo: 0xa0, hi: 0xbf}
	case first == 0xed:
		return Validator{need: 2, lo: 0x80, hi: 0x9f}
	case first <= 0xef:
		return Validator{need: 2, lo: 0x80, hi: 0xbf}
	case first == 0xf0:
		return Validator{need: 3, lo: 0x90, hi: 0xbf}
	case first <= 0xf3:
		return Validator{need: 3, lo: 0x80, hi: 0xbf}
	case first == 0xf4:
		return Validator{need: 3, lo: 0x80, hi: 0x8f}
	default:
		return Validator{need: failed}
	}
}

const (
	// short texts, below this many bytes, are a matter for the standard library alone.
	short = 35
	// stretch is how many bytes are validated at a time: assembly cannot be preempted, and where something is wrong, no
	// more than this is gone through again.
	stretch = 64 << 10
)

// whole returns p, which starts at a character and is not empty, without the character that it cuts off at its end.
func whole(p []byte) []byte {
	if p[len(p)-1] < 0x80 {
		return p
	}
	return p[:len(p)-cut(p)]
}

// cut returns the length of the character that p cuts off at its end, 0 if there is none.
func cut(p []byte) int {
	for n := 1; n <= min(3, len(p)); n++ {
		if b := p[len(p)-n]; b&0xc0 != 0x80 { // not a continuation byte: the last character starts here
			if int(after(b).need) >= n {
				return n
			}
			break
		}
	}
	return 0
}
