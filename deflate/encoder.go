package deflate

import (
	"slices"
	"sync"
)

// levels says how each level works. How much history it keeps is a matter of time
// as well as of memory, since a message's encoder enters it in its tables anew.
var levels = [...]struct {
	keepBits int // keep 2^keepBits bytes at most
	matcher  func() matcher
}{
	Fastest:  {11, func() matcher { return newProbe() }},
	Balanced: {13, func() matcher { return newChain(tuning{depth: 8, lazy: 16, nice: 64}) }},
	Smallest: {15, func() matcher { return newChain(tuning{depth: 128, lazy: maxMatch, nice: maxMatch}) }},
}

// encoders are pools of working memory, one for each level.
var encoders [len(levels)]sync.Pool

// An encoder is the working memory of a compressor, and holds nothing between calls.
//
// What it does is cut into steps that one function calls in turn, rather than each the
// next: a connection's goroutine may compress deep down, and keeps a stack that grew.
type encoder struct {
	block
	matcher
	w      bitWriter
	window int // the largest distance

	buf              []byte // what is being coded, with what comes before it
	start, stop, end int    // the block at hand is buf[start:stop]; there is more up to end

	joined []byte // history, then the beginning of the bytes to code, then padding
	kept   int    // bytes of history in joined
	src    []byte // all bytes to code, while buf is joined
}

const (
	padding   = 8
	maxJoined = 2*maxWindow - padding // without padding; what lies behind is coded in place
)

// newEncoder takes an encoder from the level's pool.
func newEncoder(l Level) *encoder {
	if e, ok := encoders[l].Get().(*encoder); ok {
		return e
	}
	return &encoder{matcher: levels[l].matcher()}
}

// begin prepares to code src, which comes after c's history, behind dst.
func (e *encoder) begin(dst, src []byte, c *Compressor) {
	e.w, e.window = bitWriter{dst: dst}, c.window
	if len(src) == 0 {
		e.stop, e.end, e.src = 0, 0, nil
		return
	}
	e.src, e.kept = src, c.history.n
	end := e.kept + min(len(src), maxJoined-e.kept)
	if need := end + padding; cap(e.joined) < need {
		e.joined = make([]byte, 0, min(2*need, maxJoined+padding))
	}
	e.joined = append(c.history.appendTo(e.joined[:0]), src[:end-e.kept]...)
	e.joined = append(e.joined, make([]byte, padding)...)
	e.buf, e.stop, e.end = e.joined, e.kept, end
	e.matcher.index(e.joined[:end], e.kept)
}

// next begins the next block, which is empty as yet. It reports whether there is one.
func (e *encoder) next() bool {
	e.start = e.stop
	if e.start == e.end && e.src != nil { // the rest is coded in place
		e.advance(e.kept)
		e.buf, e.start, e.end = e.src, e.end-e.kept, len(e.src)
		e.src = nil
	}
	if e.start == e.end {
		e.advance(e.end)
		return false
	}
	if drop := e.start - maxWindow; drop > maxBlock { // keeps places small in messages of any size
		e.buf, e.start, e.end = e.buf[drop:], e.start-drop, e.end-drop
		e.advance(drop)
	}
	e.reset()
	return true
}

// match fills the block with sequences.
func (e *encoder) match() {
	e.stop = e.matcher.tokenize(&e.block, e.buf, e.start, min(e.end, e.start+maxBlock), e.window)
}

// write writes the block with the codes that open has returned, or stores it. Fewer than 8 bits wait in e.w.
func (e *encoder) write(c *codes) {
	src := e.buf[e.start:e.stop]
	if c == nil {
		e.w.stored(src)
		return
	}
	literal, distance := &c.literal.codes, &c.distance.codes
	dst := slices.Grow(e.w.dst, e.size/8+16)
	at := len(dst)
	dst = dst[:cap(dst)]
	acc, n := e.w.acc, e.w.n // in registers
	for i := range e.sequences[:e.n] {
		s := &e.sequences[i]
		at, acc, n = literals(dst, at, acc, n, src[:s.literals], literal)
		src = src[int(s.literals)+int(s.length):]
		// At most 14+5 and 15+13 bits come onto 7. The extra bits are the lowest of what
		// is coded, as every base is a multiple of what they count, plus minMatch or 1.
		acc, n = add(acc, n, literal[firstLength+int(s.lengthCode)])
		acc, n = addLow(acc, n, uint(s.length-minMatch), uint(lengthExtra[s.lengthCode&31]))
		acc, n = add(acc, n, distance[s.distanceCode])
		acc, n = addLow(acc, n, uint(s.distance-1), distanceExtra(s.distanceCode))
		at, acc, n = spill(dst, at, acc, n)
	}
	at, acc, n = literals(dst, at, acc, n, src, literal)
	acc, n = add(acc, n, literal[endOfBlock])
	at, acc, n = spill(dst, at, acc, n)
	e.w.dst, e.w.acc, e.w.n = dst[:at], acc, n
}

// finish ends the message or its part, and returns what dst has become.
func (e *encoder) finish(final bool) []byte {
	// "Append an empty DEFLATE block with no compression" and "remove 4 octets (that are
	// 0x00 0x00 0xff 0xff) from the tail end": of an empty message, too, the one byte
	// stays that section 7.2.3.6 asks for.
	e.w.put(0, 3)
	e.w.align()
	dst := e.w.dst
	if !final {
		dst = append(dst, syncTail...)
	}
	e.w, e.buf = bitWriter{}, nil // they are the caller's
	return dst
}
