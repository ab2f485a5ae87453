package protocol

import (
	"cmp"
	"sync"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
)

// packer is how a connection compresses what it sends. It belongs to whoever is about to send a message, except for what says
// otherwise.
type packer struct {
	compressor *deflate.Compressor // nil until it is needed and, without context takeover, between messages
	minSize    int                 // of messages that are compressed, in bytes
	window     uint8               // in bits
	takeover   bool                // messages refer to earlier ones
	settled    deflate.Level       // of the compressor

	// These belong to the queue.
	off   bool          // messages go out as they are
	level deflate.Level // of messages that begin
}

// Form is what the compressed payload of a message depends on besides the message, if it refers to no earlier one: two
// connections with the same Form may send the same bytes.
type Form struct {
	WindowBits int           // 8 to 15
	Level      deflate.Level // how hard to look for repetitions
}

// newPacker returns what o.Deflate asks for, which is not nil.
func newPacker(o *Options) *packer {
	p := &packer{minSize: deflate.DefaultMinSize}
	p.window, p.takeover = outgoing(o.Deflate, o.Role == Server)
	if d := o.DeflateOptions; d != nil {
		p.level, p.minSize = d.Level, cmp.Or(d.MinSize, deflate.DefaultMinSize)
	}
	p.settled = p.level
	return p
}

// outgoing returns how the server, or the client, compresses what it sends: with a window of so many bits, and whether with context
// takeover.
func outgoing(p *deflate.Params, server bool) (window uint8, takeover bool) {
	bits, takeover := p.ClientMaxWindowBits, !p.ClientNoContextTakeover
	if server {
		bits, takeover = p.ServerMaxWindowBits, !p.ServerNoContextTakeover
	}
	return uint8(cmp.Or(bits, defaultWindow)), takeover
}

// defaultWindow is the size of a window that was not agreed on, in bits (RFC 7692 §7.1.2.1).
const defaultWindow = 15

// compression returns parameters with which a server compresses like that.
func compression(window uint8, takeover bool) deflate.Params {
	return deflate.Params{ServerMaxWindowBits: int(window), ServerNoContextTakeover: !takeover}
}

// compressors are those that nobody needs.
var compressors = sync.Pool{New: func() any { return new(deflate.Compressor) }}

// need returns the compressor, making it if necessary. It is not inlined to keep it off the stack while compressing.
//
//go:noinline
func (p *packer) need() *deflate.Compressor {
	if p.compressor == nil {
		p.compressor = compressors.Get().(*deflate.Compressor)
		p.compressor.Reset(compression(p.window, p.takeover), true, &deflate.Options{Level: p.settled})
	}
	return p.compressor
}

// drop lets go of the compressor.
func (p *packer) drop() {
	if c := p.compressor; c != nil {
		p.compressor = nil
		c.Release()
		compressors.Put(c)
	}
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
	if p := s.packer; !s.open && p.level != p.settled {
		p.drop()
		p.settled = p.level
	}
}

// Packs reports whether the next part of a message, of n bytes, is to be compressed: the first part decides for all. A
// message in one part is if it is long enough to gain (deflate.Options.MinSize).
func (s *Sender) Packs(n int, fin bool) bool {
	if s.open {
		return s.packing
	}
	return s.packer != nil && !s.packer.off && (!fin || n >= s.packer.minSize)
}

// Compressor returns what compresses the next part of a message, or nil if compression was not agreed to. With [Sender.Packed] it
// is Message and Fragment in steps, for drivers that must not hold up the queue meanwhile: for every part for which [Sender.Packs]
// holds [Sender.Settle], [deflate.Compressor.AppendPart], and then Packed. It belongs to who is about to send a message, until
// Packed is called; one part at a time may be on its way between the two, and it must be queued, or nothing that comes after can
// be read: what was compressed is part of the context (RFC 7692 §7.2.1).
func (s *Sender) Compressor() *deflate.Compressor {
	if s.packer == nil {
		return nil
	}
	return s.packer.need()
}

// Commit makes a message part of the context that [Form.Pack] has compressed, before it is queued by Packed. It belongs to who is
// about to send a message.
func (s *Sender) Commit(message []byte) {
	if s.packer.takeover {
		s.packer.need().Commit(message)
	}
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
	if fin && !s.packer.takeover {
		s.packer.drop()
	}
	return nil
}

// Form returns what the compressed form of messages depends on. The Sender compresses.
func (s *Sender) Form() Form { return Form{int(s.packer.window), s.packer.settled} }

// Pack compresses a message without reference to any other and appends it to dst. Where it is sent, [Sender.Commit] makes it part
// of the context.
func (f Form) Pack(dst, message []byte) []byte {
	params := compression(uint8(f.WindowBits), false)
	return params.Compressor(true, &deflate.Options{Level: f.Level}).Append(dst, message)
}
