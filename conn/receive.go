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
	first   bool        // the message starts with this part
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
	plain   int   // octets of them that were given, are unmasked, and were not taken

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

// next takes bytes from the start of p, reports the next event, and returns how many bytes it took. p is unmasked in
// place. Bytes that next did not take are to be given again, with more behind them if the event was eventNone: a
// header, or a control frame, is taken whole or not at all. The error is what violation understands; then the receiver
// is of no more use.
func (r *receiver) next(p []byte) (ev event, n int, err error) {
	for {
		if r.inFrame {
			ev, taken, err := r.data(p[n:])
			if ev.kind != eventNone || err != nil || r.inFrame {
				return ev, n + taken, err
			}
			n += taken
			continue
		}
		h, size, err := frame.Parse(p[n:])
		if err != nil || size == 0 {
			return event{}, n, err
		}
		if h.Opcode.IsControl() {
			ev, taken, err := r.control(h, p[n+size:])
			if ev.kind != eventNone {
				n += size + taken
			}
			return ev, n, err
		}
		if err := r.begin(h); err != nil {
			return event{}, n, err
		}
		n += size
	}
}

// control reports a control frame once it is whole; its payload is never longer than 125 octets.
func (r *receiver) control(h frame.Header, p []byte) (event, int, error) {
	if err := r.checker.Check(h); err != nil {
		return event{}, 0, err
	}
	n := int(h.Length)
	if len(p) < n {
		return event{}, 0, nil
	}
	body := p[:n:n]
	if h.Masked {
		mask.XOR(h.Key, 0, body)
	}
	ev := event{kind: eventPing, payload: body}
	switch h.Opcode {
	case frame.Pong:
		ev.kind = eventPong
	case frame.Close:
		ev.kind = eventClose
	}
	return ev, n, nil
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

// room returns how many octets more the message may have.
func (r *receiver) room() int64 {
	limit := r.limit.Load()
	if limit < 0 {
		return math.MaxInt64
	}
	return max(0, limit-r.size)
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

// data takes what there is of the current frame's payload. It reports nothing for a frame that is empty and not the
// last of its message, nor when p is empty and something is still to come.
func (r *receiver) data(p []byte) (event, int, error) {
	n := int(min(int64(len(p)), r.left))
	part := p[:n:n]
	if r.masked && n > r.plain {
		r.pos = uint8(mask.XOR(r.key, int(r.pos), part[r.plain:]))
		r.plain = n
	}
	done := false
	var err error
	if r.compressed {
		part, n, done, err = r.inflate(part)
	} else {
		done = r.fin && r.left == int64(n)
	}
	r.plain = max(0, r.plain-n)
	r.left -= int64(n)
	r.inFrame = r.left > 0 || r.fin && !done || r.compressed && r.unpacker.corrupt != nil
	if err != nil || len(part) == 0 && !done {
		return event{}, n, err
	}
	ev, err := r.payload(part, done)
	return ev, n, err
}

// inflatedSize is how much of a compressed message is decompressed at a time, in octets.
const inflatedSize = 16 << 10

// inflate decompresses from src, which is of the current frame's payload. It returns what came out, which is valid until
// the next call, how much of src it took, and whether that was the end of the message.
func (r *receiver) inflate(src []byte) (out []byte, taken int, done bool, err error) {
	u := r.unpacker
	if u.out == nil {
		u.out = getBuffer(inflatedSize)
	}
	if u.corrupt != nil {
		return nil, 0, false, u.corrupt
	}
	out = u.out.b[:cap(u.out.b)]
	n, taken, err := u.Decompress(out, src)
	if err == nil && r.fin && r.left == int64(taken) && n < len(out) {
		var more int
		more, done, err = u.Finish(out[n:])
		n += more
	}
	if room := r.room(); int64(n) > room { // as with corrupt data, what is in front of it comes first
		n, done, err = int(room), false, ErrMessageTooBig
	}
	if err != nil && n > 0 {
		u.corrupt, err = err, nil // what came out before is good, or is bad text, which comes first
	}
	return out[:n], taken, done, err
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

// payload is the seam that every octet of a message passes, after framing and before the caller.
func (r *receiver) payload(part []byte, last bool) (event, error) {
	r.size += int64(len(part))
	if r.typ == Text && !r.skipUTF8 {
		// §8.1: fail at the first byte that cannot be UTF-8, even if the frame is not finished.
		if _, err := r.text.Write(part); err != nil || last && !r.text.Complete() {
			return event{}, ErrInvalidUTF8
		}
	}
	ev := event{kind: eventData, typ: r.typ, first: !r.begun, fin: last, payload: part}
	r.begun = true
	return ev, nil
}
