package conn

import (
	"context"
	"io"
	"sync/atomic"

	"github.com/seed60239977/websocket/internal/buffer"
	"github.com/seed60239977/websocket/protocol"
)

// Reader waits for the next message and returns a reader for it, which returns the data as it arrives and io.EOF at the end of
// the message. It holds nothing larger than a read buffer. Only the goroutine that reads from the connection may use the
// reader, and only until the next call that reads, which drops the rest of the message.
//
// If a message is too long after decompression, the reader returns what the limit allows before the error.
//
// ctx also bounds every call of the reader, which ends with it as [Conn.Read] does. The errors are the same. If text turns out
// not to be UTF-8, the connection ends there: the reader has returned the parts before, and never returns the one with the
// invalid byte.
func (c *Conn) Reader(ctx context.Context) (MessageType, io.Reader, error) {
	if err := c.beginMessageRead(ctx); err != nil {
		return 0, nil, err
	}
	defer c.endRead()
	if c.nothingCame() { // here, where the stack is not deep yet: see nextPart
		if err := c.waitForBytes(ctx); err != nil {
			return 0, nil, err
		}
	}
	return c.openReader(ctx)
}

// openReader is Reader for a caller that has begun to read.
func (c *Conn) openReader(ctx context.Context) (MessageType, io.Reader, error) {
	r := c.newReader(ctx)
	if c.read.now().partial == nil {
		var part protocol.Event
		if err := c.nextPart(ctx, &part); err != nil {
			return 0, nil, err
		}
		r.have(&part)
	} else {
		r.partial, c.read.held.partial = c.read.held.partial, nil
		r.rest = r.partial.B
	}
	c.read.hold().reader = r
	typ, _ := c.receiver.Message()
	return typ, r, nil
}

// newReader returns the reader for the next message.
func (c *Conn) newReader(ctx context.Context) *messageReader {
	if !c.read.reuses {
		return &messageReader{c: c, ctx: ctx}
	}
	h := c.read.hold()
	if h.reused == nil {
		h.reused = &messageReader{c: c}
	}
	r := h.reused
	r.ctx, r.rest, r.partial, r.fin, r.ended = ctx, nil, nil, false, false
	if r.dropped.Load() { // seldom: a store waits for other processors
		r.dropped.Store(false)
	}
	return r
}

// messageReader gives out one message in parts.
type messageReader struct {
	c       *Conn
	ctx     context.Context
	rest    []byte         // of the part that came last; lies in the read buffer or in partial
	partial *buffer.Buffer // what a cut call had assembled of the message
	fin     bool           // no part comes after rest
	ended   bool           // all was given out
	dropped atomic.Bool    // the rest was dropped, by whoever read next
}

func (r *messageReader) have(part *protocol.Event) { r.rest, r.fin = part.Payload, part.Fin }

// over returns why nothing comes any more, or nil.
func (r *messageReader) over() error {
	switch {
	case r.ended:
		return io.EOF
	case r.dropped.Load():
		return ErrReaderDone
	}
	return nil
}

// Read holds little of the stack while it waits, see nextPart.
func (r *messageReader) Read(p []byte) (int, error) {
	if err := r.begin(); err != nil {
		return 0, err
	}
	defer r.c.endRead()
	for len(r.rest) == 0 {
		if n, err := r.moreInto(p); n > 0 || err != nil {
			return n, err
		}
		if err := r.c.restOfFrame(r.ctx); err != nil {
			return 0, err
		}
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	return r.give(p), nil
}

// begin begins a call of Read. If it returns nil, endRead must follow.
func (r *messageReader) begin() error {
	if err := r.over(); err != nil {
		return err
	}
	if err := r.c.beginRead(r.ctx); err != nil {
		return err
	}
	if err := r.over(); err != nil { // since then
		r.c.endRead()
		return err
	}
	return nil
}

// moreInto is for when all that has come was given out: it reads what comes next to p, past the read buffer, where that is worth it;
// else it returns 0. At the end of the message it returns io.EOF.
//
//go:noinline
func (r *messageReader) moreInto(p []byte) (int, error) {
	r.partial.Release()
	r.partial = nil
	if r.fin {
		r.end()
		return 0, io.EOF
	}
	return r.readInto(p)
}

// next waits for the next part of the message.
//
//go:noinline
func (r *messageReader) next() error {
	var part protocol.Event
	if err := r.c.nextPart(r.ctx, &part); err != nil {
		return err
	}
	r.have(&part)
	return nil
}

// give copies what has come to p.
//
//go:noinline
func (r *messageReader) give(p []byte) int {
	n := copy(p, r.rest)
	if r.rest = r.rest[n:]; len(r.rest) == 0 && r.fin {
		r.end()
	}
	return n
}

// end is called when all was given out: what calls return from then on is io.EOF. The caller holds reading.
func (r *messageReader) end() {
	r.partial.Release()
	r.c.read.held.reader, r.partial, r.ended = nil, nil, true
	r.rest = nil // which is empty, and holds on to the memory that it lay in
}

// readInto reads payload to where the caller wants it, past the read buffer, where that is worth it; else it returns 0.
func (r *messageReader) readInto(p []byte) (int, error) {
	c := r.c
	expected := c.receiver.Expected()
	if len(p) < minReadInto || expected < minReadInto || len(c.in.unread()) > 0 || c.read.finishing {
		return 0, nil
	}
	into := borrowed.Get().(*buffer.Buffer)
	into.BorrowIn(p[:0])
	var part protocol.Event
	err := c.readInto(r.ctx, into, int(min(expected, int64(len(p)))), &part)
	n := len(into.B)
	into.BorrowIn(nil)
	borrowed.Put(into)
	if err != nil {
		return 0, err
	}
	r.fin = part.Fin
	return n, nil
}

// dropRest throws away what a Reader has left of its message. If it fails, reading has ended.
func (c *Conn) dropRest(ctx context.Context) error {
	if h := c.read.held; h != nil && h.reader != nil { // this is inlined, and the rest is not
		return c.dropRestOfReader(ctx)
	}
	return nil
}

func (c *Conn) dropRestOfReader(ctx context.Context) error {
	r := c.read.held.reader
	r.dropped.Store(true)
	var part protocol.Event
	for !r.fin {
		if err := c.nextPart(ctx, &part); err != nil {
			c.endRead()
			return err
		}
		r.have(&part)
	}
	r.rest = nil
	r.partial.Release()
	c.read.held.reader, r.partial = nil, nil
	return nil
}

// beginMessageRead is beginRead for calls that want a message from its start: what a Reader left is dropped.
func (c *Conn) beginMessageRead(ctx context.Context) error {
	if err := c.beginRead(ctx); err != nil {
		return err
	}
	return c.dropRest(ctx)
}
