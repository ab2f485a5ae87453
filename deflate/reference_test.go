package deflate

import (
	"errors"
	"slices"
)

// A reference is an inflater that is as plain as RFC 1951 and RFC 7692 can be put:
// bit by bit, with maps for codes and all history in one slice. It shares nothing
// with the package but the constants of its own alphabets below.
type reference struct {
	window   int
	takeover bool

	history  []byte
	farthest int  // the largest distance that occurred
	sawFinal bool // a block with BFINAL set has ended

	bits []byte // one bit each
	at   int
	out  []byte // history and what came out of the message
}

var errReference = errors.New("reference: corrupt")

var (
	referenceLengthBase  = []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	referenceLengthExtra = []int{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	referenceDistBase    = []int{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	referenceDistExtra   = []int{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
	referenceOrder       = []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
)

type referenceCode struct{ length, bits int }

// message decodes the payload of one message.
func (r *reference) message(payload []byte) (message []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			if p != errReference {
				panic(p)
			}
			err = errReference
		}
	}()
	r.bits, r.at = r.bits[:0], 0
	for _, b := range append(slices.Clone(payload), 0x00, 0x00, 0xff, 0xff) {
		for i := range 8 {
			r.bits = append(r.bits, b>>i&1)
		}
	}
	r.out = slices.Clone(r.history)
	end := len(payload) * 8
	for final := false; r.at < len(r.bits) && !(final && r.at == end); {
		final = r.block()
		r.sawFinal = r.sawFinal || final
	}
	message = r.out[len(r.history):]
	if r.takeover {
		r.history = r.out[max(0, len(r.out)-1<<15):]
	}
	return message, nil
}

func (r *reference) check(ok bool) {
	if !ok {
		panic(errReference)
	}
}

func (r *reference) take(n int) int {
	r.check(r.at+n <= len(r.bits))
	v := 0
	for i, b := range r.bits[r.at : r.at+n] {
		v |= int(b) << i
	}
	r.at += n
	return v
}

func (r *reference) align() { r.at = (r.at + 7) / 8 * 8 }

func (r *reference) block() (final bool) {
	final = r.take(1) == 1
	switch r.take(2) {
	case 0:
		r.align()
		n := r.take(16)
		r.check(r.take(16) == n^0xffff)
		for range n {
			r.out = append(r.out, byte(r.take(8)))
		}
	case 1:
		lens := make([]int, 288)
		for i := range lens {
			lens[i] = map[bool]int{true: 8}[i < 144 || i >= 280] + map[bool]int{true: 9}[i >= 144 && i < 256] + map[bool]int{true: 7}[i >= 256 && i < 280]
		}
		r.symbols(r.codes(lens), r.codes(slices.Repeat([]int{5}, 32)))
	case 2:
		r.symbols(r.dynamic())
	default:
		r.check(false)
	}
	if final {
		r.align()
	}
	return final
}

func (r *reference) dynamic() (literal, distance map[referenceCode]int) {
	literals, distances, n := r.take(5)+257, r.take(5)+1, r.take(4)+4
	r.check(literals <= 286 && distances <= 30)
	codeLens := make([]int, 19)
	for _, s := range referenceOrder[:n] {
		codeLens[s] = r.take(3)
	}
	codes := r.codes(codeLens)
	var lens []int
	for len(lens) < literals+distances {
		switch s := r.symbol(codes); s {
		case 16:
			r.check(len(lens) > 0)
			lens = append(lens, slices.Repeat(lens[len(lens)-1:], 3+r.take(2))...)
		case 17:
			lens = append(lens, make([]int, 3+r.take(3))...)
		case 18:
			lens = append(lens, make([]int, 11+r.take(7))...)
		default:
			lens = append(lens, s)
		}
	}
	r.check(len(lens) == literals+distances && lens[256] != 0)
	return r.codes(lens[:literals]), r.codes(lens[literals:])
}

// codes gives out canonical codes. They have to be complete, or none, or one of one bit.
func (r *reference) codes(lens []int) map[referenceCode]int {
	codes := map[referenceCode]int{}
	code := 0
	for l := 1; l <= 15; l++ {
		for s, sl := range lens {
			if sl == l {
				r.check(code < 1<<l)
				codes[referenceCode{l, code}] = s
				code++
			}
		}
		code <<= 1
	}
	_, one := codes[referenceCode{1, 0}]
	r.check(code == 1<<16 || len(codes) == 0 || len(codes) == 1 && one)
	return codes
}

func (r *reference) symbol(codes map[referenceCode]int) int {
	code := 0
	for l := 1; l <= 15; l++ {
		code = code<<1 | r.take(1)
		if s, ok := codes[referenceCode{l, code}]; ok {
			return s
		}
	}
	panic(errReference)
}

func (r *reference) symbols(literal, distance map[referenceCode]int) {
	for {
		s := r.symbol(literal)
		if s < 256 {
			r.out = append(r.out, byte(s))
			continue
		}
		if s == 256 {
			return
		}
		r.check(s < 286)
		length := referenceLengthBase[s-257] + r.take(referenceLengthExtra[s-257])
		d := r.symbol(distance)
		r.check(d < 30)
		back := referenceDistBase[d] + r.take(referenceDistExtra[d])
		r.check(back <= r.window && back <= len(r.out))
		r.farthest = max(r.farthest, back)
		for range length {
			r.out = append(r.out, r.out[len(r.out)-back])
		}
	}
}
