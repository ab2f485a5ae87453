package conn

import (
	"context"
	"math"

	"github.com/seed60239977/websocket/internal/buffer"
	"github.com/seed60239977/websocket/protocol"
)

// assemble adds the message that comes, or the rest of one, to into, and returns what into has become. part is not the last
// of a message; then it is.
func (c *Conn) assemble(ctx context.Context, into *buffer.Buffer, part *protocol.Event) (*buffer.Buffer, error) {
	for !part.Fin {
		var err error
		if room := c.readIntoRoom(len(into.B)); room > 0 {
			into = into.Grow(room)
			err = c.readInto(ctx, into, room, part)
		} else if err = c.nextPart(ctx, part); err == nil {
			into = into.Add(part.Payload)
		}
		if err != nil {
			return into, err
		}
	}
	return into, nil
}

// minReadInto is how much must be to come of a frame for its payload to be read to where it is assembled, in bytes.
const minReadInto = 16 << 10

// readIntoRoom returns how much of the payload that comes may be read without passing the read buffer, behind have bytes in
// the same memory. Memory follows what has arrived, not what the header promises: it is no more than four times that, also
// when it comes in classes.
func (c *Conn) readIntoRoom(have int) int {
	expected := c.receiver.Expected()
	if len(c.in.unread()) > 0 || c.read.finishing || expected < minReadInto {
		return 0
	}
	_, arrived := c.receiver.Message() // the caller of ReadAppend may have more in front of it
	total := max(minReadInto, buffer.FullClass(4*(arrived+maxHeader)))
	return int(min(expected, total-arrived, int64(math.MaxInt-have)))
}

// readInto waits for payload and adds it to into, where room bytes are free.
func (c *Conn) readInto(ctx context.Context, into *buffer.Buffer, room int, part *protocol.Event) error {
	if err := c.beforeWait(ctx); err != nil {
		return err
	}
	have := len(into.B)
	if err := c.afterWait(ctx, c.in.readInto(into, room, c.transport)); err != nil {
		return err
	}
	if _, err := c.receiver.Next(into.B[have:], part); err != nil {
		into.B = into.B[:have]
		return c.peerFailed(ctx, err)
	}
	if part.Fin && c.out.observed {
		c.observeReceived()
	}
	return nil
}
