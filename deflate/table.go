package deflate

import (
	"math/bits"
	"sync"
)

// Huffman codes are decoded by table: the next tableBits bits of input select an
// entry, and a code that is longer leads from there to a subtable for the rest.
const (
	literalTableBits  = 10
	distanceTableBits = 8
	codeLenTableBits  = 7

	// The most entries that complete codes need with their subtables; the figures are
	// those of zlib's tool "enough" for (288, 10, 15) and (32, 8, 15).
	literalTableSize  = 1334
	distanceTableSize = 402
)

// An entry is what a code stands for:
//
//	bits 0-7    how many bits to take from the input, extra bits included
//	bits 8-11   how many of them are the code
//	bits 16-30  the literal, the base of a length or distance, the symbol of the code
//	            length alphabet, or the place of a subtable
//	bit 31      it is a literal
//	bit 15      it is none of literal, length and distance but
//	bit 14      the end of the block, or
//	bit 13      a link to a subtable, which takes as many bits as bits 8-11 say,
//	            or else no code at all
type entry uint32

const (
	entryLiteral entry = 1 << 31
	entrySpecial entry = 1 << 15
	entryEnd     entry = 1 << 14
	entryLink    entry = 1 << 13
)

func (e entry) take() uint  { return uint(e & 0xff) }
func (e entry) value() int  { return int(e >> 16 & 0x7fff) }
func (e entry) short() uint { return uint(e >> 8 & 15) }

// plus returns the value with the extra bits, which follow the code in acc.
func (e entry) plus(acc uint64) int {
	return e.value() + int(acc&(1<<(e&63)-1)>>e.short())
}

// literalEntry, distanceEntry and codeLenEntry return a symbol's entry but for the
// bits of its code.
func literalEntry(symbol int) entry {
	switch {
	case symbol < endOfBlock:
		return entryLiteral | entry(symbol)<<16
	case symbol == endOfBlock:
		return entrySpecial | entryEnd
	case symbol < numLiteral:
		c := uint8(symbol - firstLength)
		return entry(lengthBase(c))<<16 | entry(lengthExtra[c])
	}
	return entrySpecial
}

func distanceEntry(symbol int) entry {
	if symbol < numDistance {
		return entry(distanceBase(uint8(symbol)))<<16 | entry(distanceExtra(uint8(symbol)))
	}
	return entrySpecial
}

func codeLenEntry(symbol int) entry { return entry(symbol) << 16 }

// An alphabet is what the symbols of a code stand for.
type alphabet struct {
	entries   []entry // one for each symbol, but for the bits of its code
	tableBits int
}

// The alphabets have all symbols that are in the fixed codes.
var (
	literalAlphabet  = newAlphabet(288, literalEntry, literalTableBits)
	distanceAlphabet = newAlphabet(32, distanceEntry, distanceTableBits)
	codeLenAlphabet  = newAlphabet(numCodeLen, codeLenEntry, codeLenTableBits)
)

func newAlphabet(size int, entryOf func(symbol int) entry, tableBits int) alphabet {
	a := alphabet{make([]entry, size), tableBits}
	for symbol := range a.entries {
		a.entries[symbol] = entryOf(symbol)
	}
	return a
}

// A tableBuilder builds one table after the other. What its methods work on is here
// rather than in arguments, so that they need little stack: a goroutine that waits for
// messages begins with 2 KiB, and keeps what it has needed once.
type tableBuilder struct {
	*alphabet
	table []entry
	lens  []uint8

	count, start [maxCodeBits + 2]uint16 // of each length: how many symbols, and where in sorted
	sorted       [288]uint16             // the symbols that have a code, in order of their codes
	longest      int                     // the length of the longest code
}

// build fills in the table, whose first 1<<tableBits entries are the main table, for
// the canonical code with the given lengths (RFC 1951, section 3.2.2). It reports
// whether they are those of a code: one that is complete, or, as other decoders
// have it, that has no symbol or a single one of one bit.
func (t *tableBuilder) build(a *alphabet, table []entry, lens []uint8) bool {
	t.alphabet, t.table, t.lens = a, table, lens
	return t.run()
}

