package protocol

import (
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/buffer"
	"github.com/seed60239977/websocket/internal/random"
	"github.com/seed60239977/websocket/mask"
)

// Sender is the sending half of a connection: messages, fragments and control frames in, bytes out, in the order in which they
// are to be sent. [NewSender] makes one.
//
// It has three parts, which different goroutines may use at the same time:
//
//   - The compressor: [Sender.Compressor], for a caller that is about to send a message.
//   - The queue: everything else, under one lock of the driver's if it has several goroutines. No call takes longer
//     than copying what it is given; with compression, [Sender.Message] and [Sender.Fragment] use the compressor too, and take as
//     long as that does.
//   - The bytes being written: [Sender.Pending], for the writer. They were taken out of the queue by [Sender.Take], and stay
//     as they are until [Sender.Sent], which both belong to the queue.
//
// A Sender shares nothing with the [Receiver] of the same connection.
//
// Invariants: what is to be written is writing from its Done on, then the rest of more.through, then what is queued. Nothing is queued behind a close frame (§5.5.1). While open is set, the last fragment of a message is still
// to come, and no other message may (§5.4).
type Sender struct {
	role      Role
	pongs     uint8 // in queued
	open      bool
	packing   bool // the message that is open is compressed
	closeSent bool
	through   bool // more.through has bytes left: while it has, more stays; belongs to who writes

	packer  *packer        // nil: compression was not agreed to
	queued  *buffer.Buffer // whole frames
	writing *buffer.Buffer // what is being written
	sent    int64          // bytes that Sent was told of
	more    *senderMore    // what few connections need; nil until it is needed
}

// senderMore is what most connections do without.
type senderMore struct {
	newest  *latePong // what answers the newest ping, once pongs were too many; nil until that happens
	through through   // a payload that is written from where it is, behind writing
	taken   int64     // bytes of both; belongs to the queue, unlike these, which change while Pending is called
}

// NewSender returns the sending half of a connection.
func NewSender(o Options) *Sender {
	s := new(Sender)
	s.Init(&o)
	return s
}

// Init makes s, a zero Sender, the sending half of a connection, for drivers that keep it among other things.
func (s *Sender) Init(o *Options) {
	s.role = o.Role
	if o.Deflate != nil {
		s.packer = newPacker(o)
	}
}

// MaxQueued is how many bytes may be waiting before [Sender.Full] says that senders should wait.
const MaxQueued = 64 << 10

// Full reports whether [MaxQueued] bytes are waiting that are not being written, so that callers that can wait should do so.
// Nothing is refused.
func (s *Sender) Full() bool { return s.queued != nil && len(s.queued.B) >= MaxQueued }

// Waiting returns how many bytes of frames are queued and not being written yet.
func (s *Sender) Waiting() int {
	if s.queued == nil {
		return 0
	}
	return len(s.queued.B)
}

// Buffered returns how many bytes of frames were queued and not yet sent.
func (s *Sender) Buffered() int64 {
	n := int64(s.Waiting())
	switch {
	case s.more != nil && s.more.taken > 0:
		n += s.more.taken
	case s.writing != nil:
		n += int64(len(s.writing.B) - s.writing.Done)
	}
	return n
}

// Queued returns how many bytes were ever queued, minus those that were dropped. Everything queued so far is on the wire once
// [Sender.Done] returns that number.
func (s *Sender) Queued() int64 { return s.sent + s.Buffered() }

// Done returns how many bytes were ever sent.
func (s *Sender) Done() int64 { return s.sent }

// Err returns [ErrCloseSent] once a close frame was queued, and nil before.
func (s *Sender) Err() error {
	if s.closeSent {
		return ErrCloseSent
	}
	return nil
}

// InMessage reports whether the last fragment of a message is still to come: then only fragments and control frames may be
// queued.
func (s *Sender) InMessage() bool { return s.open }

// Message queues a message in one frame, compressed if that was agreed on and is worthwhile. payload is neither changed nor
// kept. Text must be UTF-8, which is not checked. The error is [ErrCloseSent].
func (s *Sender) Message(t MessageType, payload []byte) error {
	return s.Fragment(t, payload, true)
}

// Fragment queues the next part of a message as a frame of its own, and with fin the last one. All parts of a message have
// the same type. payload is neither changed nor kept. The error is [ErrCloseSent].
func (s *Sender) Fragment(t MessageType, payload []byte, fin bool) error {
	if s.closeSent {
		return ErrCloseSent
	}
	if s.Packs(len(payload), fin) {
		return s.packFragment(t, payload, fin)
	}
	s.add(s.opcode(t), 0, payload, fin)
	return nil
}

// packFragment is Fragment with compression.
func (s *Sender) packFragment(t MessageType, payload []byte, fin bool) error {
	s.Settle()
	packed := buffer.Get(PackedBound(len(payload)))
	packed.B = s.packer.need().AppendPart(packed.B, payload, fin)
	err := s.Packed(t, packed.B, fin)
	packed.Release()
	return err
}

