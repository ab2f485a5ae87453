package browser

import (
	"slices"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/mask"
)

// keep is how much memory for messages is kept between them, in bytes.
const keep = 64 << 10

// outbound reads the frames that are written, one at a time, and puts the fragments of messages together: browsers send whole
// messages alone.
type outbound struct {
	checker frame.Checker
	start   []byte // of a header whose end was not written yet
	header  frame.Header
	within  bool  // header is that of a frame whose payload is being written
	left    int64 // bytes of that payload to come
	pos     int   // of the next one, for unmasking

	text    bool   // the message is text
	message []byte // what came of it, unmasked
	control []byte // payload of a control frame, unmasked

	complete bool // header's frame is all there: send it, then call next
}

// take takes bytes from p, up to the end of a frame, and returns how many.
func (o *outbound) take(p []byte) (n int, err error) {
	if !o.within {
		if n, err = o.takeHeader(p); err != nil || !o.within {
			return n, err
		}
	}
	k := int(min(o.left, int64(len(p)-n)))
	to := &o.message
	if o.header.Opcode.IsControl() {
		to = &o.control
	}
	was := len(*to)
	*to = append(*to, p[n:n+k]...)
	if o.header.Masked {
		o.pos = mask.XOR(o.header.Key, o.pos, (*to)[was:])
	}
	o.left -= int64(k)
	o.complete = o.left == 0
	return n + k, nil
}

// takeHeader takes the header of a frame from p, or as much of it as there is.
func (o *outbound) takeHeader(p []byte) (n int, err error) {
	had := len(o.start)
	o.start = append(o.start, p[:min(len(p), frame.MaxHeaderSize-had)]...)
	h, size, err := frame.Parse(o.start)
	if err == nil && size == 0 {
		return len(o.start) - had, nil
	}
	if err == nil {
		err = o.checker.Check(&h)
	}
	if err != nil {
		return 0, err
	}
	o.start = o.start[:0]
	o.header, o.within, o.left, o.pos = h, true, h.Length, 0
	if h.Opcode == frame.Text || h.Opcode == frame.Binary {
		o.text = h.Opcode == frame.Text
		o.message = slices.Grow(o.message, int(h.Length)) // whoever writes it has it in memory
	}
	return size - had, nil
}

// next goes on to the next frame.
func (o *outbound) next() {
	if o.control = o.control[:0]; o.header.Fin && !o.header.Opcode.IsControl() {
		if o.message = o.message[:0]; cap(o.message) > keep {
			o.message = nil
		}
	}
	o.within, o.complete = false, false
}