// run is build after its arguments have found their place.
func (t *tableBuilder) run() bool {
	if !t.sort() {
		return false
	}
	next, code := t.mainTable()
	if t.longest > t.tableBits {
		t.subtables(next, code)
	}
	return true
}

// sort puts the symbols in order: by length, then by symbol. It reports whether the
// lengths make a code.
func (t *tableBuilder) sort() bool {
	clear(t.count[:])
	for _, l := range t.lens {
		t.count[l]++
	}
	left := 1 // codes of the length at hand that are free
	t.count[0], t.longest = 0, 0
	for l := 1; l <= maxCodeBits; l++ {
		if t.count[l] != 0 {
			t.longest = l
		}
		left = 2*left - int(t.count[l])
		if left < 0 {
			return false
		}
		t.start[l+1] = t.start[l] + t.count[l]
	}
	if left != 0 && !(t.longest == 0 || t.longest == 1 && t.count[1] == 1) {
		return false
	}
	at := t.start
	for symbol, l := range t.lens {
		if l != 0 {
			t.sorted[at[l]] = uint16(symbol)
			at[l]++
		}
	}
	return true
}

// mainTable fills in the main table. What it returns is for subtables: the first
// symbol in sorted whose code is too long for it, and that code as the RFC writes it,
// first bit highest.
func (t *tableBuilder) mainTable() (next int, code uint16) {
	table, entries := t.table[:1<<t.tableBits], t.entries
	size := 1           // the table has grown to size entries
	if t.longest <= 1 { // maybe incomplete: what is not filled in below is no code
		table[0], table[1] = entrySpecial|1, entrySpecial|1
		size = 2
	}
	for l := 1; l <= min(t.longest, t.tableBits); l++ {
		for ; size < 1<<l; size *= 2 {
			copy(table[size:2*size], table[:size])
		}
		for range t.count[l] {
			table[bits.Reverse16(code)>>(16-l)] = entries[t.sorted[next]] + entry(l)<<8 + entry(l)
			next++
			code++
		}
		code <<= 1
	}
	for ; size < len(table); size *= 2 {
		copy(table[size:2*size], table[:size])
	}
	return next, code
}

// subtables adds subtables for the symbols from next on, of which the first has the
// code that is given.
func (t *tableBuilder) subtables(next int, code uint16) {
	tableBits := t.tableBits
	end := 1 << tableBits // of the table so far
	var sub []entry
	prefix := -1
	l := tableBits + 1
	left := t.count[l]
	for _, symbol := range t.sorted[next:t.start[maxCodeBits+1]] {
		for left == 0 {
			l++
			left = t.count[l]
			code <<= 1
		}
		reversed := int(bits.Reverse16(code) >> (16 - l))
		if p := reversed & (1<<tableBits - 1); p != prefix {
			prefix = p
			subBits := t.subtableBits(l, int(left))
			sub = t.table[end : end+1<<subBits]
			t.table[p] = entrySpecial | entryLink | entry(end)<<16 | entry(subBits)<<8 | entry(tableBits)
			end += 1 << subBits
		}
		e := t.entries[symbol] + entry(l)<<8 + entry(l)
		for i := reversed >> tableBits; i < len(sub); i += 1 << (l - tableBits) {
			sub[i] = e
		}
		code++
		left--
	}
}

// subtableBits returns the bits of the subtable whose first code has l bits, of which
// there are left more: enough for the codes that follow to fill it.
func (t *tableBuilder) subtableBits(l, left int) int {
	n := l - t.tableBits
	room := 1<<n - left
	for room > 0 && n+t.tableBits < t.longest {
		n++
		room = 2*room - int(t.count[n+t.tableBits])
	}
	return n
}

// tables are those of a block.
type tables struct {
	literal  [literalTableSize]entry
	distance [distanceTableSize]entry
}

// decodeFixed are the tables of the fixed codes (RFC 1951, section 3.2.6).
var decodeFixed = sync.OnceValue(func() *tables {
	var f tables
	var t tableBuilder
	var lens [288]uint8
	for i := range lens {
		lens[i] = fixedLiteralLen(i)
	}
	t.build(&literalAlphabet, f.literal[:], lens[:])
	for i := range 32 {
		lens[i] = 5
	}
	t.build(&distanceAlphabet, f.distance[:], lens[:32])
	return &f
})
