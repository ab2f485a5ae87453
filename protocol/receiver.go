package protocol

import (
	"math"
	"sync/atomic"

	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/mask"
	"github.com/seed60239977/websocket/utf8"
)

// EventKind says what a [Receiver] found in the bytes that it was given.
type EventKind uint8

// What a Receiver finds.
const (
	NeedBytes  EventKind = iota // nothing more until there are more bytes
	NeedOutput                  // a compressed message has no room to be decompressed to: see [Receiver.SetOutput]
	Data                        // a part of a message, or all of it
	Ping                        // §5.5.2: answer it with [Sender.Pong]
	Pong                        // §5.5.3
	Close                       // §5.5.1: tell [Closing.Received]; it is the last event
)

// Event is what a Receiver reports.
type Event struct {
	Kind EventKind   // what was found
	Fin  bool        // Data: the message ends with this part
	Type MessageType // Data: of the message
	Code StatusCode  // Close: what the frame says, or 1005 if it says nothing

	// Payload is the part of the message, the payload of the ping or pong, or the reason of the close frame, which is UTF-8. It
	// refers to the bytes passed to Next, unmasked, or to the output if the message was compressed. It is valid until these are
	// used again.
	Payload []byte
}

// Receiver is the receiving half of a connection: bytes in, events out. It can stop and continue at any byte, works in the same
// way for both roles and with or without compression, and keeps none of the bytes that it is given, except for the history of a
// decompressor. [NewReceiver] makes one.
//
// A Receiver may be used by one goroutine at a time, but for SetLimit. It shares nothing with the [Sender] of the same connection.
//
// Invariants: while inFrame is set, left bytes of the frame's payload are still to be taken, of which the next has the
// position pos (modulo 4) for the mask. size, fragments and text belong to the message typ, of which begun says whether a
// part was reported.
type Receiver struct {
	limit        atomic.Int64 // bytes of a message; negative: none
	inflater     *inflater    // nil while no compressed message comes, unless the next one needs what was kept of those before
	maxFragments int32        // small frames of a message; negative: no limit
	fragments    int32        // small ones of the message so far
	size         int64        // bytes of the message so far
	left         int64        // bytes of the frame's payload that are still to be taken
	key          [4]byte
	text         utf8.Validator // what has come of a text message
	checker      frame.Checker
	typ          MessageType
	pos          uint8
	inFrame      bool
	fin          bool
	masked       bool
	compressed   bool  // the message is (RFC 7692 §6)
	driven       bool  // the driver says where it is decompressed to
	window       uint8 // of the peer's compression, in bits; 0: compression was not agreed to
	takeover     bool  // compressed messages refer to earlier ones
	begun        bool
	skipUTF8     bool
	closed       bool // their close frame was reported: "discards any further data received" (§1.4)
}

// NewReceiver returns the receiving half of a connection.
func NewReceiver(o Options) *Receiver {
	r := new(Receiver)
	r.Init(&o)
	return r
}

// Init makes r, a zero Receiver, the receiving half of a connection, for drivers that keep it among other things.
func (r *Receiver) Init(o *Options) {
	r.skipUTF8, r.maxFragments = o.SkipUTF8, int32(max(-1, min(o.MaxFragments, math.MaxInt32-1)))
	if r.maxFragments == 0 {
		r.maxFragments = DefaultMaxFragments
	}
	r.SetLimit(o.ReadLimit)
	r.checker.Role = o.Role
	if o.Deflate != nil {
		r.checker.Claimed = frame.RSV1
		r.window, r.takeover = outgoing(o.Deflate, o.Role == Client)
	}
}

// SetLimit changes Options.ReadLimit for frames that arrive from now on. Any goroutine may call it at any time.
func (r *Receiver) SetLimit(limit int64) {
	if limit == 0 {
		limit = DefaultReadLimit
	}
	r.limit.Store(limit)
}

// Role returns which end of the connection this is.
func (r *Receiver) Role() Role { return r.checker.Role }

// Next takes bytes from the start of p, reports the next event in ev, and returns how many bytes it took. p is unmasked in
// place. Pass the bytes that Next did not take again, followed by more if the event is [NeedBytes], because a header or a
// control frame is taken whole or not at all; these are never more than 139 bytes.
//
// The error says what the peer did wrong, and [Violation] returns what to tell the peer: it is a *[frame.ProtocolError], a
// *[deflate.CorruptError], [ErrInvalidUTF8], [ErrMessageTooBig] or [ErrTooManyFragments]. After an error the Receiver is of no
// more use. Everything valid before the mistake has been reported, except for text with an error further on in the same part.
func (r *Receiver) Next(p []byte, ev *Event) (n int, err error) {
	*ev = Event{}
	if r.closed {
		return len(p), nil
	}
	for {
		within := r.inFrame
		var taken int
		switch {
		case !within:
			taken, err = r.header(p[n:], ev)
		case r.compressed:
			taken, err = r.inflate(p[n:], ev)
		default:
			taken, err = r.data(p[n:], ev)
		}
		n += taken
		if ev.Kind != NeedBytes || err != nil || within && r.inFrame || !within && taken == 0 {
			return n, err
		}
	}
}

