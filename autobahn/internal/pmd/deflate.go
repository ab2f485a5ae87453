package pmd

import (
	"encoding/binary"
	"math/bits"
)

const (
	hashBits  = 14
	minMatch  = 4
	maxMatch  = 258
	blockSize = 1 << 15 // tokens in a block
	// fewTokens is where the code lengths of a block of its own cost more than
	// they save.
	fewTokens = 120
)

// Deflater compresses messages with back-references of at most Window octets.
// It is greedy and quick: what matters here is that the window is kept.
type Deflater struct {
	// Window is the negotiated window in octets, 1<<8 to 1<<15.
	Window int
	// NoTakeover starts every message without history (§7.1.1).
	NoTakeover bool

	history []byte
	base    int // place of history[0] in all octets ever compressed
	table   [1 << hashBits]int32
	tokens  []uint32
	litFreq [286]uint32
	dstFreq [30]uint32
	w       bitWriter
}

// Message compresses one message and leaves off the four octets of RFC 7692
// §7.2.1. The result is the caller's.
func (d *Deflater) Message(data []byte) []byte {
	if d.NoTakeover || d.base > 1<<30 {
		d.forget()
	}
	start := len(d.history)
	buf := append(d.history, data...)
	d.w = bitWriter{out: make([]byte, 0, len(data)/3+64)}
	d.compress(buf, start)
	out := d.w.sync()
	cut := max(0, len(buf)-d.Window)
	d.base += cut
	d.history = append(d.history[:0], buf[cut:]...)
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
	for i+minMatch <= len(buf) {
		word := binary.LittleEndian.Uint32(buf[i:])
		slot := &d.table[word*0x9E3779B1>>(32-hashBits)]
		candidate := int(*slot) - d.base
		*slot = int32(i + d.base)
		if candidate < 0 || candidate >= i || i-candidate > d.Window || binary.LittleEndian.Uint32(buf[candidate:]) != word {
			i += 1 + (i-literals)>>7
			continue
		}
		d.literals(buf[literals:i])
		n := matchLength(buf, candidate, i)
		d.match(n, i-candidate)
		i += n
		literals = i
	}
	d.literals(buf[literals:])
	d.block()
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

// A token is a literal, or 1<<31 | length<<16 | distance-1.
func (d *Deflater) literals(b []byte) {
	for _, c := range b {
		d.token(uint32(c))
		d.litFreq[c]++
	}
}

func (d *Deflater) match(n, distance int) {
	d.token(1<<31 | uint32(n)<<16 | uint32(distance-1))
	d.litFreq[257+lengthSymbol(n)]++
	d.dstFreq[distanceSymbol(distance)]++
}

func (d *Deflater) token(t uint32) {
	if len(d.tokens) == blockSize {
		d.block()
	}
	d.tokens = append(d.tokens, t)
}

// block writes the tokens gathered so far.
func (d *Deflater) block() {
	if len(d.tokens) == 0 {
		return
	}
	d.litFreq[256] = 1
	if len(d.tokens) < fewTokens {
		d.w.put(1<<1, 3) // BFINAL 0, BTYPE 01
		d.write(fixedCodes())
	} else {
		var lit [286]uint8
		var dst [30]uint8
		d.w.put(2<<1, 3) // BFINAL 0, BTYPE 10
		lengthsOf(d.litFreq[:], lit[:], maxCode)
		lengthsOf(d.dstFreq[:], dst[:], maxCode)
		d.w.codeLengths(lit[:], dst[:])
		d.write(codesOf(lit[:]), codesOf(dst[:]))
	}
	d.tokens = d.tokens[:0]
	clear(d.litFreq[:])
	clear(d.dstFreq[:])
}

func (d *Deflater) write(lit, dst []code) {
	for _, t := range d.tokens {
		if t < 256 {
			d.w.code(lit[t])
			continue
		}
		n, distance := int(t>>16&0x7FFF), int(t&0xFFFF)+1
		s := lengthSymbol(n)
		d.w.code(lit[257+s])
		d.w.put(uint32(n)-uint32(lengthBase[s]), uint(lengthExtra[s]))
		s = distanceSymbol(distance)
		d.w.code(dst[s])
		d.w.put(uint32(distance)-uint32(distanceBase[s]), uint(distanceExtra[s]))
	}
	d.w.code(lit[256])
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
