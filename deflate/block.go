package deflate

import (
	"encoding/binary"
)

const (
	maxBlock     = 60 << 10 // bytes of input in a block: below the 65535 of a stored one, and of a uint16 count
	maxSequences = 4096     // matches in a block

	// literalCodeBits is the longest code for a literal or length that blocks use: of 14
	// bits four fit between flushes, which is faster and costs nothing to speak of.
	literalCodeBits = maxCodeBits - 1
)

// A sequence is a run of literals and the match that follows it.
type sequence struct {
	literals, length, distance uint16
	lengthCode, distanceCode   uint8
}

// A block is what goes into one DEFLATE block, with the working memory to write it.
type block struct {
	n         int // sequences in use
	sequences [maxSequences]sequence

	codes
	header
	sorter

	form form
	size int // in bits, but for what a stored block takes
}

// A form is a way to write a block.
type form uint8

const (
	formStored form = iota // without compression
	formFixed              // with the fixed codes
	formOwn                // with codes of its own
)

// reset empties the block.
func (b *block) reset() {
	b.n = 0
	clear(b.literal.freq[:])
	clear(b.distance.freq[:numDistance])
}

// count counts literals.
func (b *block) count(literals []byte) {
	for _, c := range literals {
		b.literal.freq[c]++
	}
}

// add appends a match and the literals before it, which are counted already.
func (b *block) add(literals, length, distance int) {
	lc, dc := lengthCodes[length-minMatch], distanceCode(distance)
	b.literal.freq[firstLength+int(lc)]++
	b.distance.freq[dc]++
	b.sequences[b.n] = sequence{uint16(literals), uint16(length), uint16(distance), lc, dc}
	b.n++
}

// choose sees in which form the block, which stands for n bytes, is the smallest.
func (b *block) choose(n int) {
	b.literal.freq[endOfBlock] = 1
	extra := b.extraBits()
	b.form, b.size = formFixed, extra+b.fixedCost()
	if n >= dynamicFrom {
		b.literal.build(&b.sorter, numLiteral, literalCodeBits)
		b.distance.build(&b.sorter, numDistance, maxCodeBits)
		b.header.runs(b)
		b.header.code.build(&b.sorter, numCodeLen, maxCodeLenBits)
		if own := extra + b.header.cost() + b.literal.cost() + b.distance.cost(); own < b.size {
			b.form, b.size = formOwn, own
		}
	}
	if (n+4)*8 < b.size {
		b.form = formStored
	}
}

// open writes what a block begins with in the form that was chosen. It returns the codes
// for its sequences, or nil if it is to be stored.
func (b *block) open(w *bitWriter) *codes {
	switch b.form {
	case formFixed:
		w.put(0b010, 3)
		w.flush()
		return encodeFixed()
	case formOwn:
		w.put(0b100, 3)
		b.header.write(w)
		b.literal.assign()
		b.distance.assign()
		return &b.codes
	}
	return nil
}

// dynamicFrom is the size of input from which a code of the block's own is
// considered: below it cannot pay for its header.
const dynamicFrom = 64

// extraBits counts the bits that follow codes and do not depend on them.
func (b *block) extraBits() int {
	n := 0
	for i, f := range b.literal.freq[firstLength:] {
		n += int(f) * int(lengthExtra[i])
	}
	for i, f := range b.distance.freq[:numDistance] {
		n += int(f) * int(distanceExtra(uint8(i)))
	}
	return n
}

// fixedCost counts the bits that the symbols take in the fixed codes.
func (b *block) fixedCost() int {
	n := 0
	for i, f := range b.literal.freq[:] { // without the colon, of a copy
		n += int(f) * int(fixedLiteralLen(i))
	}
	for _, f := range b.distance.freq[:numDistance] {
		n += int(f) * 5
	}
	return n
}

// literals writes a run of literals, four codes of at most 14 bits at a time.
func literals(dst []byte, at int, acc uint64, n uint, run []byte, codes *[numLiteral]code) (int, uint64, uint) {
	for ; len(run) >= 4; run = run[4:] {
		acc, n = add(acc, n, codes[run[0]])
		acc, n = add(acc, n, codes[run[1]])
		acc, n = add(acc, n, codes[run[2]])
		acc, n = add(acc, n, codes[run[3]])
		at, acc, n = spill(dst, at, acc, n)
	}
	if len(run) == 0 {
		return at, acc, n
	}
	for _, c := range run {
		acc, n = add(acc, n, codes[c])
	}
	return spill(dst, at, acc, n)
}

// add, addLow and spill are put and flush of a bitWriter whose fields the compiler
// can keep in registers.
func add(acc uint64, n uint, c code) (uint64, uint) { return acc | c.bits()<<(n&63), n + c.len() }

func addLow(acc uint64, n, v, bits uint) (uint64, uint) {
	return acc | uint64(v&(1<<(bits&63)-1))<<(n&63), n + bits
}

func spill(dst []byte, at int, acc uint64, n uint) (int, uint64, uint) {
	binary.LittleEndian.PutUint64(dst[at:at+8], acc)
	return at + int(n>>3), acc >> (n &^ 7 & 63), n & 7
}
