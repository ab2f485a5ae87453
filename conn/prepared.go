package conn

import (
	"context"

	"github.com/seed60239977/websocket/internal/buffer"
	"github.com/seed60239977/websocket/internal/ctxmutex"
	"github.com/seed60239977/websocket/protocol"
)

// Prepared is a message that is encoded once and sent on any number of connections, of either role. It is safe for concurrent
// use. It must not be copied, nor shared between bubbles of testing/synctest.
type Prepared struct {
	typ    MessageType
	plain  *protocol.Encoded // as a server sends it; a client masks each anew (§5.3)
	fanOut fanOut

	mu    ctxmutex.Mutex                   // held while one of the forms is compressed, which others then need not do
	forms map[protocol.Form]*buffer.Buffer // compressed payloads
}

// packed returns the compressed payload. It refers to no earlier message, so that it is the same for every connection,
// and right also for those with context takeover.
func (p *Prepared) packed(form protocol.Form) *buffer.Buffer {
	p.mu.Lock(context.Background(), nil)
	defer p.mu.Unlock()
	if b, ok := p.forms[form]; ok {
		return b
	}
	b := buffer.Share(form.Pack(nil, p.plain.Payload()))
	if p.forms == nil {
		p.forms = map[protocol.Form]*buffer.Buffer{}
	}
	p.forms[form] = b
	return b
}

// Prepare encodes a message. data is copied. Text must be UTF-8, which is not checked. Prepare panics if typ is neither Text
// nor Binary, which is a mistake in the program.
func Prepare(typ MessageType, data []byte) *Prepared {
	if !typ.Valid() {
		panic(ErrMessageType)
	}
	return &Prepared{typ: typ, plain: protocol.Encode(typ, data)}
}

// Message returns the message that was prepared. Its data must not be changed.
func (p *Prepared) Message() Message { return Message{p.typ, p.plain.Payload()} }

// outgoing returns p as a message that is on its way.
func (p *Prepared) outgoing() outgoing {
	return outgoing{typ: p.typ, fin: true, payload: p.plain.Payload(), prepared: p}
}
