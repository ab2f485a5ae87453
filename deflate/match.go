package deflate

import (
	"encoding/binary"
	"math/bits"
)

// A matcher finds the matches of LZ77.
//
// It keeps places as base+index into the buffer at hand. Raising base makes all it
// knows look as if it lay before the buffer, which saves clearing its tables.
type matcher interface {
	// index enters buf[:n], bytes that came before the ones to be coded.
	index(buf []byte, n int)
	// tokenize fills b with sequences for buf[start:end], at distances up to window, and
	// returns where it stopped because b is full, or end. It counts literals. Behind end
	// buf may have more: padding, with which matches are found up to the end.
	tokenize(b *block, buf []byte, start, end, window int) int
	// advance says that the next buffer starts n bytes further on than this one.
	advance(n int)
}

// maxBase is where places start afresh: uint32 holds it and any index.
const maxBase = 1 << 30

const hashLen = 4 // the shortest match looked for: three bytes seldom pay

func load32(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[i : i+4 : len(b)]) }
func load64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i : i+8 : len(b)]) }

// matchLen counts the bytes that buf has alike from a and from b > a on, up to end.
func matchLen(buf []byte, a, b, end int) int {
	n := 0
	for b+n+8 <= end {
		if x := load64(buf, a+n) ^ load64(buf, b+n); x != 0 {
			return n + bits.TrailingZeros64(x)>>3
		}
		n += 8
	}
	for b+n < end && buf[a+n] == buf[b+n] {
		n++
	}
	return n
}

// A probe looks at one earlier place for each match, the last one that had its hash.
type probe struct {
	base  int
	heads [1 << probeBits]uint32
}

const (
	probeBits   = 13
	probeStride = 2 // of the history every second place is entered: half the work, and hardly more output
)

func newProbe() *probe { return &probe{base: 1} }

// probeHash takes five bytes, although four make a match: what repeats five
// repeats longer, and there are fewer of them to code.
func probeHash(v uint64) uint32 {
	return uint32(v << 24 * 0x9e3779b185ebca87 >> (64 - probeBits))
}

func (p *probe) index(buf []byte, n int) {
	for i := 0; i < n && i <= len(buf)-8; i += probeStride {
		p.heads[probeHash(load64(buf, i))] = uint32(p.base + i)
	}
}

func (p *probe) advance(n int) {
	p.base += n
	if p.base > maxBase {
		p.base = 1
		clear(p.heads[:])
	}
}

func (p *probe) tokenize(b *block, buf []byte, start, end, window int) int {
	base := p.base
	last := min(end-hashLen, len(buf)-8)
	literals, i := start, start
	for i <= last && b.n < maxSequences {
		cur := load64(buf, i)
		h := probeHash(cur)
		at := int(p.heads[h]) - base
		p.heads[h] = uint32(base + i)
		if at < 0 || i-at > window || load32(buf, at) != uint32(cur) {
			skip := min((i-literals)>>6, 15) // look less often while nothing is found
			b.literal.freq[buf[i]]++
			i++
			if skip > 0 {
				skip = min(skip, end-i)
				b.count(buf[i : i+skip])
				i += skip
			}
			continue
		}
		// Where places were skipped the match may have begun before. It still has to end
		// behind i, or else i were entered as a place that is yet to come.
		first := max(literals, i-(maxMatch-hashLen))
		for i > first && at > 0 && buf[i-1] == buf[at-1] {
			i--
			at--
			b.literal.freq[buf[i]]--
		}
		n := hashLen + matchLen(buf, at+hashLen, i+hashLen, min(end, i+maxMatch))
		b.add(i-literals, n, i-at)
		literals = i + n
		if literals <= last {
			v := load64(buf, literals-4)
			p.heads[probeHash(load64(buf, i+1))] = uint32(base + i + 1)
			p.heads[probeHash(v>>8)] = uint32(base + literals - 3)
			p.heads[probeHash(v>>16)] = uint32(base + literals - 2)
			p.heads[probeHash(v>>24)] = uint32(base + literals - 1)
		}
		i = literals
	}
	if b.n == maxSequences {
		return literals
	}
	b.count(buf[i:end])
	return end
}
