package conn

import (
	"context"
	"math"

	"github.com/seed60239977/websocket/internal/buffer"
)

// Writer begins a message whose length is not known yet and returns a writer for it, whose Close ends the message. Until then
// other messages wait, those of [Conn.Send] in its queue; control frames do not wait. The message goes out in fragments of up
// to Config.FragmentSize bytes, or in one frame if it is no longer than that.
//
// ctx bounds the wait for other messages and every call of the writer. If one of these calls returns an error, the message
// cannot be completed: Close then begins to close the connection with [StatusInternalError], unless nothing of the message was sent, so
// that the peer never takes part of a message for the whole. The writer must be closed, and used by one goroutine only.
func (c *Conn) Writer(ctx context.Context, typ MessageType) (*MessageWriter, error) {
	if !typ.Valid() {
		return nil, ErrMessageType
	}
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, c.ended(err)
	}
	if err := c.beginTurn(ctx); err != nil {
		return nil, err
	}
	if err := c.sendable(); err != nil {
		c.endTurn()
		return nil, err
	}
	o.holder = turnUnbegun
	if o.observed {
		return c.observedWriter(ctx, typ), nil
	}
	return &MessageWriter{c: c, ctx: ctx, typ: typ}, nil
}

// MessageWriter writes one message; see [Conn.Writer]. It is an io.WriteCloser for use by one goroutine. Other messages wait
// until it is closed.
type MessageWriter struct {
	c     *Conn
	ctx   context.Context
	typ   MessageType
	ended bool           // the last frame was accepted
	part  *buffer.Buffer // gathered and not yet sent
	err   error          // the first error; ErrWriterClosed after Close
	sum   *MessageSize   // of what was sent, if that is observed; else nil
}

// Write collects the bytes of p and sends each frame that is full. n counts the bytes that were accepted.
func (w *MessageWriter) Write(p []byte) (n int, err error) {
	size := w.c.settings.Value().fragment
	if size < 0 {
		size = math.MaxInt
	}
	for len(p) > 0 && w.err == nil {
		if w.part == nil {
			w.part = buffer.Get(min(size, len(p)))
		}
		if len(w.part.B) == size {
			w.err = w.send(false)
			continue
		}
		room := min(size-len(w.part.B), len(p))
		w.part = w.part.Add(p[:room])
		p = p[room:]
		n += room
	}
	return n, w.err
}

// send sends what was gathered as the next frame of the message.
func (w *MessageWriter) send(fin bool) error {
	c, o := w.c, &w.c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := w.ctx.Err(); err != nil {
		return c.ended(err)
	}
	if err := c.awaitRoom(w.ctx); err != nil {
		return err
	}
	m := outgoing{typ: w.typ, fin: fin, sum: w.sum}
	if w.part != nil {
		m.payload = w.part.B
	}
	o.holder = turnSends
	if err := c.pack(&m); err != nil {
		c.flushNow() // the close frame that came meanwhile: the caller may be long in closing w
		return err
	}
	w.ended = fin
	w.part.Release()
	w.part = nil
	return c.flush(w.ctx, o.sender.Queued())
}

// Flush sends what was written but not sent yet as a fragment of the message, however short, and returns when it is on the
// wire. If there is nothing to send, it does nothing. Its errors are those of Write.
func (w *MessageWriter) Flush() error {
	if w.err == nil && w.part != nil {
		w.err = w.send(false)
	}
	return w.err
}

// Close sends the last frame and returns when the message is on the wire.
func (w *MessageWriter) Close() error {
	if w.err == ErrWriterClosed {
		return w.err
	}
	err := w.err
	if err == nil {
		err = w.send(true)
	}
	w.err = ErrWriterClosed
	w.part.Release()
	w.part = nil
	o := &w.c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if !w.ended && o.holder != turnUnbegun { // else the peer has nothing of it
		w.c.sendClose(StatusInternalError, "message abandoned", false)
	}
	if r := w.c.cold; r != nil && r.tookTurn { // from this one: nobody gets a Writer after Close
		r.tookTurn = false
	} else {
		w.c.endTurn()
	}
	w.c.flushNow()
	return err
}
