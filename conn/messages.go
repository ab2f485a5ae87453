package conn

import (
	"context"
	"iter"

	"github.com/seed60239977/websocket/internal/buffer"
	"github.com/seed60239977/websocket/protocol"
)

// Messages returns an iterator over the messages that arrive, for a range loop:
//
//	for m, err := range c.Messages(ctx) {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// It is like [Conn.Read] without the copy: m.Data may be changed, and is valid until the next iteration or, after leaving the
// loop, until the next call that reads or the end of the connection. The last iteration has the error that Read would return.
// The loop body may call all methods except those that read. It may leave the loop at any time, and reading may continue later
// in any way.
func (c *Conn) Messages(ctx context.Context) iter.Seq2[Message, error] {
	// As little as this can be inlined into the loop, which then makes no garbage.
	return func(yield func(Message, error) bool) { c.messages(ctx, yield) }
}

func (c *Conn) messages(ctx context.Context, yield func(Message, error) bool) {
	var l loan
	for holds := false; ; holds = c.giveBack(&l) {
		if err := c.lendNext(ctx, &l, holds, false); err != nil {
			yield(Message{}, err)
			return
		}
		if !yield(l.message(), nil) {
			c.keepLoan(&l)
			return
		}
	}
}

// loan is a message that the connection lends to its reader.
type loan struct {
	part protocol.Event // the first part of it, and in the end all of it
	held *buffer.Buffer // the memory that it lies in
}

func (l *loan) message() Message { return Message{l.part.Type, l.part.Payload} }

// lendNext waits for the next message and lends it. If it returns nil, giveBack or keepLoan must follow. holds says that the
// caller holds reading.
func (c *Conn) lendNext(ctx context.Context, l *loan, holds, serving bool) (err error) {
	if holds {
		err = c.startRead(ctx)
	} else {
		err = c.beginMessageRead(ctx)
	}
	if err != nil {
		return err
	}
	c.read.serving = serving
	l.held = c.read.now().partial
	if l.held == nil {
		err = c.nextPart(ctx, &l.part)
	}
	if err == nil && (l.held != nil || !l.part.Fin) {
		c.beginAssembly(l)
		if serving && len(c.in.unread()) == 0 {
			err = c.flushCorked() // here, where the stack is not deep yet: see nextPart
		}
		if err == nil {
			l.held, err = c.assemble(ctx, l.held, &l.part)
		}
		c.endAssembly(l, err)
	}
	if err == nil {
		c.keepInPlace(l)
	}
	if err == nil && serving {
		c.corkIfMore()
	}
	c.endRead()
	return err
}

// beginAssembly has a message that did not come in one part put together in l.held: what there is of it.
func (c *Conn) beginAssembly(l *loan) {
	if l.held == nil {
		first := l.part.Payload
		l.held = buffer.Get(len(first) + c.readIntoRoom(len(first))).Add(first)
	}
	l.part.Fin = false
}

// endAssembly lends what was put together, or keeps it for the next call if that was cut.
func (c *Conn) endAssembly(l *loan, err error) {
	if err != nil {
		c.read.hold().partial, l.held = l.held, nil
		return
	}
	if c.read.held != nil {
		c.read.held.partial = nil
	}
	l.part.Type, _ = c.receiver.Message()
	l.part.Payload = l.held.B
}

// keepInPlace leaves the message where it lies if it came whole: in the read buffer or in what it was decompressed to. Else it is in a
// buffer of its own. Its data is valid until giveBack.
func (c *Conn) keepInPlace(l *loan) {
	switch {
	case l.held != nil:
	case c.receiver.Compressed():
		l.held, c.read.held.inflated = c.read.held.inflated, nil
		c.receiver.SetOutput(nil)
	case c.in.lent || c.in.buf.Borrowed(): // to another loop, which may give it back before this one does; or what reads next has it
		l.held = l.held.Add(l.part.Payload)
		l.part.Payload = l.held.B
	default:
		c.in.lent = true
		l.held = c.in.buf
	}
}

// giveBack ends a loan. It reports whether the caller holds reading now, which is so unless somebody else does.
func (c *Conn) giveBack(l *loan) (holds bool) {
	if !c.reading.TryLock() {
		return false // somebody reads, perhaps for long, or cleans up; the garbage collector takes the buffer
	}
	if c.read.now().reader != nil { // the caller has begun a message with another call, whose rest is to be dropped
		c.endLoan(l.held)
		c.endRead()
		return false
	}
	c.endLoan(l.held)
	return true
}

// keepLoan leaves a loan to a caller who has left the loop, until the next call that reads.
func (c *Conn) keepLoan(l *loan) {
	if l.held == nil || !c.reading.TryLock() {
		return // somebody reads, perhaps for long, or cleans up; the garbage collector takes the buffer
	}
	c.read.hold().kept = l.held
	c.endRead()
}
