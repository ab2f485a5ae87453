package conn

import (
	"bytes"
	"context"
	"sync"

	"github.com/seed60239977/websocket/deflate"
	"github.com/seed60239977/websocket/frame"
)

// Prepared is a message that goes to many connections: it is encoded once, however many they are. It is safe for
// concurrent use, and any connection of either role may send it.
type Prepared struct {
	typ     MessageType
	payload []byte
	plain   []byte // the frame as a server sends it; a client masks each anew (§5.3)

	mu     sync.Mutex
	packed map[deflateKey][]byte // compressed payloads
}

// deflateKey tells compressed forms of a message apart.
type deflateKey struct {
	windowBits int
	level      deflate.Level
}

// deflateKey returns which form of a prepared message the connection sends.
func (c *Conn) deflateKey() deflateKey {
	key := deflateKey{windowBits: c.cfg.Deflate.ClientMaxWindowBits}
	if c.role == frame.Server {
		key.windowBits = c.cfg.Deflate.ServerMaxWindowBits
	}
	if c.cfg.DeflateOptions != nil {
		key.level = c.cfg.DeflateOptions.Level
	}
	return key
}

// compressed returns the compressed payload. It refers to no earlier message, so that it is the same for every
// connection, and right also for those with context takeover.
func (p *Prepared) compressed(key deflateKey) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b, ok := p.packed[key]; ok {
		return b
	}
	params := deflate.Params{ServerNoContextTakeover: true, ServerMaxWindowBits: key.windowBits}
	b := params.Compressor(true, &deflate.Options{Level: key.level}).Append(nil, p.payload)
	if p.packed == nil {
		p.packed = map[deflateKey][]byte{}
	}
	p.packed[key] = b
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
	return &Prepared{typ: typ, payload: plain[len(plain)-len(data):], plain: plain}
}

// Message returns the message that was prepared. Its data must not be changed.
func (p *Prepared) Message() Message { return Message{p.typ, p.payload} }

func (p *Prepared) outgoing() outgoing {
	return outgoing{opcode: frame.Opcode(p.typ), fin: true, payload: p.payload, prepared: p}
}

// WritePrepared is [Conn.Write] for a message that was prepared.
func (c *Conn) WritePrepared(ctx context.Context, p *Prepared) error {
	_, err := c.write(ctx, p.outgoing())
	return err
}

// SendPrepared is [Conn.Send] for a message that was prepared.
func (c *Conn) SendPrepared(p *Prepared) error { return c.send(p.outgoing()) }

// keep makes m good for later: a caller's payload is copied, a prepared one never changes.
func (m outgoing) keep() outgoing {
	if m.prepared == nil {
		m.payload = bytes.Clone(m.payload)
	}
	return m
}
