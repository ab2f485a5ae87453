package deflate

import (
	"math/bits"
	"sync"
)

const (
	minWindowBits = 8
	maxWindowBits = 15
	maxWindow     = 1 << maxWindowBits
)

// windowPools holds the buffers of windows, one pool for each power of two
// from 2^8 to 2^15 bytes.
var windowPools [maxWindowBits - minWindowBits + 1]sync.Pool

// A window is the LZ77 history: the last bytes of a stream, at most size of them. It
// starts without memory, doubles as bytes arrive, and becomes a ring when it is full.
//
// Invariants: len(*buf) is a power of two and at most size; n is how many bytes
// are valid; pos is where the next one goes, n modulo len(*buf) until the ring is
// full.
type window struct {
	buf    *[]byte
	n, pos int
	size   int
}

func newWindow(windowBits int) window { return window{size: 1 << windowBits} }

// write appends p and forgets what no longer fits.
func (w *window) write(p []byte) {
	if len(p) == 0 {
		return
	}
	p = p[max(0, len(p)-w.size):]
	w.reserve(min(w.n+len(p), w.size))
	buf := *w.buf
	k := copy(buf[w.pos:], p)
	copy(buf, p[k:])
	w.pos = (w.pos + len(p)) & (len(buf) - 1)
	w.n = min(w.n+len(p), w.size)
}

// reserve makes room for need bytes in all.
func (w *window) reserve(need int) {
	if w.buf != nil && need <= len(*w.buf) {
		return
	}
	class := max(bits.Len(uint(need-1)), minWindowBits) - minWindowBits
	grown, ok := windowPools[class].Get().(*[]byte)
	if !ok {
		b := make([]byte, 1<<(class+minWindowBits))
		grown = &b
	}
	if w.buf != nil {
		copy(*grown, (*w.buf)[:w.n])
		w.recycle()
	}
	w.buf = grown
	w.pos = w.n
}

// appendTo appends the history to dst, oldest byte first.
func (w *window) appendTo(dst []byte) []byte {
	if w.n == 0 {
		return dst
	}
	if w.n < w.size {
		return append(dst, (*w.buf)[:w.n]...)
	}
	dst = append(dst, (*w.buf)[w.pos:]...)
	return append(dst, (*w.buf)[:w.pos]...)
}

// copyBack copies to dst what starts back bytes before the end of the history,
// and stops at its end. The caller has checked that 0 < back <= w.n.
func (w *window) copyBack(dst []byte, back int) int {
	buf := *w.buf
	dst = dst[:min(len(dst), back)]
	k := copy(dst, buf[(w.pos-back)&(len(buf)-1):])
	return k + copy(dst[k:], buf)
}

// release forgets the history and gives its memory back.
func (w *window) release() {
	if w.buf != nil {
		w.recycle()
	}
	w.buf, w.n, w.pos = nil, 0, 0
}

func (w *window) recycle() {
	windowPools[bits.Len(uint(len(*w.buf)-1))-minWindowBits].Put(w.buf)
	w.buf = nil
}
