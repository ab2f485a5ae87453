package conn

import (
	"math"
	"sync/atomic"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/mask"
	"github.com/seed60239977/websocket/utf8"
)

// eventKind says what a receiver found in the bytes it was given.
type eventKind uint8

const (
	eventNone  eventKind = iota // nothing more until there are more bytes
	eventData                   // a part of a message
	eventPing                   // §5.5.2
	eventPong                   // §5.5.3
	eventClose                  // §5.5.1
)

// event is what a receiver reports. Its payload lies in the bytes that were given to next, unmasked, or in the receiver's
// unpacker if the message was compressed.
type event struct {
	kind    eventKind
	typ     MessageType // of the message, for eventData
	fin     bool        // the message ends with this part
	payload []byte      // bytes of the message, or the body of the control frame
}

// receiver is the receiving half of the protocol as a state machine without I/O: bytes in, events out. It can stop and
// go on at any byte, is the same for both roles, and keeps nothing on anybody's stack. Every way of reading is a loop
// around next.
type receiver struct {
	limit        atomic.Int64 // octets of a message, negative: none
	unpacker     *unpacker    // decompresses; nil: not agreed to
	maxFragments int32        // small frames of a message, negative: no limit
	skipUTF8     bool
	checker      frame.Checker

	// The frame whose payload is coming in, if inFrame.
	inFrame bool
	fin     bool
	masked  bool
	pos     uint8 // position in the payload modulo 4
	key     [4]byte
	left    int64 // octets still to come

	// The message that the frame belongs to, or that came last.
	size       int64 // octets so far
	fragments  int32 // small ones so far
	text       utf8.Validator
	typ        MessageType
	begun      bool // a part of it was reported
	compressed bool // RFC 7692 §6
}

// unpacker is what a receiver needs for compressed messages.
type unpacker struct {
	*deflate.Decompressor
	out     *buffer // where parts of the message are put; nil when none is of use any more
	packed  int64   // octets so far of the message as they came
	plain   int     // octets of the frame that were given, are unmasked, and were not taken
	corrupt error   // what comes after the part that was reported last
}

func newReceiver(r *receiver, role frame.Role, cfg *Config) {
	r.checker.Role = role
	r.limit.Store(cfg.ReadLimit)
	r.maxFragments = int32(max(-1, min(cfg.MaxFragments, math.MaxInt32-1)))
	r.skipUTF8 = cfg.SkipUTF8
	if cfg.Deflate != nil {
		r.checker.Claimed = frame.RSV1
		r.unpacker = &unpacker{Decompressor: cfg.Deflate.Decompressor(role == frame.Server)}
	}
}

// next takes bytes from the start of p, reports the next event in ev, and returns how many bytes it took. p is unmasked in
// place. Bytes that next did not take are to be given again, with more behind them if the event was eventNone: a
// header, or a control frame, is taken whole or not at all. The error is what violation understands; then the receiver
// is of no more use.
//
// Here and in what it calls, events are passed by reference: see Conn.awaitMessage about stacks.
func (r *receiver) next(p []byte, ev *event) (n int, err error) {
	*ev = event{}
	for {
		begun := r.inFrame
		var taken int
		switch {
		case !begun:
			taken, err = r.header(p[n:], ev)
		case r.compressed:
			taken, err = r.inflate(p[n:], ev)
		default:
			taken, err = r.data(p[n:], ev)
		}
		n += taken
		if ev.kind != eventNone || err != nil || begun && r.inFrame || !begun && taken == 0 {
			return n, err
		}
	}
}

// header takes a header and, of a control frame, all of it, or nothing.
func (r *receiver) header(p []byte, ev *event) (n int, err error) {
	h, n, err := frame.Parse(p)
	if err != nil || n == 0 {
		return 0, err
	}
	if h.Opcode.IsControl() {
		return r.control(h, p, n, ev)
	}
	if err := r.begin(h); err != nil {
		return 0, err
	}
	return n, nil
}

// control takes a control frame, which has a header of n octets, once it is whole; its payload is never longer than 125
// octets.
func (r *receiver) control(h frame.Header, p []byte, n int, ev *event) (int, error) {
	if err := r.checker.Check(h); err != nil {
		return 0, err
	}
	end := n + int(h.Length)
	if len(p) < end {
		return 0, nil
	}
	ev.payload = p[n:end:end]
	if h.Masked {
		mask.XOR(h.Key, 0, ev.payload)
	}
	switch h.Opcode {
	case frame.Ping:
		ev.kind = eventPing
	case frame.Pong:
		ev.kind = eventPong
	case frame.Close:
		ev.kind = eventClose
	}
	return end, nil
}

