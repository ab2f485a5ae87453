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

// sequences writes data, which the sequences take apart, and the end of the
// block. Between flushes the accumulator takes a match, or three literals: no
// more than 48 bits on top of seven.
func (w *bitWriter) sequences(all []sequence, data []byte, lit, dst []code) {
	// Nothing takes more than 15 bits for each byte that it stands for.
	w.out = slices.Grow(w.out, 2*len(data)+32)
	f := flusher{out: w.out[:cap(w.out)], at: len(w.out), acc: w.acc, n: w.n}
	f.flush()
	for _, s := range all {
		literals := data[:s.literals]
		data = data[int(s.literals)+int(s.length):]
		for len(literals) >= 3 {
			f.code(lit[literals[0]])
			f.code(lit[literals[1]])
			f.code(lit[literals[2]])
			f.flush()
			literals = literals[3:]
		}
		for _, c := range literals {
			f.code(lit[c])
		}
		f.flush()
		if s.length > 0 {
			f.match(int(s.length), int(s.distance)+1, lit, dst)
			f.flush()
		}
	}
	f.code(lit[256])
	f.flush()
	w.out, w.acc, w.n = w.out[:f.at], f.acc, f.n
}

// flusher writes bits where there is room for certain.
type flusher struct {
	out []byte
	at  int
	acc uint64
	n   uint
}

func (f *flusher) bits(v uint64, n uint8) {
	f.acc |= v << (f.n & 63)
	f.n += uint(n)
}

func (f *flusher) code(c code) { f.bits(uint64(c.bits), c.n) }

func (f *flusher) match(length, distance int, lit, dst []code) {
	s := lengthSymbol(length)
	f.code(lit[257+s])
	f.bits(uint64(length)-uint64(lengthBase[s]), lengthExtra[s])
	s = distanceSymbol(distance)
	f.code(dst[s])
	f.bits(uint64(distance)-uint64(distanceBase[s]), distanceExtra[s])
}

// flush leaves fewer than eight bits.
func (f *flusher) flush() {
	binary.LittleEndian.PutUint64(f.out[f.at:], f.acc)
	f.at += int(f.n >> 3)
	f.acc >>= f.n &^ 7
	f.n &= 7
}

// stored writes data as they are (RFC 1951 §3.2.4).
func (w *bitWriter) stored(data []byte) {
	for len(data) > 0 {
		part := data[:min(len(data), maxStored)]
		data = data[len(part):]
		w.put(0, 3) // BFINAL 0, BTYPE 00
		w.align()
		w.out = binary.LittleEndian.AppendUint16(w.out, uint16(len(part)))
		w.out = binary.LittleEndian.AppendUint16(w.out, ^uint16(len(part)))
		w.out = append(w.out, part...)
	}
}

// sync ends the message with an empty stored block less its last four bytes
// (RFC 7692 §7.2.1).
func (w *bitWriter) sync() []byte {
	w.put(0, 3) // BFINAL 0, BTYPE 00
	w.align()
	return w.out
}

// align fills up the byte that has been begun.
func (w *bitWriter) align() {
	for w.n > 0 {
		w.out = append(w.out, byte(w.acc))
		w.acc >>= 8
		w.n -= min(w.n, 8)
	}
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