// header takes a header and, of a control frame, all of it, or nothing.
func (r *Receiver) header(p []byte, ev *Event) (n int, err error) {
	var h frame.Header // passed by reference: copying what was just written makes the processor wait
	n, err = h.Parse(p)
	if err != nil || n == 0 {
		return 0, err
	}
	if h.Opcode.IsControl() {
		return r.control(&h, p, n, ev)
	}
	if err := r.begin(&h); err != nil {
		return 0, err
	}
	return n, nil
}

// control takes a control frame, which has a header of n bytes, once it is whole; its payload is never longer than 125
// bytes.
func (r *Receiver) control(h *frame.Header, p []byte, n int, ev *Event) (int, error) {
	if err := r.checker.Check(h); err != nil {
		return 0, err
	}
	end := n + int(h.Length)
	if len(p) < end {
		return 0, nil
	}
	ev.Payload = p[n:end:end]
	if h.Masked {
		mask.XOR(h.Key, 0, ev.Payload)
	}
	switch h.Opcode {
	case frame.Ping:
		ev.Kind = Ping
	case frame.Pong:
		ev.Kind = Pong
	case frame.Close:
		code, _, err := frame.ParseClose(ev.Payload)
		if err != nil {
			return end, err
		}
		ev.Kind, ev.Code, ev.Payload, r.closed = Close, code, ev.Payload[min(2, len(ev.Payload)):], true
	}
	return end, nil
}

// begin starts a data frame. All limits that the header can break are checked here, before any of its payload counts.
func (r *Receiver) begin(h *frame.Header) error {
	if err := r.checker.Check(h); err != nil {
		return err
	}
	if h.Opcode != frame.Continuation {
		r.typ = MessageType(h.Opcode)
		r.begun, r.size, r.fragments = false, 0, 0
		r.compressed = h.RSV&frame.RSV1 != 0
		if r.compressed {
			r.needInflater().packed = 0
		}
		r.text.Reset()
	}
	if h.Length < SmallFragment {
		r.fragments++
	}
	if r.maxFragments >= 0 && r.fragments > r.maxFragments {
		return ErrTooManyFragments
	}
	if r.compressed && r.tooMuchPacked(h.Length) || !r.compressed && h.Length > r.room() {
		return ErrMessageTooBig
	}
	r.inFrame, r.fin, r.masked, r.key, r.pos, r.left = true, h.Fin, h.Masked, h.Key, 0, h.Length
	return nil
}

// room returns how many bytes more the message may have. It is negative if the limit was lowered meanwhile.
func (r *Receiver) room() int64 {
	limit := r.limit.Load()
	if limit < 0 {
		return math.MaxInt64
	}
	return limit - r.size
}

// data takes what there is of the current frame's payload.
func (r *Receiver) data(p []byte, ev *Event) (n int, err error) {
	n = int(min(int64(len(p)), r.left))
	part := p[:n:n]
	r.unmask(part)
	r.left -= int64(n)
	r.inFrame = r.left > 0
	return n, r.payload(part, r.fin && !r.inFrame, ev)
}

// unmask takes the mask off p, which is what comes next of the frame (§5.3).
func (r *Receiver) unmask(p []byte) {
	if r.masked {
		r.pos = uint8(mask.XOR(r.key, int(r.pos), p))
	}
}

// payload is the seam that every byte of a message passes, after framing and before the caller. It reports nothing for a
// part that is empty and not the last.
func (r *Receiver) payload(part []byte, last bool, ev *Event) error {
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
	ev.Kind, ev.Type, ev.Fin, ev.Payload = Data, r.typ, last, part
	r.begun = true
	return nil
}

// InFrame reports whether the rest of a frame's payload is still to come.
func (r *Receiver) InFrame() bool { return r.inFrame }

// InMessage reports whether a message has begun and its last part was not reported yet.
func (r *Receiver) InMessage() bool { return r.inFrame || r.checker.InMessage() }

// Compressed reports whether the message that is coming in, or came last, is compressed, so that its parts lie in the
// output.
func (r *Receiver) Compressed() bool { return r.compressed }

// Inflates reports whether Next would decompress something, given p.
func (r *Receiver) Inflates(p []byte) bool {
	switch {
	case r.window == 0 || len(p) == 0:
		return false
	case r.inFrame || frame.Opcode(p[0]&0xf) == frame.Continuation:
		return r.compressed
	}
	return frame.RSV(p[0]>>4)&frame.RSV1 != 0
}

// Message returns the type of the message that is coming in, or came last, and how many of its bytes were reported.
func (r *Receiver) Message() (MessageType, int64) {
	if !r.begun {
		return r.typ, 0
	}
	return r.typ, r.size
}

// Packed returns how many bytes of payload the message had as it came, once its last part was reported: with compression before it
// was decompressed. That of a compressed message is known until SetOutput is called.
func (r *Receiver) Packed() int64 {
	switch {
	case !r.compressed:
		return r.size
	case r.inflater == nil:
		return 0
	}
	return r.inflater.packed
}

// Expected returns how many bytes of payload will come that Next reports as they are, one after the other, with nothing
// between them: what is left of a frame that is not compressed. A driver may read these to where it wants to have them.
func (r *Receiver) Expected() int64 {
	if !r.inFrame || r.compressed {
		return 0
	}
	return r.left
}

// Release gives back the memory of a decompressor. The Receiver must not be used after.
func (r *Receiver) Release() {
	if r.inflater != nil {
		r.inflater.Release()
	}
}
