package deflate

import (
	"encoding/binary"
	"slices"
)

// A bitWriter appends bits to dst, the least significant first (RFC 1951,
// section 3.1.1). After flush fewer than 8 bits wait in acc, so that 56 can be
// added before the next one.
type bitWriter struct {
	dst []byte
	acc uint64
	n   uint
}

// put adds the n low bits of v, whose other bits are zero.
func (w *bitWriter) put(v uint64, n uint) {
	w.acc |= v << (w.n & 63)
	w.n += n
}

// flush moves whole bytes from acc to dst.
func (w *bitWriter) flush() {
	dst := slices.Grow(w.dst, 8)
	binary.LittleEndian.PutUint64(dst[len(dst):len(dst)+8], w.acc)
	w.dst = dst[:len(dst)+int(w.n>>3)]
	w.acc >>= w.n &^ 7 & 63
	w.n &= 7
}

// align fills up the byte that was begun with zero bits.
func (w *bitWriter) align() {
	w.n = (w.n + 7) &^ 7
	w.flush()
}

// stored writes src as a block without compression (RFC 1951, section 3.2.4).
func (w *bitWriter) stored(src []byte) {
	w.put(0, 3)
	w.align()
	w.put(uint64(len(src))|uint64(^uint16(len(src)))<<16, 32)
	w.flush()
	w.dst = append(w.dst, src...)
}
