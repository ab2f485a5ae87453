package deflate

import (
	"math"
	"math/bits"
	"sync"
)

// A code is one symbol's Huffman code as it is written: its bits in the low half,
// the first to be sent lowest, and how many there are in the high half.
type code uint32

func (c code) bits() uint64 { return uint64(uint16(c)) }
func (c code) len() uint    { return uint(c >> 16) }

// A prefixCode is a length-limited, canonical Huffman code for an alphabet, whose
// frequencies are counted in freq.
type prefixCode struct {
	freq  [numLiteral]uint16
	lens  [numLiteral]uint8 // 0 for a symbol that does not occur
	codes [numLiteral]code  // valid for symbols in use

	used  [numLiteral + 1]uint16 // symbols in use, in order
	n     int                    // how many
	count [32]uint16             // codes of each length
}

// A sorter is the working memory in which codes are built. Its lists have a place
// more than there are symbols, for a sentinel.
type sorter struct {
	keys, spare     [numLiteral + 1]uint32 // weight<<9 | symbol
	weights, parent [numLiteral]uint32     // of inner nodes
	at              [256]uint16            // where the keys of each byte go
	all             uint16                 // all weights ored together
}

// build computes the code lengths for the first size symbols, none above limit.
// At least two symbols get one, so that the code is complete: there are inflaters
// that refuse others.
func (p *prefixCode) build(s *sorter, size, limit int) {
	p.collect(s, size)
	keys := s.sort(p.n)
	p.depths(s, keys)
	p.limitDepths(limit)
	p.spread(keys, limit)
}

// collect makes keys of the symbols that occur.
func (p *prefixCode) collect(s *sorter, size int) {
	n, all := 0, uint16(0)
	for i, f := range p.freq[:size] {
		s.keys[n] = uint32(f)<<9 | uint32(i)
		p.used[n] = uint16(i)
		n += int((uint32(f) + 0xffff) >> 16) // 1 unless f is 0, without a branch
		all |= f
	}
	clear(p.lens[:size])
	if n < 2 {
		n = p.pad(s, n)
		all |= 1
	}
	p.n, s.all = n, all
}

// spread gives the symbols the lengths that were counted.
func (p *prefixCode) spread(keys []uint32, limit int) {
	i := 0
	for l := limit; l > 0; l-- { // the rarest symbols come first and get the longest codes
		for range p.count[l] {
			p.lens[keys[i]&511] = uint8(l)
			i++
		}
	}
}

// pad adds the symbols 0 or 1 or both, to make two.
func (p *prefixCode) pad(s *sorter, n int) int {
	if n == 1 && p.used[0] == 0 {
		s.keys[1], p.used[1] = 1<<9|1, 1
		return 2
	}
	s.keys[1], p.used[1] = s.keys[0], p.used[0]
	s.keys[0], p.used[0] = 1<<9, 0
	if n == 0 {
		s.keys[1], p.used[1] = 1<<9|1, 1
	}
	return 2
}

// assign gives out the canonical codes for the lengths (RFC 1951, section 3.2.2).
func (p *prefixCode) assign() {
	var next [maxCodeBits + 1]uint16
	for l := 2; l < len(next); l++ {
		next[l] = (next[l-1] + p.count[l-1]) << 1
	}
	for _, s := range p.used[:p.n] {
		l := p.lens[s] & 15
		p.codes[s] = code(bits.Reverse16(next[l])>>(16-l)) | code(l)<<16
		next[l]++
	}
}

// cost counts the bits that all symbols take together.
func (p *prefixCode) cost() int {
	n := 0
	for _, s := range p.used[:p.n] {
		n += int(p.freq[s]) * int(p.lens[s])
	}
	return n
}

// sort orders the first n keys by weight, by radix: in two passes when weights have
// more than eight bits.
func (s *sorter) sort(n int) []uint32 {
	src, dst, all := s.keys[:n+1], s.spare[:n+1], s.all
	for shift := 9; ; shift += 8 {
		at := s.at[:min(all, 255)+1]
		clear(at)
		for _, k := range src[:n] {
			at[uint8(k>>shift)]++
		}
		sum := uint16(0)
		for i, n := range at {
			at[i] = sum
			sum += n
		}
		for _, k := range src[:n] {
			b := uint8(k >> shift)
			dst[at[b]] = k
			at[b]++
		}
		if all >>= 8; all == 0 {
			return dst
		}
		src, dst = dst, src
	}
}

// depths counts the leaves at each depth of the Huffman tree over sorted keys,
// those of 31 and more in one. It pairs the two lightest of leaves and inner nodes
// until one is left, and as both come in order it only compares the heads of two
// queues. A sentinel ends either.
func (p *prefixCode) depths(s *sorter, keys []uint32) {
	n := p.n
	keys[n] = math.MaxUint32
	leaf, inner := 0, 0
	for i := range n - 1 {
		sum := uint32(0)
		s.weights[i] = math.MaxUint32
		for range 2 {
			l, w := keys[leaf]>>9, s.weights[inner]
			s.parent[inner] = uint32(i) // if it is not the lighter one, it is set again later
			sum += min(l, w)
			step := 0
			if l <= w {
				step = 1
			}
			leaf += step
			inner += 1 - step
		}
		s.weights[i] = sum
	}
	depth := s.weights[:n-1] // the root, last, is at 0
	depth[n-2] = 0
	for i := n - 3; i >= 0; i-- {
		depth[i] = depth[s.parent[i]] + 1
	}
	// Below an inner node there are two. From the root down, those of a depth's nodes
	// that are not inner nodes are leaves.
	clear(p.count[:])
	nodes, i := 1, n-2
	for d := uint32(0); nodes > 0; d++ {
		inner := 0
		for i >= 0 && depth[i] == d {
			inner++
			i--
		}
		p.count[min(d, 31)] += uint16(nodes - inner)
		nodes = 2 * inner
	}
}

// limitDepths makes room for the codes that are too deep: they move up to limit,
// and as often as that overfills the tree a shallower leaf moves down a level and
// takes one of them as its sibling.
func (p *prefixCode) limitDepths(limit int) {
	used := 0
	for l := len(p.count) - 1; l > limit; l-- {
		p.count[limit] += p.count[l]
		p.count[l] = 0
	}
	for l := 1; l <= limit; l++ {
		used += int(p.count[l]) << (limit - l)
	}
	for ; used > 1<<limit; used-- {
		l := limit - 1
		for p.count[l] == 0 {
			l--
		}
		p.count[l]--
		p.count[l+1] += 2
		p.count[limit]--
	}
}

// codes are the two that a block is written with.
type codes struct{ literal, distance prefixCode }

// encodeFixed returns those of RFC 1951, section 3.2.6.
var encodeFixed = sync.OnceValue(func() *codes {
	f := new(codes)
	f.literal.fix(288, fixedLiteralLen)
	f.distance.fix(32, func(int) uint8 { return 5 })
	return f
})

// fix sets the lengths of a fixed code of size symbols. The last two take part in
// the code but never occur (RFC 1951, section 3.2.6), so they get no place here.
func (p *prefixCode) fix(size int, lenOf func(symbol int) uint8) {
	for i := range size {
		p.count[lenOf(i)]++
	}
	p.n = size - 2
	for i := range p.n {
		p.used[i] = uint16(i)
		p.lens[i] = lenOf(i)
	}
	p.assign()
}
