package conn

import (
	"context"
	"sync"

	"github.com/seed60239977/websocket/internal/buffer"
	"github.com/seed60239977/websocket/protocol"
)

// Read waits for the next message and returns all of it. The caller owns the bytes.
//
// If ctx ends first, Read returns its error and nothing is lost: the part of a message that has arrived stays in the
// connection, and the next call that reads continues from there. Once the connection has ended, the error is the *[CloseError];
// see there for a peer that broke a rule; it is told so and given up to Config.CloseTimeout to close before Read returns.
// [ErrConcurrentRead] says that another goroutine is reading.
func (c *Conn) Read(ctx context.Context) (MessageType, []byte, error) {
	return c.ReadAppend(ctx, nil)
}

// ReadAppend is like [Conn.Read] but appends the message to dst and returns the extended slice. With an error, it returns dst
// unchanged. It allocates only if dst is too small.
func (c *Conn) ReadAppend(ctx context.Context, dst []byte) (MessageType, []byte, error) {
	if err := c.beginMessageRead(ctx); err != nil {
		return 0, dst, err
	}
	defer c.endRead()
	if c.nothingCame() {
		if err := c.waitForBytes(ctx); err != nil {
			return 0, dst, err
		}
	}
	return c.readWhole(ctx, dst)
}

// readWhole is ReadAppend once there is something to read. It is not inlined to keep the event off the stack while waiting, see
// nextPart.
//
//go:noinline
func (c *Conn) readWhole(ctx context.Context, dst []byte) (MessageType, []byte, error) {
	var part protocol.Event
	if c.read.now().partial == nil {
		if err := c.nextPart(ctx, &part); err != nil {
			return 0, dst, err
		}
		if part.Fin { // nearly always
			if dst == nil { // the most of these: what grows a slice is more code than what makes one
				whole := make([]byte, len(part.Payload))
				copy(whole, part.Payload)
				return part.Type, whole, nil
			}
			return part.Type, append(dst, part.Payload...), nil
		}
	}
	return c.readOn(ctx, dst, &part)
}

// readOn appends a message that did not come in one part: what there is of it from a call before or as its first part, and the rest.
func (c *Conn) readOn(ctx context.Context, dst []byte, first *protocol.Event) (MessageType, []byte, error) {
	into := borrowed.Get().(*buffer.Buffer)
	into.BorrowIn(dst)
	if partial := c.read.now().partial; partial != nil {
		into.Add(partial.B)
		c.dropPartial()
	} else {
		into.Add(first.Payload)
	}
	_, err := c.assemble(ctx, into, first)
	whole := into.B
	into.BorrowIn(nil)
	borrowed.Put(into)
	if err != nil {
		c.keepPartial(whole[len(dst):])
		return 0, dst, err
	}
	typ, _ := c.receiver.Message()
	return typ, whole, nil
}

// borrowed are for the memory that callers give.
var borrowed = sync.Pool{New: func() any { return buffer.Borrow(nil) }}
