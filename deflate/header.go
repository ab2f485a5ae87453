package deflate

// A header plans and writes what a block with a code of its own begins with: the
// lengths of its codes, themselves run-length and Huffman coded (RFC 1951,
// section 3.2.7).
type header struct {
	literals, distances int // code lengths given of each alphabet
	codeLens            int // lengths given of the code length code
	n                   int
	symbols             [numLiteral + numDistance]lengthSymbol
	code                prefixCode
}

// A lengthSymbol is a symbol of the code length alphabet and its extra bits.
type lengthSymbol struct{ symbol, extra uint8 }

// repeatBits are the numbers of extra bits of the symbols 16, 17 and 18.
var repeatBits = [3]uint8{2, 3, 7}

// runs sees how to write the lengths of the block's codes. A code for that is to be
// built then.
func (h *header) runs(b *block) {
	h.literals = int(b.literal.used[b.literal.n-1]) + 1
	h.distances = int(b.distance.used[b.distance.n-1]) + 1
	h.n = 0
	clear(h.code.freq[:numCodeLen])
	h.runLengths(b.literal.lens[:h.literals])
	h.runLengths(b.distance.lens[:h.distances])
}

// cost returns the bits that the header will take, with the code that was built.
func (h *header) cost() int {
	h.codeLens = numCodeLen
	for h.codeLens > 4 && h.code.lens[codeLenOrder[h.codeLens-1]] == 0 {
		h.codeLens--
	}
	n := 5 + 5 + 4 + 3*h.codeLens + h.code.cost()
	for i, bits := range repeatBits {
		n += int(h.code.freq[16+i]) * int(bits)
	}
	return n
}

// runLengths codes lens: 16 repeats the one before 3 to 6 times, 17 and 18 stand
// for 3 to 10 and 11 to 138 zeros.
func (h *header) runLengths(lens []uint8) {
	for len(lens) > 0 {
		l, run := lens[0], 1
		for run < len(lens) && lens[run] == l {
			run++
		}
		lens = lens[run:]
		if l == 0 {
			for ; run >= 11; run -= min(run, 138) {
				h.add(18, min(run, 138)-11)
			}
			if run >= 3 {
				h.add(17, run-3)
				run = 0
			}
		} else {
			h.add(l, 0)
			for run--; run >= 3; run -= min(run, 6) {
				h.add(16, min(run, 6)-3)
			}
		}
		for range run {
			h.add(l, 0)
		}
	}
}

func (h *header) add(symbol uint8, extra int) {
	h.symbols[h.n] = lengthSymbol{symbol, uint8(extra)}
	h.n++
	h.code.freq[symbol]++
}

// write writes the header as planned.
func (h *header) write(w *bitWriter) {
	w.put(uint64(h.literals-257)|uint64(h.distances-1)<<5|uint64(h.codeLens-4)<<10, 14)
	w.flush()
	for _, s := range codeLenOrder[:h.codeLens] {
		w.put(uint64(h.code.lens[s]), 3)
		w.flush()
	}
	h.code.assign()
	for _, s := range h.symbols[:h.n] {
		c := h.code.codes[s.symbol]
		w.put(c.bits(), c.len())
		if s.symbol >= 16 {
			w.put(uint64(s.extra), uint(repeatBits[s.symbol-16]))
		}
		w.flush()
	}
}
