package protocol

import (
	"github.com/seed60239977/websocket/frame"
	"github.com/seed60239977/websocket/internal/buffer"
	"github.com/seed60239977/websocket/internal/random"
	"github.com/seed60239977/websocket/mask"
)

// through is a payload that is written from where the caller has it.
type through struct {
	payload []byte // what is still to be written behind Sender.writing
	masked  bool
	key     [4]byte
	pos     int // of payload, modulo 4
}

// needMore returns s.more, making it if necessary.
func (s *Sender) needMore() *senderMore {
	if s.more == nil {
		s.more = new(senderMore)
	}
	return s.more
}

// isThrough reports whether a payload that is written from where it is has bytes left.
func (s *Sender) isThrough() bool { return s.through }

// maskedPiece is how much of such a payload a client masks and writes at a time, in bytes.
const maskedPiece = 64 << 10

// Take makes the queue the bytes that are being written, unless there are some already. It reports whether there are any.
func (s *Sender) Take() bool {
	if s.Taken() {
		return true
	}
	s.pongs = 0
	if s.more != nil {
		s.answerNewest()
	}
	s.writing, s.queued = s.queued, nil
	return s.writing != nil
}

// Taken reports whether bytes that were taken are still to be written.
func (s *Sender) Taken() bool { return s.writing != nil || s.isThrough() }

// Through queues a message behind everything else, without compression, and takes all of that. payload is not copied but
// written from where it is, so it must stay as it is until [Sender.Through] is over: [Sender.Done] has come to what Queued is now,
// or [Sender.Detach] was called. It reports false, and does nothing, if bytes that were taken before are not written yet:
// Through is for the writer. The error is [ErrCloseSent].
func (s *Sender) Through(t MessageType, payload []byte) (bool, error) {
	if s.closeSent {
		return false, ErrCloseSent
	}
	if s.Taken() {
		return false, nil
	}
	s.Take() // what is queued goes with it, so that it cannot be overtaken for ever
	h := frame.Header{Fin: true, Opcode: frame.Opcode(t), Masked: s.role.Masks(), Length: int64(len(payload))}
	if h.Masked {
		random.Fill(h.Key[:])
	}
	if s.writing == nil {
		s.writing = buffer.Get(frame.MaxHeaderSize)
	}
	s.writing = s.writing.Grow(frame.MaxHeaderSize)
	s.writing.B = h.Append(s.writing.B)
	more := s.needMore()
	more.through = through{payload: payload, masked: h.Masked, key: h.Key}
	s.through = len(payload) > 0
	more.taken = int64(len(s.writing.B)) + h.Length
	return true, nil
}

// Pending returns what is to be written next, more right behind p. Both are valid, and stay the same, until Sent or Detach.
// With nothing to write both are empty. Whoever writes calls it, and may do so while others queue. It takes as long as
// masking up to 64 KiB.
func (s *Sender) Pending() (p, more []byte) {
	if s.isThrough() {
		if s.more.through.masked {
			s.maskNext()
		}
		if !s.more.through.masked {
			more = s.more.through.payload
		}
	}
	if s.writing != nil {
		p = s.writing.B[s.writing.Done:]
	}
	return p, more
}

// maskNext moves the next piece of a payload that is written from where it is, masked, behind what is to be written, unless
// there is enough of that.
func (s *Sender) maskNext() {
	have := 0
	if s.writing != nil {
		have = len(s.writing.B) - s.writing.Done
	}
	if have < maskedPiece/2 {
		s.moveThrough(min(maskedPiece-have, len(s.more.through.payload)))
	}
}

// moveThrough moves n bytes of the payload that is written from where it is into writing.
func (s *Sender) moveThrough(n int) {
	t := &s.more.through
	if s.writing == nil {
		s.writing = buffer.Get(n)
	}
	s.writing = s.writing.Grow(n)
	start := len(s.writing.B)
	s.writing.B = s.writing.B[:start+n]
	if t.masked {
		t.pos = (mask.Copy(s.writing.B[start:], t.payload[:n], t.key, t.pos)) & 3
	} else {
		copy(s.writing.B[start:], t.payload[:n])
	}
	if t.payload = t.payload[n:]; len(t.payload) == 0 {
		s.dropThrough()
	}
}

// Sent notes that the next n bytes of what Pending returned are on the wire. It belongs to the queue.
func (s *Sender) Sent(n int) {
	s.sent += int64(n)
	if s.more != nil {
		s.more.taken = max(0, s.more.taken-int64(n))
	}
	if s.writing != nil {
		k := min(n, len(s.writing.B)-s.writing.Done)
		n -= k
		s.wroteOut(k)
	}
	if n > 0 {
		t := &s.more.through
		if t.payload = t.payload[n:]; len(t.payload) == 0 {
			s.dropThrough()
		}
	}
}

// wroteOut notes that the next n bytes of writing are on the wire.
func (s *Sender) wroteOut(n int) {
	switch {
	case s.writing.Done+n == len(s.writing.B):
		s.dropWriting()
	case n == 0: // and nothing of a buffer that others share is touched
	case s.writing.Shared():
		s.writing = buffer.Share(s.writing.B[n:])
	default:
		s.writing.Done += n
	}
}

// Detach copies what is left of a payload that is written from where it is, so that the caller's bytes may change. It
// belongs to who writes.
func (s *Sender) Detach() {
	if s.isThrough() {
		s.moveThrough(len(s.more.through.payload))
	}
}

func (s *Sender) dropThrough() { s.more.through, s.through = through{}, false }

func (s *Sender) dropWriting() {
	s.writing.Release()
	s.writing = nil
}
