package conn

import "context"

// maxHeader is the longest header of a frame, in bytes.
const maxHeader = 14

// Write sends one message in one frame and returns when it is on the wire, which means written to the net.Conn. Any number of
// goroutines may write; each message goes out whole. Write neither changes nor keeps data. Text must be UTF-8, which Write does
// not check.
//
// If ctx ends first, Write returns its error and the connection goes on. The message may then have been accepted: whatever is
// left of it is sent without another call, ahead of the next message. Other errors are [ErrMessageType], [ErrCloseSent],
// [*WriteError] and, once the connection has ended, the *[CloseError].
//
// A *WriteError means that a write of the net.Conn has failed, this one or an earlier one. That ends sending, but not
// receiving: messages that have arrived can still be read, and so can the peer's close frame, whose code is then that of the
// *CloseError. The connection ends after the last of them, and after Config.CloseTimeout at the latest. If nobody has read by
// then, the connection reads the rest itself, to learn the code, and discards it. Nothing that the peer has sent is lost if it
// closes TCP in an orderly way. With a TCP reset, some may be: Linux, the BSDs and macOS still deliver what arrived before it;
// Windows discards that.
func (c *Conn) Write(ctx context.Context, typ MessageType, data []byte) error {
	if !typ.Valid() {
		return ErrMessageType
	}
	_, err := c.submit(ctx, &outgoing{typ: typ, fin: true, payload: data})
	return err
}

// submit sends m and returns when it is on the wire, or waits for more to go with it. It reports whether m was accepted: then
// it goes out, also if ctx ends.
func (c *Conn) submit(ctx context.Context, m *outgoing) (accepted bool, err error) {
	if !m.deep && c.out.hot.grows() {
		return c.submitOnFreshStack(ctx, m)
	}
	c.out.mu.Lock()
	then, err := c.enqueue(ctx, m)
	if then == toFlush {
		err = c.flush(ctx, c.out.sender.Queued())
	}
	c.out.mu.Unlock()
	return then != refused, err
}

// queued says what became of a message.
type queued uint8

const (
	refused  queued = iota // it will not go out
	onItsWay               // it is on the wire, or goes out by itself
	toFlush                // it is to be flushed
)

// enqueue is submit without waiting until the message is on the wire. The caller holds mu. It is not inlined to keep it off the
// stack while writing, see nextPart.
//
//go:noinline
func (c *Conn) enqueue(ctx context.Context, m *outgoing) (queued, error) {
	if err := ctx.Err(); err != nil {
		return refused, c.ended(err)
	}
	if c.writesThrough(ctx, m) {
		if c.driven() != nil {
			switch accepted, err := c.tryThrough(m); {
			case accepted && err != nil:
				return onItsWay, err
			case err != nil:
				return refused, err
			case accepted:
				return toFlush, nil
			}
		} else if accepted, err := c.writeThrough(ctx, m); !accepted {
			return refused, err
		} else {
			return onItsWay, err
		}
	}
	err := c.awaitRoom(ctx)
	if err == nil && !c.out.turn.Held() && !c.packs(m) {
		if m.prepared == nil {
			c.out.sender.Reserve(len(m.payload)) // here, where the stack is not deep yet
		}
		err = c.queue(m)
	} else if err == nil {
		// "The fragments of one message MUST NOT be interleaved between the fragments of another message" (§5.4).
		if err = c.beginTurn(ctx); err == nil {
			if err = c.sendable(); err == nil {
				err = c.pack(m)
			}
			c.endTurn()
		}
	}
	if err != nil {
		return refused, err
	}
	if c.cork() {
		return onItsWay, nil
	}
	return toFlush, nil
}

// Flush returns when everything accepted before the call is on the wire, with the same errors as [Conn.Write]. It does not
// cover what a [Conn.Writer] has collected but not sent: see [MessageWriter.Flush]. If Send has queued messages behind that of
// a Writer, Flush waits for the Writer to be closed.
func (c *Conn) Flush(ctx context.Context) error {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := c.ended(ctx.Err()); err != nil {
		return err
	}
	if c.cold != nil && len(c.cold.deferred) > 0 { // behind the message of a Writer
		if err := c.passTurn(ctx); err != nil {
			return err
		}
		if err := c.sendable(); err != nil && len(c.cold.deferred) > 0 { // the Writer was abandoned
			return err
		}
	}
	if err := c.refusal(); err != nil { // what was accepted before is lost
		return err
	}
	return c.flush(ctx, o.sender.Queued())
}

// WritePrepared is [Conn.Write] for a prepared message.
func (c *Conn) WritePrepared(ctx context.Context, p *Prepared) error {
	m := p.outgoing()
	_, err := c.submit(ctx, &m)
	return err
}