// Encoded queues a message that [Encode] has encoded. If nothing else waits it is not copied. It is for servers, which do not
// mask, and between messages. The error is [ErrCloseSent].
func (s *Sender) Encoded(m *Encoded) error {
	if s.closeSent {
		return ErrCloseSent
	}
	if s.queued == nil {
		s.queued = m.frame
	} else {
		s.queued = s.queued.Add(m.frame.B)
	}
	return nil
}

// Encoded is a message in one frame as a server sends it, uncompressed. It never changes, and any number of connections may
// send it at once.
type Encoded struct {
	frame  *buffer.Buffer
	header int // bytes of it
}

// Encode encodes a message for any number of connections. payload is copied; text must be UTF-8 and is not checked.
func Encode(t MessageType, payload []byte) *Encoded {
	h := frame.Header{Fin: true, Opcode: frame.Opcode(t), Length: int64(len(payload))}
	b := h.Append(make([]byte, 0, h.Size()+len(payload)))
	return &Encoded{frame: buffer.Share(append(b, payload...)), header: len(b)}
}

// Payload returns the message, which must not be changed.
func (m *Encoded) Payload() []byte { return m.frame.B[m.header:] }

// Ping queues a ping (§5.5.2). payload is not kept. The error is [ErrControlTooLong] or [ErrCloseSent].
func (s *Sender) Ping(payload []byte) error { return s.control(frame.Ping, payload) }

// Pong queues a pong in any case: "A Pong frame MAY be sent unsolicited" (§5.5.3). [Sender.Answer] is for the answer to a
// ping. The rest is as with Ping.
func (s *Sender) Pong(payload []byte) error { return s.control(frame.Pong, payload) }

// control queues a control frame: these "MAY be injected in the middle of a fragmented message" (§5.4).
func (s *Sender) control(op frame.Opcode, payload []byte) error {
	switch {
	case s.closeSent:
		return ErrCloseSent
	case len(payload) > frame.MaxControlPayload:
		return ErrControlTooLong
	}
	s.add(op, 0, payload, true)
	return nil
}

// Close queues a close frame, after which nothing may be sent (§5.5.1). It may come between the fragments of a message, but not
// in the middle of a frame. The error is that of [frame.AppendClose], or [ErrCloseSent] if there was one before; in both cases
// nothing is queued.
func (s *Sender) Close(code StatusCode, reason string) error {
	if s.closeSent {
		return ErrCloseSent
	}
	var room [frame.MaxControlPayload]byte
	body, err := frame.AppendClose(room[:0], code, reason)
	if err != nil {
		return err
	}
	s.add(frame.Close, 0, body, true)
	s.closeSent = true
	return nil
}

// opcode returns that of the next frame of a message.
func (s *Sender) opcode(t MessageType) frame.Opcode {
	if s.open {
		return frame.Continuation
	}
	return frame.Opcode(t)
}

// add encodes one frame at the end of the queue. Header and payload lie in one buffer, so that one write sends both, and
// masking works on that copy.
func (s *Sender) add(op frame.Opcode, rsv frame.RSV, payload []byte, fin bool) {
	if !op.IsControl() {
		s.open, s.packing = !fin, rsv != 0 || op == frame.Continuation && s.packing
	}
	s.Reserve(len(payload))
	var h frame.Header // set field by field: copying what was just written makes the processor wait
	h.Fin, h.RSV, h.Opcode, h.Masked, h.Length = fin, rsv, op, s.role.Masks(), int64(len(payload))
	if h.Masked {
		random.Fill(h.Key[:]) // each frame has a key of its own (§5.3)
	}
	s.queued.B = h.Append(s.queued.B)
	start := len(s.queued.B)
	s.queued.B = s.queued.B[:start+len(payload)]
	if h.Masked {
		mask.Copy(s.queued.B[start:], payload, h.Key, 0)
	} else {
		copy(s.queued.B[start:], payload)
	}
}

// Reserve makes room for a frame with n bytes of payload, so that queueing it needs no memory any more: for drivers whose
// goroutines wait on small stacks, since getting memory takes much of the stack.
func (s *Sender) Reserve(n int) {
	n += frame.MaxHeaderSize
	if s.queued == nil || n > cap(s.queued.B)-len(s.queued.B) || s.queued.Shared() {
		s.room(n)
	}
}

// room makes room for n bytes in the queue.
func (s *Sender) room(n int) {
	if s.queued == nil {
		s.queued = buffer.Get(n)
	} else {
		s.queued = s.queued.Grow(n)
	}
}

// Role returns which end of the connection this is.
func (s *Sender) Role() Role { return s.role }

// DropQueue discards what is queued and was not taken: nothing more will be written.
func (s *Sender) DropQueue() {
	s.queued.Release()
	s.queued = nil
	if s.more != nil {
		s.more.newest = nil
	}
}

// DropTaken discards what Take took: nothing more will be written. It belongs to the goroutine that writes.
func (s *Sender) DropTaken() {
	s.dropWriting()
	if s.more != nil {
		s.dropThrough()
		s.more.taken = 0
	}
}

// ReleasePacker releases the memory of the compressor. Nothing may be compressed after that.
func (s *Sender) ReleasePacker() {
	if s.packer != nil {
		s.packer.drop()
	}
}
