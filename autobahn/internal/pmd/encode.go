package pmd

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sync"
)

type code struct {
	bits uint16
	n    uint8
}

// codesOf assigns the canonical codes of the given lengths, turned round for
// the order of bits in the stream.
func codesOf(lengths []uint8) []code {
	var count, next [maxCode + 2]uint16
	for _, n := range lengths {
		count[n]++
	}
	count[0] = 0
	for n := 1; n <= maxCode; n++ {
		next[n+1] = (next[n] + count[n]) << 1
	}
	codes := make([]code, len(lengths))
	for i, n := range lengths {
		if n > 0 {
			codes[i] = code{reversed(next[n], n), n}
			next[n]++
		}
	}
	return codes
}

// fixedCodes are made once.
var fixedCodes = sync.OnceValues(func() (literal, distance []code) {
	l, d := fixedLengths()
	return codesOf(l[:]), codesOf(d[:])
})

type weighted struct {
	symbol int
	weight uint32
	parent int
}

// lengthsOf fills in the lengths of a Huffman code for freq, none over limit.
func lengthsOf(freq []uint32, lengths []uint8, limit int) {
	nodes := make([]weighted, 0, 2*len(freq))
	for i, f := range freq {
		if f > 0 {
			nodes = append(nodes, weighted{symbol: i, weight: f})
		}
	}
	clear(lengths)
	used := len(nodes)
	if used < 2 {
		// A code of one bit; a decoder must accept the other bit's absence.
		for _, n := range nodes {
			lengths[n.symbol] = 1
		}
		return
	}
	slices.SortFunc(nodes, func(a, b weighted) int { return cmp.Compare(a.weight, b.weight) })
	nodes = join(nodes)
	var count [64]int
	depth := make([]int, len(nodes))
	for i := len(nodes) - 2; i >= 0; i-- {
		depth[i] = depth[nodes[i].parent] + 1
		if i < used {
			count[min(depth[i], limit)]++
		}
	}
	settle(&count, limit)
	i := used - 1 // the heaviest first, with the shortest codes
	for n := 1; n <= limit; n++ {
		for range count[n] {
			lengths[nodes[i].symbol] = uint8(n)
			i--
		}
	}
}

// join builds the tree above leaves sorted by weight: the two lightest of the
// leaves and of the nodes made so far, which come out in order of weight too.
func join(nodes []weighted) []weighted {
	leaf, inner, used := 0, len(nodes), len(nodes)
	lightest := func() int {
		if leaf < used && (inner >= len(nodes) || nodes[leaf].weight <= nodes[inner].weight) {
			leaf++
			return leaf - 1
		}
		inner++
		return inner - 1
	}
	for range used - 1 {
		a := lightest()
		b := lightest()
		nodes[a].parent, nodes[b].parent = len(nodes), len(nodes)
		nodes = append(nodes, weighted{weight: nodes[a].weight + nodes[b].weight})
	}
	return nodes
}

// settle restores the Kraft equality after lengths were cut to limit: one
// code of full length gives way, a shorter one is split in two.
func settle(count *[64]int, limit int) {
	total := 0
	for n := 1; n <= limit; n++ {
		total += count[n] << (limit - n)
	}
	for ; total > 1<<limit; total-- {
		count[limit]--
		for n := limit - 1; n > 0; n-- {
			if count[n] > 0 {
				count[n]--
				count[n+1] += 2
				break
			}
		}
	}
}

type bitWriter struct {
	out []byte
	acc uint64
	n   uint
}

func (w *bitWriter) put(v uint32, n uint) {
	w.acc |= uint64(v) << w.n
	w.n += n
	if w.n >= 32 {
		w.out = binary.LittleEndian.AppendUint32(w.out, uint32(w.acc))
		w.acc >>= 32
		w.n -= 32
	}
}

func (w *bitWriter) code(c code) { w.put(uint32(c.bits), uint(c.n)) }

// sync ends the message with an empty stored block less its last four octets
// (RFC 7692 §7.2.1).
func (w *bitWriter) sync() []byte {
	w.put(0, 3) // BFINAL 0, BTYPE 00
	for w.n > 0 {
		w.out = append(w.out, byte(w.acc))
		w.acc >>= 8
		w.n -= min(w.n, 8)
	}
	return w.out
}

// codeLengths writes the lengths of both codes (RFC 1951 §3.2.7), with runs of
// zeros and repeats shortened.
func (w *bitWriter) codeLengths(lit, dst []uint8) {
	lits, dsts := 286, 30
	for lits > 257 && lit[lits-1] == 0 {
		lits--
	}
	for dsts > 1 && dst[dsts-1] == 0 {
		dsts--
	}
	runs := runsOf(append(append(make([]uint8, 0, 316), lit[:lits]...), dst[:dsts]...))
	var freq [19]uint32
	for _, r := range runs {
		freq[r.symbol]++
	}
	var lengths [19]uint8
	lengthsOf(freq[:], lengths[:], 7)
	given := 19
	for given > 4 && lengths[codeOrder[given-1]] == 0 {
		given--
	}
	w.put(uint32(lits-257), 5)
	w.put(uint32(dsts-1), 5)
	w.put(uint32(given-4), 4)
	for _, i := range codeOrder[:given] {
		w.put(uint32(lengths[i]), 3)
	}
	codes := codesOf(lengths[:])
	for _, r := range runs {
		w.code(codes[r.symbol])
		w.put(uint32(r.extra), uint(r.bits))
	}
}

type run struct{ symbol, extra, bits uint8 }

func runsOf(lengths []uint8) (runs []run) {
	for i := 0; i < len(lengths); {
		v, n := lengths[i], 1
		for i+n < len(lengths) && lengths[i+n] == v {
			n++
		}
		i += n
		if v != 0 {
			runs = append(runs, run{symbol: v})
			n--
		}
		for n > 0 {
			var r run
			r, n = shorten(v, n)
			runs = append(runs, r)
		}
	}
	return runs
}

// shorten takes the longest run of v off n repeats of it.
func shorten(v uint8, n int) (run, int) {
	switch {
	case n < 3:
		return run{symbol: v}, n - 1
	case v != 0:
		k := min(n, 6)
		return run{16, uint8(k - 3), 2}, n - k
	case n < 11:
		return run{17, uint8(n - 3), 3}, 0
	}
	k := min(n, 138)
	return run{18, uint8(k - 11), 7}, n - k
}