// begin starts a data frame. All limits that the header can break are checked here, before any of its payload counts.
func (r *receiver) begin(h frame.Header) error {
	if err := r.checker.Check(h); err != nil {
		return err
	}
	if h.Opcode != frame.Continuation {
		r.typ = MessageType(h.Opcode)
		r.begun, r.size, r.fragments = false, 0, 0
		r.compressed = h.RSV&frame.RSV1 != 0
		if r.compressed {
			r.unpacker.packed = 0
		}
		r.text.Reset()
	}
	if h.Length < SmallFragment {
		r.fragments++
	}
	if r.maxFragments >= 0 && r.fragments > r.maxFragments {
		return ErrTooManyFragments
	}
	if r.compressed && r.overpacked(h.Length) || !r.compressed && h.Length > r.room() {
		return ErrMessageTooBig
	}
	r.inFrame, r.fin, r.masked, r.key, r.pos, r.left = true, h.Fin, h.Masked, h.Key, 0, h.Length
	return nil
}

// room returns how many octets more the message may have. It is negative if the limit was lowered meanwhile.
func (r *receiver) room() int64 {
	limit := r.limit.Load()
	if limit < 0 {
		return math.MaxInt64
	}
	return limit - r.size
}

// overpacked reports whether n compressed octets more cannot be of a message that is allowed. What is sensibly compressed
// is hardly longer than before, even in many small blocks; without this, blocks that come to nothing could go on for ever.
func (r *receiver) overpacked(n int64) bool {
	limit := r.limit.Load()
	if limit < 0 || limit > math.MaxInt64/4 {
		return false
	}
	over := n > 2*limit+packedSlack-r.unpacker.packed
	r.unpacker.packed += n
	return over
}

// packedSlack is what a compressed message may be longer than twice the limit, in octets.
const packedSlack = 64 << 10

// data takes what there is of the current frame's payload.
func (r *receiver) data(p []byte, ev *event) (n int, err error) {
	n = int(min(int64(len(p)), r.left))
	part := p[:n:n]
	r.unmask(part)
	r.left -= int64(n)
	r.inFrame = r.left > 0
	return n, r.payload(part, r.fin && !r.inFrame, ev)
}

// unmask takes the mask off p, which is what comes next of the frame.
func (r *receiver) unmask(p []byte) {
	if r.masked {
		r.pos = uint8(mask.XOR(r.key, int(r.pos), p))
	}
}

// inflatedClass is the class of the buffers that messages are decompressed to: 16 KiB at a time.
const inflatedClass = 1

// inflate is what data is for a message that is compressed. It takes no more of the current frame's payload than what
// comes out has room for.
func (r *receiver) inflate(p []byte, ev *event) (taken int, err error) {
	u := r.unpacker
	src := p[:min(int64(len(p)), r.left)]
	if len(src) > u.plain {
		r.unmask(src[u.plain:])
		u.plain = len(src)
	}
	if u.out == nil {
		u.out = getClass(inflatedClass)
	}
	if u.corrupt != nil {
		return 0, u.corrupt
	}
	out, done := u.out.b[:cap(u.out.b)], false
	n, taken, err := u.Decompress(out, src)
	if err == nil && r.fin && r.left == int64(taken) && n < len(out) {
		var more int
		more, done, err = u.Finish(out[n:])
		n += more
	}
	if room := r.room(); int64(n) > room { // as with corrupt data, what is in front of it comes first
		n, done, err = int(max(0, room)), false, ErrMessageTooBig
	}
	if err != nil && n > 0 {
		u.corrupt, err = err, nil // what came out before is good, or is bad text, which comes first
	}
	u.plain -= taken
	r.left -= int64(taken)
	r.inFrame = r.left > 0 || r.fin && !done || u.corrupt != nil
	if err != nil {
		return taken, err
	}
	return taken, r.payload(out[:n], done, ev)
}

// grows reports whether next may need memory for a history, and so much of the stack, to take what p begins with. Only
// compressed messages do.
func (r *receiver) grows(p []byte) bool {
	switch {
	case r.unpacker == nil || len(p) == 0 || !r.unpacker.Growing():
		return false
	case r.inFrame || frame.Opcode(p[0]&0xf) == frame.Continuation:
		return r.compressed
	}
	return frame.RSV(p[0]>>4)&frame.RSV1 != 0
}

// idle lets go of memory that no part of a message lies in any more.
func (r *receiver) idle() {
	if r.unpacker != nil {
		r.unpacker.out.release()
		r.unpacker.out = nil
	}
}

// release lets go of all memory.
func (r *receiver) release() {
	r.idle()
	if r.unpacker != nil {
		r.unpacker.Release()
	}
}

// direct returns how many octets will come that next reports as they are, without needing the bytes around them.
func (r *receiver) direct() int64 {
	if !r.inFrame || r.compressed {
		return 0
	}
	return r.left
}

// payload is the seam that every octet of a message passes, after framing and before the caller. It reports nothing for
// a part that is empty and not the last.
func (r *receiver) payload(part []byte, last bool, ev *event) error {
	if len(part) == 0 && !last {
		return nil
	}
	r.size += int64(len(part))
	if r.typ == Text && !r.skipUTF8 {
		// §8.1: fail at the first byte that cannot be UTF-8, even if the frame is not finished.
		if _, err := r.text.Write(part); err != nil || last && !r.text.Complete() {
			return ErrInvalidUTF8
		}
	}
	ev.kind, ev.typ, ev.fin, ev.payload = eventData, r.typ, last, part
	r.begun = true
	return nil
}
