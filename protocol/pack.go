package protocol

import (
	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
)

// packer compresses what a connection sends. It belongs to whoever is about to send a message.
type packer struct {
	*deflate.Compressor
	form Form
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
		p.form.Level = o.DeflateOptions.Level
	}
	return p
}

// Packs reports whether the next part of a message, of n bytes, is to be compressed: the first part decides for all. A
// message in one part is if it is long enough to gain (deflate.Options.MinSize).
func (s *Sender) Packs(n int, fin bool) bool {
	if s.open {
		return s.packing
	}
	return s.packer != nil && (!fin || s.packer.Worthwhile(n))
}

// Pack compresses the next part of a message, fin the last, appends that to dst, and returns the extended slice: what
// [Sender.Packed] is then called with. It is [Sender.Message] and [Sender.Fragment] in two steps, for drivers that must not
// hold up the queue meanwhile. One part at a time may be on its way between the two, and it must be queued, or nothing that
// comes after can be read: what was compressed is part of the context (RFC 7692 §7.2.1). Pack is only for parts for which
// [Sender.Packs] holds. dst and part must not overlap.
func (s *Sender) Pack(dst, part []byte, fin bool) []byte { return s.packer.AppendPart(dst, part, fin) }

// PackedBound returns the most bytes that Pack appends for n bytes.
func PackedBound(n int) int { return n + n/1024 + 64 }

// Packed queues a part of a message that Pack has compressed. The error is [ErrCloseSent]; then the compressor is out of
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

// Commit makes a message part of the context of compression that [Form.Pack] has compressed, and that Packed is then called
// with. It is to Form.Pack what nothing is to Pack, and belongs to the packer like that.
func (s *Sender) Commit(message []byte) { s.packer.Commit(message) }

// Pack compresses a message without reference to any other and appends it to dst.
func (f Form) Pack(dst, message []byte) []byte {
	params := deflate.Params{ServerNoContextTakeover: true, ServerMaxWindowBits: f.WindowBits}
	return params.Compressor(true, &deflate.Options{Level: f.Level}).Append(dst, message)
}
