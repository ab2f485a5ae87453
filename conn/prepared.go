package conn

import (
	"bytes"
	"context"
	"sync"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
)

// Prepared is a message that goes to many connections: it is encoded once, however many they are. It is safe for
// concurrent use, and any connection of either role may send it. It must not be copied, nor be shared by bubbles of
// testing/synctest.
type Prepared struct {
	typ     MessageType
	payload []byte
	plain   buffer // the frame as a server sends it; a client masks each anew (§5.3)

	rounds rounds

	mu     sync.Mutex
	packed map[packedForm][]byte // compressed payloads
}

// packedForm tells compressed forms of a message apart.
type packedForm struct {
	windowBits int
	level      deflate.Level
}

// packer compresses what a connection sends.
type packer struct {
	*deflate.Compressor
	form packedForm // of prepared messages; its level is that of the Compressor

	// For SetWriteCompression.
	params  deflate.Params
	server  bool
	minSize int
	off     bool          // messages go out as they are
	level   deflate.Level // of messages that begin
}

// SetWriteCompression says for messages that begin to go out from now on whether they are compressed, and how hard. It
// takes the place of the Level with which compression was agreed to; MinSize goes on to hold. A message that a
// [Conn.Writer] has begun to send stays as it is. If compression was not agreed to, nothing changes. A level that does not
// exist is refused with a [*deflate.OptionsError].
//
// After a change of level, the first message refers to no earlier one.
func (c *Conn) SetWriteCompression(enabled bool, level deflate.Level) error {
	if err := (&deflate.Options{Level: level}).Validate(); err != nil {
		return err
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if p := c.out.packer; p != nil {
		p.off, p.level = !enabled, level
		if c.rarely(); !c.out.open && p.level != p.form.level { // else once the message has ended, in encodeDeferred, which needs c.rare
			p.settle()
		}
	}
	return nil
}

// settle makes the Compressor one of the level that was set last, when no message is open. It is not inlined, for the
// stack's sake: see Conn.awaitMessage.
//
//go:noinline
func (p *packer) settle() {
	p.Compressor.Release()
	p.Compressor = p.params.Compressor(p.server, &deflate.Options{Level: p.level, MinSize: p.minSize})
	p.form.level = p.level
}

// newPacker returns what Config.Deflate asks for, which is not nil.
func newPacker(role frame.Role, cfg *Config) *packer {
	p := &packer{Compressor: cfg.Deflate.Compressor(role == frame.Server, cfg.DeflateOptions)}
	p.form.windowBits = cfg.Deflate.ClientMaxWindowBits
	if role == frame.Server {
		p.form.windowBits = cfg.Deflate.ServerMaxWindowBits
	}
	if cfg.DeflateOptions != nil {
		p.form.level, p.minSize = cfg.DeflateOptions.Level, cfg.DeflateOptions.MinSize
	}
	p.params, p.server, p.level = *cfg.Deflate, role == frame.Server, p.form.level
	return p
}

// compressed returns the compressed payload. It refers to no earlier message, so that it is the same for every
// connection, and right also for those with context takeover.
func (p *Prepared) compressed(form packedForm) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b, ok := p.packed[form]; ok {
		return b
	}
	params := deflate.Params{ServerNoContextTakeover: true, ServerMaxWindowBits: form.windowBits}
	b := params.Compressor(true, &deflate.Options{Level: form.level}).Append(nil, p.payload)
	if p.packed == nil {
		p.packed = map[packedForm][]byte{}
	}
	p.packed[form] = b
	return b
}

// Prepare encodes a message. data is copied; text must be UTF-8 and is not checked. Prepare panics if typ is neither Text
// nor Binary, which is a mistake in the program.
func Prepare(typ MessageType, data []byte) *Prepared {
	if !typ.valid() {
		panic(ErrMessageType)
	}
	h := frame.Header{Fin: true, Opcode: frame.Opcode(typ), Length: int64(len(data))}
	plain := h.Append(make([]byte, 0, h.Size()+len(data)))
	plain = append(plain, data...)
	return &Prepared{typ: typ, payload: plain[len(plain)-len(data):], plain: buffer{b: plain, shared: true}}
}

// Message returns the message that was prepared. Its data must not be changed.
func (p *Prepared) Message() Message { return Message{p.typ, p.payload} }

func (p *Prepared) outgoing() outgoing {
	return outgoing{opcode: frame.Opcode(p.typ), fin: true, payload: p.payload, prepared: p}
}

// WritePrepared is [Conn.Write] for a message that was prepared.
func (c *Conn) WritePrepared(ctx context.Context, p *Prepared) error {
	m := p.outgoing()
	end, err := c.submit(ctx, &m)
	if err != nil || end == 0 || c.gathered() {
		return err
	}
	return c.flush(ctx, end)
}

// SendPrepared is [Conn.Send] for a message that was prepared.
func (c *Conn) SendPrepared(p *Prepared) error {
	m := p.outgoing()
	return c.send(&m)
}

// keep makes m good for later: a caller's payload is copied, a prepared one never changes.
func (m *outgoing) keep() outgoing {
	kept := *m
	if m.prepared == nil {
		kept.payload = bytes.Clone(m.payload)
	}
	return kept
}
