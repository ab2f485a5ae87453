package pmd

import "sync"

// The codes of RFC 1951 §3.2.5 and §3.2.7.
var (
	lengthBase = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31,
		35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2,
		3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distanceBase = [30]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193,
		257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distanceExtra = [30]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6,
		7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
	codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
)

const (
	maxCode   = 15
	tableBits = 10
)

// table decodes one Huffman code: codes of up to tableBits bits by a look-up,
// longer ones bit by bit along the canonical order.
type table struct {
	quick   [1 << tableBits]uint16 // symbol<<4 | length, 0 for longer codes and for none
	count   [maxCode + 1]uint16
	symbols [288]uint16
}

// build makes the table of the given code lengths. A code that is
// over-subscribed is refused; an incomplete one fails when it is used, as
// RFC 1951 allows one distance code alone.
func (t *table) build(lengths []uint8) bool {
	t.count = [maxCode + 1]uint16{}
	for _, n := range lengths {
		t.count[n]++
	}
	t.count[0] = 0
	var next, offset [maxCode + 2]uint16
	left := 1
	for n := 1; n <= maxCode; n++ {
		left = left<<1 - int(t.count[n])
		if left < 0 {
			return false
		}
		next[n+1] = (next[n] + t.count[n]) << 1
		offset[n+1] = offset[n] + t.count[n]
	}
	clear(t.quick[:])
	for sym, n := range lengths {
		if n == 0 {
			continue
		}
		t.symbols[offset[n]] = uint16(sym)
		offset[n]++
		code := next[n]
		next[n]++
		if n <= tableBits {
			step := 1 << n
			for i := int(reversed(code, n)); i < len(t.quick); i += step {
				t.quick[i] = uint16(sym)<<4 | uint16(n)
			}
		}
	}
	return true
}

// decode takes one symbol, or returns -1 when no code fits.
func (t *table) decode(b *bitReader) int {
	if e := t.quick[b.acc&(1<<tableBits-1)]; e != 0 {
		b.drop(uint(e & 15))
		return int(e >> 4)
	}
	code, first, index := 0, 0, 0
	for n := 1; n <= maxCode; n++ {
		code |= int(b.acc >> (n - 1) & 1)
		count := int(t.count[n])
		if code-first < count {
			b.drop(uint(n))
			return int(t.symbols[index+code-first])
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	// So that the end of the data is told from a wrong code.
	if b.n < maxCode {
		b.lack++
	}
	return -1
}

func reversed(code uint16, n uint8) uint16 {
	var r uint16
	for range n {
		r = r<<1 | code&1
		code >>= 1
	}
	return r
}

// fixedLengths are the code lengths of a block with fixed codes (RFC 1951
// §3.2.6).
func fixedLengths() (literal [288]uint8, distance [30]uint8) {
	for i := range literal {
		switch {
		case i < 144:
			literal[i] = 8
		case i < 256:
			literal[i] = 9
		case i < 280:
			literal[i] = 7
		default:
			literal[i] = 8
		}
	}
	for i := range distance {
		distance[i] = 5
	}
	return literal, distance
}

// fixedTables are made once: most short messages are one such block.
var fixedTables = sync.OnceValues(func() (literal, distance *table) {
	l, d := fixedLengths()
	literal, distance = new(table), new(table)
	literal.build(l[:])
	distance.build(d[:])
	return literal, distance
})

// dynamic reads the code lengths of a block (RFC 1951 §3.2.7).
func (d *Inflater) dynamic() error {
	literals, distances := int(d.bits.take(5))+257, int(d.bits.take(5))+1
	given := int(d.bits.take(4)) + 4
	if literals > 286 || distances > 30 {
		return errCorrupt
	}
	var codes [19]uint8
	for i := range given {
		codes[codeOrder[i]] = uint8(d.bits.take(3))
	}
	if !d.literal.build(codes[:]) {
		return errCorrupt
	}
	var lengths [286 + 30]uint8
	if err := d.codeLengths(lengths[:literals+distances]); err != nil {
		return err
	}
	if lengths[256] == 0 || !d.dst.build(lengths[literals:literals+distances]) || !d.literal.build(lengths[:literals]) {
		return errCorrupt
	}
	return nil
}

func (d *Inflater) codeLengths(lengths []uint8) error {
	for i := 0; i < len(lengths); {
		d.bits.refill()
		sym := d.literal.decode(&d.bits)
		var last uint8
		n := 1
		switch {
		case sym < 0:
			return d.badCode()
		case sym < 16:
			last = uint8(sym)
		case sym == 16:
			if i == 0 {
				return errCorrupt
			}
			last, n = lengths[i-1], 3+int(d.bits.take(2))
		case sym == 17:
			n = 3 + int(d.bits.take(3))
		default:
			n = 11 + int(d.bits.take(7))
		}
		if d.bits.overrun() {
			return errTruncated
		}
		if i+n > len(lengths) {
			return errCorrupt
		}
		for range n {
			lengths[i] = last
			i++
		}
	}
	return nil
}
