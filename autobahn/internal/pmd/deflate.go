package pmd

import (
	"encoding/binary"
	"math/bits"
)

const (
	hashBits  = 14
	minMatch  = 4
	maxMatch  = 258
	blockSize = 1 << 15 // symbols in a block, or the run of literals that leads beyond
	// fewSymbols is where the code lengths of a block of its own cost more than
	// they save.
	fewSymbols = 120
	maxStored  = 1<<16 - 1
)

// Deflater compresses messages with back-references of at most Window bytes.
// It is greedy and quick: what matters here is that the window is kept.
type Deflater struct {
	// Window is the negotiated window in bytes, 1<<8 to 1<<15.
	Window int
	// NoTakeover starts every message without history (§7.1.1).
	NoTakeover bool

	history []byte // and, while a message is compressed, the message behind it
	base    int    // place of history[0] in all bytes ever compressed
	table   [1 << hashBits]int32
	block   block
	w       bitWriter
}

// Message compresses one message and leaves off the four bytes of RFC 7692
// §7.2.1. The result is valid until the next call.
func (d *Deflater) Message(data []byte) []byte {
	if d.NoTakeover || d.base > 1<<30 {
		d.forget()
	}
	start := len(d.history)
	buf := append(d.history, data...)
	d.w = bitWriter{out: d.w.out[:0]}
	d.compress(buf, start)
	out := d.w.sync()
	cut := max(0, len(buf)-d.Window)
	d.base += cut
	d.history = append(buf[:0], buf[cut:]...)
	return out
}

// forget drops the history; places in the table that lie before base are never
// used again.
func (d *Deflater) forget() {
	d.base += len(d.history)
	if d.base > 1<<30 {
		d.base = 0
		clear(d.table[:])
	}
	d.base++ // so that no place is the table's zero
	d.history = d.history[:0]
}

func (d *Deflater) compress(buf []byte, i int) {
	literals := i
	d.block.begin(i)
	for i+minMatch <= len(buf) {
		word := binary.LittleEndian.Uint32(buf[i:])
		slot := &d.table[word*0x9E3779B1>>(32-hashBits)]
		candidate := int(*slot) - d.base
		*slot = int32(i + d.base)
		if candidate < 0 || candidate >= i || i-candidate > d.Window || binary.LittleEndian.Uint32(buf[candidate:]) != word {
			i += 1 + (i-literals)>>7
			continue
		}
		n := matchLength(buf, candidate, i)
		d.block.add(buf[literals:i], n, i-candidate)
		i += n
		literals = i
		if d.block.symbols >= blockSize {
			d.block.write(&d.w, buf[:i])
			d.block.begin(i)
		}
	}
	d.block.add(buf[literals:], 0, 0)
	d.block.write(&d.w, buf)
}

func matchLength(buf []byte, a, b int) int {
	n, limit := minMatch, min(maxMatch, len(buf)-b)
	for n+8 <= limit {
		if x := binary.LittleEndian.Uint64(buf[a+n:]) ^ binary.LittleEndian.Uint64(buf[b+n:]); x != 0 {
			return n + bits.TrailingZeros64(x)>>3
		}
		n += 8
	}
	for n < limit && buf[a+n] == buf[b+n] {
		n++
	}
	return n
}

// block gathers what will be one block (RFC 1951 §3.2.3).
type block struct {
	from      int // place of its first byte
	sequences []sequence
	symbols   int
	extra     int // bits beside the codes
	litFreq   [286]uint32
	dstFreq   [30]uint32
}

// sequence is a run of literals and the match behind it; in the last one of a
// message the match is missing.
type sequence struct {
	literals         int32
	length, distance uint16 // the distance less 1
}

func (b *block) begin(from int) {
	b.from, b.symbols, b.extra = from, 0, 0
	b.sequences = b.sequences[:0]
	clear(b.litFreq[:])
	clear(b.dstFreq[:])
}

func (b *block) add(literals []byte, length, distance int) {
	for _, c := range literals {
		b.litFreq[c]++
	}
	b.symbols += len(literals)
	b.sequences = append(b.sequences, sequence{int32(len(literals)), uint16(length), uint16(distance - 1)})
	if length == 0 {
		return
	}
	l, s := lengthSymbol(length), distanceSymbol(distance)
	b.litFreq[257+l]++
	b.dstFreq[s]++
	b.symbols++
	b.extra += int(lengthExtra[l]) + int(distanceExtra[s])
}

// write writes the bytes of buf from the block's first one on in the way that
// fits them.
func (b *block) write(w *bitWriter, buf []byte) {
	if b.symbols == 0 {
		return
	}
	data := buf[b.from:]
	b.litFreq[256] = 1
	if b.symbols < fewSymbols {
		w.put(1<<1, 3) // BFINAL 0, BTYPE 01
		lit, dst := fixedCodes()
		w.sequences(b.sequences, data, lit, dst)
		return
	}
	var lit [286]uint8
	var dst [30]uint8
	lengthsOf(b.litFreq[:], lit[:], maxCode)
	lengthsOf(b.dstFreq[:], dst[:], maxCode)
	if b.size(lit[:], dst[:]) >= 8*len(data) {
		w.stored(data)
		return
	}
	w.put(2<<1, 3) // BFINAL 0, BTYPE 10
	w.codeLengths(lit[:], dst[:])
	w.sequences(b.sequences, data, codesOf(lit[:]), codesOf(dst[:]))
}

// size is what codes of the given lengths make of the block, in bits.
func (b *block) size(lit, dst []uint8) int {
	n := b.extra
	for s, f := range b.litFreq {
		n += int(f) * int(lit[s])
	}
	for s, f := range b.dstFreq {
		n += int(f) * int(dst[s])
	}
	return n
}

// lengthSymbol is the length code of n less 257: four codes an octave.
func lengthSymbol(n int) int {
	if n < 11 {
		return n - 3
	}
	if n == maxMatch {
		return 28
	}
	v := uint(n - 3)
	extra := bits.Len(v) - 3
	return extra*4 + int(v>>extra)
}

// distanceSymbol is the distance code of n: two codes an octave.
func distanceSymbol(n int) int {
	if n < 5 {
		return n - 1
	}
	v := uint(n - 1)
	extra := bits.Len(v) - 2
	return extra*2 + int(v>>extra)
}
