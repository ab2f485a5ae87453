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
	form packedForm // of prepared messages
}

// newPacker returns what Config.Deflate asks for, which is not nil.
func newPacker(role frame.Role, cfg *Config) *packer {
	p := &packer{Compressor: cfg.Deflate.Compressor(role == frame.Server, cfg.DeflateOptions)}
	p.form.windowBits = cfg.Deflate.ClientMaxWindowBits
	if role == frame.Server {
		p.form.windowBits = cfg.Deflate.ServerMaxWindowBits
	}
	if cfg.DeflateOptions != nil {
		p.form.level = cfg.DeflateOptions.Level
	}
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
