package deflate

import "sync"

// levels says how each level works. How much history it keeps is a matter of time
// as well as of memory, since a message's encoder enters it in its tables anew.
var levels = [...]struct {
	keepBits int // keep 2^keepBits octets at most
	matcher  func() matcher
}{
	Fastest:  {12, func() matcher { return newProbe() }},
	Balanced: {13, func() matcher { return newChain(tuning{depth: 8, lazy: 16, nice: 64}) }},
	Smallest: {15, func() matcher { return newChain(tuning{depth: 128, lazy: maxMatch, nice: maxMatch}) }},
}

// encoders are pools of working memory, one for each level.
var encoders [len(levels)]sync.Pool

// An encoder is the working memory of a compressor, and holds nothing between calls.
type encoder struct {
	block
	matcher
	joined []byte // history, then the beginning of the octets to code, then padding
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

// encode writes src, which comes after history, in blocks.
func (e *encoder) encode(w *bitWriter, history *window, src []byte, window int) {
	n := min(len(src), maxJoined-history.n)
	if need := history.n + n + padding; cap(e.joined) < need {
		e.joined = make([]byte, 0, min(2*need, maxJoined+padding))
	}
	e.joined = append(history.appendTo(e.joined[:0]), src[:n]...)
	end := len(e.joined)
	e.joined = append(e.joined, make([]byte, padding)...)
	e.index(e.joined[:end], history.n)
	e.blocks(w, e.joined, history.n, end, window)
	e.advance(history.n)
	e.advance(e.blocks(w, src, n, len(src), window))
}

// blocks writes buf[start:end] in blocks, and returns how much of it the matcher takes
// for its buffer then.
func (e *encoder) blocks(w *bitWriter, buf []byte, start, end, window int) int {
	for start < end {
		if drop := start - maxWindow; drop > maxBlock { // keeps places small in messages of any size
			buf, start, end = buf[drop:], start-drop, end-drop
			e.advance(drop)
		}
		e.block.reset()
		stop := e.tokenize(&e.block, buf, start, min(end, start+maxBlock), window)
		e.block.write(w, buf[start:stop])
		start = stop
	}
	return end
}
