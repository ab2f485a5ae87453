package protocol

import (
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
)

// packer compresses what a connection sends. It belongs to whoever is about to send a message.
type packer struct {
	*deflate.Compressor
	form Form // of the Compressor

	// For SetCompression.
	params  deflate.Params
	server  bool
	minSize int
	off     bool          // messages go out as they are
	level   deflate.Level // of messages that begin
}

// Form is what the compressed payload of a message depends on besides the message, if it refers to no earlier one: two
// connections with the same Form may send the same bytes.
type Form struct {
	WindowBits int           // 8 to 15
	Level      deflate.Level // how hard to look for repetitions
}

// newPacker returns what o.Deflate asks for, which is not nil.
func newPacker(o *Options) *packer {
	p := &packer{Compressor: o.Deflate.Compressor(o.Role == Server, o.DeflateOptions)}
	p.form.WindowBits = o.Deflate.ClientMaxWindowBits
	if o.Role == Server {
		p.form.WindowBits = o.Deflate.ServerMaxWindowBits
	}
	if o.DeflateOptions != nil {
		p.form.Level, p.minSize = o.DeflateOptions.Level, o.DeflateOptions.MinSize
	}
	p.params, p.server, p.level = *o.Deflate, o.Role == Server, p.form.Level
	return p
}

// SetCompression says for messages that begin from now on whether they are compressed, and how hard. A fragmented message that
// has begun stays as it is. If compression was not agreed to, nothing changes. level is one that exists. After a change of
// level, the first message refers to no earlier one.
func (s *Sender) SetCompression(on bool, level deflate.Level) {
	if p := s.packer; p != nil {
		p.off, p.level = !on, level
	}
}

// Settle makes a change of the level hold, when a message begins that is to be compressed. It belongs to the queue and to the
// compressor.
func (s *Sender) Settle() {
	p := s.packer
	if s.open || p.level == p.form.Level {
		return
	}
	p.Compressor.Release()
	p.Compressor = p.params.Compressor(p.server, &deflate.Options{Level: p.level, MinSize: p.minSize})
	p.form.Level = p.level
}

// Packs reports whether the next part of a message, of n bytes, is to be compressed: the first part decides for all. A
// message in one part is if it is long enough to gain (deflate.Options.MinSize).
func (s *Sender) Packs(n int, fin bool) bool {
	if s.open {
		return s.packing
	}
	return s.packer != nil && !s.packer.off && (!fin || s.packer.Worthwhile(n))
}

// Compressor returns what compresses the messages that are sent, or nil if that was not agreed to. With [Sender.Packed] it is
// Message and Fragment in steps, for drivers that must not hold up the queue meanwhile: for every part for which [Sender.Packs]
// holds [Sender.Settle], [deflate.Compressor.AppendPart], and then Packed. It belongs to who is about to send a message; one part at a time
// may be on its way between the two, and it must be queued, or nothing that comes after can be read: what was compressed is part of
// the context (RFC 7692 §7.2.1).
func (s *Sender) Compressor() *deflate.Compressor {
	if s.packer == nil {
		return nil
	}
	return s.packer.Compressor
}

// PackedBound returns the most bytes that a part of n bytes becomes.
func PackedBound(n int) int { return n + n/1024 + 64 }

// Packed queues a part of a message that the Compressor has compressed. The error is [ErrCloseSent]; then the compressor is out of
// step, but nothing is sent any more.
func (s *Sender) Packed(t MessageType, packed []byte, fin bool) error {
	if s.closeSent {
		return ErrCloseSent
	}
	var rsv frame.RSV
	if !s.open {
		rsv = frame.RSV1 // on the first frame alone (RFC 7692 §6.1)
	}
	s.add(s.opcode(t), rsv, packed, fin)
	return nil
}

// Form returns what the compressed form of messages depends on. The Sender compresses.
func (s *Sender) Form() Form { return s.packer.form }

// Pack compresses a message without reference to any other and appends it to dst. Where it is sent, Compressor.Commit makes the
// message part of the context.
func (f Form) Pack(dst, message []byte) []byte {
	params := deflate.Params{ServerNoContextTakeover: true, ServerMaxWindowBits: f.WindowBits}
	return params.Compressor(true, &deflate.Options{Level: f.Level}).Append(dst, message)
}
